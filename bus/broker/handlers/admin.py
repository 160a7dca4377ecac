"""Topics and their settings: create, delete, grow, describe, alter; and producer ids."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.handlers.outcome import attempt_each
from bus.broker.node import Node
from bus.errors import (
    BusError,
    InvalidReplicaAssignment,
    InvalidRequest,
    InvalidTransactionState,
    UnknownTopicOrPartition,
)
from bus.model.ids import NO_TOPIC_ID, check_not_internal
from bus.wire.admin import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from bus.wire.transactions import InitProducerIdRequest, InitProducerIdResponse

DEFAULT = -1  # protocol: CreateTopics, "use the broker's default"
TOPIC_CONFIG, DEFAULT_CONFIG = 1, 5  # protocol: DescribeConfigs, config sources


def create_topics(node: Node, context: Context, request: CreateTopicsRequest, reply: Reply) -> None:
    """Serve one CreateTopics."""
    named = Counter(topic.name for topic in request.topics)
    parts = []
    for topic in request.topics:
        result = CreatableTopicResult(name=topic.name, configs=[])
        work = partial(_create, node, topic, result, request.validate_only)
        parts.append((result, work if named[topic.name] == 1 else _refuse_twice))
    response = CreateTopicsResponse(topics=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response))


def _refuse_twice() -> None:
    raise InvalidRequest("The request names the topic twice.")


def _create(
    node: Node, asked: CreatableTopic, result: CreatableTopicResult, validate_only: bool
) -> None:
    check_not_internal(asked.name)
    partitions = None if asked.num_partitions == DEFAULT else asked.num_partitions
    replicas = None if asked.replication_factor == DEFAULT else asked.replication_factor
    if asked.assignments:
        if partitions is not None or replicas is not None:
            raise InvalidRequest("Partitions are either counted or assigned, not both.")
        partitions = _check_assigned(node, asked.assignments)
    config = {entry.name: entry.value for entry in asked.configs if entry.value is not None}
    topic = node.create_topic(asked.name, partitions, replicas, config, validate_only)
    if topic is None:
        return
    result.topic_id = topic.topic_id
    result.num_partitions = len(topic.partitions)
    result.replication_factor = len(topic.partitions[0].replicas)
    result.configs = [
        CreatableTopicConfigs(
            name=name,
            value=value,
            config_source=TOPIC_CONFIG if name in topic.config else DEFAULT_CONFIG,
        )
        for name, value in node.described_config(topic).items()
    ]


def _check_assigned(node: Node, assignments: Sequence[CreatableReplicaAssignment]) -> int:
    """How many partitions are assigned. All must be to where they would be placed anyway."""
    if sorted(one.partition_index for one in assignments) != list(range(len(assignments))):
        raise InvalidReplicaAssignment("Partitions are assigned from 0 on, without a gap.")
    for one in assignments:
        _check_replicas(node, one.broker_ids)
    return len(assignments)


def _check_replicas(node: Node, broker_ids: Sequence[int]) -> None:
    """One node is a cluster of one: nobody else can hold a partition."""
    own = node.settings.node_id
    if list(broker_ids) != [own]:
        raise InvalidReplicaAssignment(f"Each partition can be assigned to broker {own} alone.")


def delete_topics(node: Node, context: Context, request: DeleteTopicsRequest, reply: Reply) -> None:
    """Serve one DeleteTopics, by name or (from version 6) by id."""
    asked = request.topics or [DeleteTopicState(name=name) for name in request.topic_names]
    parts = []
    for state in asked:
        result = DeletableTopicResult(name=state.name, topic_id=state.topic_id)
        parts.append((result, partial(_delete, node, state, result)))
    response = DeleteTopicsResponse(responses=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response))


def _delete(node: Node, asked: DeleteTopicState, result: DeletableTopicResult) -> None:
    name = asked.name
    if asked.topic_id != NO_TOPIC_ID:
        name = node.topic_name(asked.topic_id)
    if name is None:
        raise UnknownTopicOrPartition
    check_not_internal(name)
    topic = node.delete_topic(name)
    result.name, result.topic_id = topic.name, topic.topic_id


def create_partitions(
    node: Node, context: Context, request: CreatePartitionsRequest, reply: Reply
) -> None:
    """Serve one CreatePartitions."""
    parts = []
    for asked in request.topics:
        result = CreatePartitionsTopicResult(name=asked.name)
        parts.append((result, partial(_grow, node, asked, request.validate_only)))
    response = CreatePartitionsResponse(results=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response))


def _grow(node: Node, asked: CreatePartitionsTopic, validate_only: bool) -> None:
    check_not_internal(asked.name)
    if asked.assignments:
        image = node.metadata.image.topics.get(asked.name)
        if image is not None and len(asked.assignments) != asked.count - len(image.partitions):
            raise InvalidReplicaAssignment("Each new partition is assigned, and no other.")
        for one in asked.assignments:
            _check_replicas(node, one.broker_ids)
    node.create_partitions(asked.name, asked.count, validate_only)


def init_producer_id(
    node: Node, context: Context, request: InitProducerIdRequest, reply: Reply
) -> None:
    """Serve one InitProducerId; without a transactional id it is always a new producer."""
    response = InitProducerIdResponse(producer_id=-1, producer_epoch=-1)
    try:
        if request.transactional_id == "":
            raise InvalidRequest("The transactional id is empty.")
        if request.transactional_id is not None:
            raise InvalidTransactionState("Transactions are not served by this broker.")
        response.producer_id, response.producer_epoch = node.new_producer_id(), 0
    except BusError as error:
        response.error_code = error.code
        node.count_error(error.code)
    reply(response)
