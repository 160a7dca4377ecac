"""ApiVersions and Metadata: what this broker serves, and where topics are led."""

import re
from uuid import UUID

from bus.broker.context import Context, Reply
from bus.broker.leaders import endpoint_for
from bus.broker.node import Node
from bus.errors import (
    NONE,
    BusError,
    InvalidRequest,
    LeaderNotAvailable,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from bus.model.cluster import PartitionImage, TopicImage
from bus.model.ids import INTERNAL_TOPICS, NO_TOPIC_ID, check_topic_name
from bus.model.limits import TOPICS_CREATED_PER_LOOKUP_MAX
from bus.wire.extensions import API_KEY_MIN
from bus.wire.metadata import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from bus.wire.registry import Api, api_of

API_VERSIONS = api_of(ApiVersionsRequest)
NAMED_SINCE_VERSION = 3  # protocol: ApiVersions, from here on with the client's name
SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
NOT_ASKED = -(2**31)  # protocol: authorized operations that were not asked for
EXPLICIT_CREATION_SINCE_VERSION = 4
NAMELESS_SINCE_VERSION = 12  # protocol: Metadata, a topic of an unknown id; before, it is ""


def api_versions(node: Node, context: Context, request: ApiVersionsRequest, reply: Reply) -> None:
    """Serve one ApiVersions. Who is a client of Kafka's has to say its name properly (KIP-511)."""
    error = NONE
    if context.is_kafka and context.version >= NAMED_SINCE_VERSION:
        names = (request.client_software_name, request.client_software_version)
        error = NONE if all(map(SOFTWARE.fullmatch, names)) else InvalidRequest.code
    reply(api_versions_response(node, error, is_kafka=context.is_kafka))


def api_versions_response(
    node: Node, error: int = NONE, *, is_kafka: bool = False
) -> ApiVersionsResponse:
    """What is served, and the credit of a peer over ZeroMQ.

    Kafka's clients are not told of our own requests; with an error they are told of this one only.
    """
    if error == InvalidRequest.code:
        keys = []
    elif is_kafka and error:
        keys = [_offer(API_VERSIONS, is_kafka)]
    else:
        keys = node.offered.get(is_kafka) or node.offered.setdefault(
            is_kafka,
            [_offer(api, is_kafka) for api in node.served if not is_kafka or api.key < API_KEY_MIN],
        )
    return ApiVersionsResponse(
        error_code=error,
        api_keys=keys,
        credit_bytes=node.settings.client_credit_bytes,
        credit_requests=node.settings.client_credit_requests,
    )


def _offer(api: Api, is_kafka: bool) -> ApiVersion:
    return ApiVersion(api.key, *api.advertised(kafka=is_kafka))


def metadata(node: Node, context: Context, request: MetadataRequest, reply: Reply) -> None:
    """Serve one Metadata; null asks for all topics (and, at version 0, so does an empty list)."""
    image = node.metadata.image
    asked = request.topics
    if asked is None or (context.version == 0 and not asked):
        topics = [_describe(node, topic) for topic in image.topics.values()]
    else:
        topics = _look_up(node, context, asked, request.allow_auto_topic_creation)
    brokers = [
        MetadataResponseBroker(
            node_id=broker.broker_id,
            host=endpoint.host,
            port=endpoint.port,
            rack=broker.rack,
        )
        for broker in image.brokers.values()
        if (endpoint := endpoint_for(node, context, broker)) is not None
    ]
    reply(
        MetadataResponse(
            brokers=brokers,
            cluster_id=image.cluster_id,
            controller_id=image.controller_id,
            topics=topics,
            cluster_authorized_operations=NOT_ASKED,
        )
    )


def _look_up(
    node: Node, context: Context, asked: list[MetadataRequestTopic], create: bool
) -> list[MetadataResponseTopic]:
    """Each topic once, however often it is asked for; not more are created than take a moment."""
    if context.version < EXPLICIT_CREATION_SINCE_VERSION:
        create = True
    end = len(node.metadata.image.topics) + TOPICS_CREATED_PER_LOOKUP_MAX
    found = []
    for entry in {(each.name, each.topic_id): each for each in asked}.values():
        is_full = len(node.metadata.image.topics) >= end
        found.append(_find(node, entry, create, LeaderNotAvailable.code if is_full else NONE))
    if context.version < NAMELESS_SINCE_VERSION:
        for topic in found:
            topic.name = topic.name or ""
    return found


def _find(
    node: Node, asked: MetadataRequestTopic, create: bool, not_yet: int
) -> MetadataResponseTopic:
    """One topic, made if it may be; `not_yet` is the error instead of making it."""
    image = node.metadata.image
    if asked.topic_id != NO_TOPIC_ID:
        found = image.topic_by_id(asked.topic_id)
        if found is None:
            return _error(asked.name, asked.topic_id, UnknownTopicId.code)
        return _describe(node, found)
    name = asked.name or ""
    topic = image.topics.get(name)
    if topic is not None:
        return _describe(node, topic)
    try:
        check_topic_name(name)
        if not (create and node.settings.auto_create_topics_enable):
            return _error(name, NO_TOPIC_ID, UnknownTopicOrPartition.code)
        if not_yet:
            return _error(name, NO_TOPIC_ID, not_yet)
        if name in INTERNAL_TOPICS:
            node.coordinators.ensure_topic()
        else:
            node.create_topic(name)
    except BusError as error:
        return _error(name, NO_TOPIC_ID, error.code)
    return _describe(node, node.metadata.image.topics[name])


def _describe(node: Node, topic: TopicImage) -> MetadataResponseTopic:
    hosted = (node.runtime.find(topic.name, index) for index in range(len(topic.partitions)))
    known = next((partition.settings for partition in hosted if partition is not None), None)
    settings = known or node.settings_of(topic)
    return MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=[
            _describe_partition(node, topic.name, index, image)
            for index, image in enumerate(topic.partitions)
        ],
        topic_authorized_operations=NOT_ASKED,
        batch_bytes_max=min(settings.max_message_bytes, settings.segment_bytes),
    )


def _describe_partition(
    node: Node, topic: str, index: int, image: PartitionImage
) -> MetadataResponsePartition:
    """As the authority's record says; where we lead, in the epoch that we lead it in."""
    me, brokers = node.settings.node_id, node.metadata.image.brokers
    leader, epoch = image.leader, image.leader_epoch
    offline = [replica for replica in image.replicas if replica not in brokers]
    if leader == me:
        hosted = node.runtime.find(topic, index)
        if hosted is None:
            offline.append(me)
        else:
            epoch = max(epoch, hosted.leader.epoch)
    is_led = leader in brokers and leader not in offline
    return MetadataResponsePartition(
        error_code=NONE if is_led else LeaderNotAvailable.code,
        partition_index=index,
        leader_id=leader if is_led else -1,
        leader_epoch=epoch if is_led else -1,
        replica_nodes=list(image.replicas),
        isr_nodes=list(image.isr),
        offline_replicas=offline,
    )


def _error(name: str | None, topic_id: UUID, code: int) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=code, name=name, topic_id=topic_id, topic_authorized_operations=NOT_ASKED
    )
