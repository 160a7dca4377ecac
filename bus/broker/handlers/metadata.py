"""ApiVersions and Metadata: what this broker serves, and where topics are led."""

import re
from collections.abc import Callable
from functools import partial
from uuid import UUID

from bus.broker.context import Context, Reply
from bus.broker.in_turn import in_turn
from bus.broker.leaders import endpoint_for
from bus.broker.node import Node
from bus.control.placement import default_replication_factor
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
            [_offer(api, is_kafka) for api in node.served if not (is_kafka and api.is_ours)],
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
    asked = request.topics
    if asked is None or (context.version == 0 and not asked):
        found = [_describe(node, topic) for topic in node.metadata.image.topics.values()]
        reply(_response(node, context, found))
        return
    create = request.allow_auto_topic_creation
    if context.version < EXPLICIT_CREATION_SINCE_VERSION:
        create = True
    is_watched = request.watch and not context.is_kafka and len(asked) > 0

    def answer(found: list[MetadataResponseTopic]) -> None:
        response = _response(node, context, found)
        if not is_watched:
            reply(response)
            return
        names = tuple(topic.name or "" for topic in found)
        again = partial(_describe_again, node, context, asked)
        node.watches.watch(context.peer, names, response, again, reply, context.is_gone)

    is_allowed = node.settings.auto_create_topics_enable or context.is_peer  # who has asked itself
    _look_up(node, asked, create and is_allowed, answer)


def _describe_again(
    node: Node, context: Context, asked: list[MetadataRequestTopic]
) -> MetadataResponse:
    entries = {(each.name, each.topic_id): each for each in asked}.values()
    return _response(node, context, [_find(node, entry) for entry in entries])


def _response(
    node: Node, context: Context, topics: list[MetadataResponseTopic]
) -> MetadataResponse:
    if context.version < NAMELESS_SINCE_VERSION:
        for topic in topics:
            topic.name = topic.name or ""
    image = node.metadata.image
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
    return MetadataResponse(
        brokers=brokers,
        cluster_id=image.cluster_id,
        controller_id=image.controller_id,
        topics=topics,
        cluster_authorized_operations=NOT_ASKED,
    )


def _look_up(
    node: Node,
    asked: list[MetadataRequestTopic],
    create: bool,
    done: Callable[[list[MetadataResponseTopic]], None],
) -> None:
    """Each topic once, however often it is asked for; not more are created than take a moment."""
    entries = list({(each.name, each.topic_id): each for each in asked}.values())
    found = [_find(node, entry) for entry in entries]
    missing = [n for n, topic in enumerate(found) if _may_be_made(node, entries[n], topic, create)]
    for number in missing[TOPICS_CREATED_PER_LOOKUP_MAX:]:
        found[number].error_code = LeaderNotAvailable.code
    made = missing[:TOPICS_CREATED_PER_LOOKUP_MAX]
    in_turn((partial(_make, node, found, number) for number in made), lambda: done(found))


def _find(node: Node, asked: MetadataRequestTopic) -> MetadataResponseTopic:
    image = node.metadata.image
    if asked.topic_id != NO_TOPIC_ID:
        topic = image.topics.get(node.topic_name(asked.topic_id) or "")
        if topic is None:
            return _error(asked.name, asked.topic_id, UnknownTopicId.code)
        return _describe(node, topic)
    topic = image.topics.get(asked.name or "")
    if topic is None:
        return _error(asked.name or "", NO_TOPIC_ID, UnknownTopicOrPartition.code)
    return _describe(node, topic)


def _may_be_made(
    node: Node, asked: MetadataRequestTopic, found: MetadataResponseTopic, create: bool
) -> bool:
    """One that cannot be has the error that says so."""
    if found.error_code != UnknownTopicOrPartition.code:
        return False
    try:
        check_topic_name(asked.name or "")
    except BusError as error:
        found.error_code = error.code
        return False
    return create


def _make(
    node: Node, found: list[MetadataResponseTopic], number: int, through: Callable[[], None]
) -> None:
    """Make the topic that was asked for as `number`, unless somebody else was faster."""
    name = found[number].name or ""

    def told(error: BusError | None) -> None:
        topic = node.metadata.image.topics.get(name)
        if topic is not None:
            found[number] = _describe(node, topic)
        elif error is not None:
            found[number].error_code = error.code
        through()

    node.make_topic(name, told)


def _describe(node: Node, topic: TopicImage) -> MetadataResponseTopic:
    hosted = (node.runtime.find(topic.name, index) for index in range(len(topic.partitions)))
    known = next((partition.settings for partition in hosted if partition is not None), None)
    settings = known or node.topics.settings_of(topic)
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
        replicas_wanted=_replicas_wanted(node, topic),
    )


def _replicas_wanted(node: Node, topic: TopicImage) -> int:
    """By the rule that it follows, with the brokers that there are; else what it has."""
    if not topic.grows:
        return len(topic.partitions[0].replicas)
    return default_replication_factor(max(1, len(node.metadata.image.brokers)))


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
