"""Topics and their settings: create, delete, grow, describe, alter; and producer ids."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.handlers.outcome import attempt_each
from bus.broker.node import Node
from bus.broker.topic_changes import Done
from bus.broker.topics import Assigned
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


def create_topics(
    node: Node,
    context: Context,
    request: CreateTopicsRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one CreateTopics."""
    named = Counter(topic.name for topic in request.topics)
    parts = []
    for topic in request.topics:
        result = CreatableTopicResult(name=topic.name, configs=[])
        work = partial(_create, node, topic, result, request.validate_only)
        parts.append((result, work if named[topic.name] == 1 else _refuse_twice))
    response = CreateTopicsResponse(topics=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response), refusal)


def _refuse_twice(_: Done) -> None:
    raise InvalidRequest("The request names the topic twice.")


def _create(
    node: Node,
    asked: CreatableTopic,
    result: CreatableTopicResult,
    validate_only: bool,
    done: Done,
) -> None:
    check_not_internal(asked.name)
    partitions = None if asked.num_partitions == DEFAULT else asked.num_partitions
    replicas = None if asked.replication_factor == DEFAULT else asked.replication_factor
    if asked.assignments and not (partitions is None and replicas is None):
        raise InvalidRequest("Partitions are either counted or assigned, not both.")

    def told(error: BusError | None) -> None:
        if error is None and not validate_only:
            _describe(node, asked.name, result)
        done(error)

    node.topics.create(
        asked.name,
        told,
        partitions=partitions,
        replication_factor=replicas,
        assigned=_assigned(asked.assignments) if asked.assignments else None,
        config={entry.name: entry.value for entry in asked.configs if entry.value is not None},
        validate_only=validate_only,
    )


def _describe(node: Node, name: str, result: CreatableTopicResult) -> None:
    topic = node.metadata.image.topics.get(name)
    if topic is None:
        return  # it is deleted already
    result.topic_id = topic.topic_id
    result.num_partitions = len(topic.partitions)
    result.replication_factor = len(topic.partitions[0].replicas)
    result.configs = [
        CreatableTopicConfigs(
            name=name,
            value=value,
            config_source=TOPIC_CONFIG if name in topic.config else DEFAULT_CONFIG,
        )
        for name, value in node.topics.described(topic).items()
    ]


def _assigned(assignments: Sequence[CreatableReplicaAssignment]) -> Assigned:
    ordered = sorted(assignments, key=lambda one: one.partition_index)
    if [one.partition_index for one in ordered] != list(range(len(ordered))):
        raise InvalidReplicaAssignment("Partitions are assigned from 0 on, without a gap.")
    return [tuple(one.broker_ids) for one in ordered]


def delete_topics(
    node: Node,
    context: Context,
    request: DeleteTopicsRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one DeleteTopics, by name or (from version 6) by id."""
    parts = []
    for state in request.topics:
        result = DeletableTopicResult(name=state.name, topic_id=state.topic_id)
        parts.append((result, partial(_delete, node, state, result)))
    response = DeleteTopicsResponse(responses=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response), refusal)


def _delete(node: Node, asked: DeleteTopicState, result: DeletableTopicResult, done: Done) -> None:
    name = asked.name
    if asked.topic_id != NO_TOPIC_ID:
        name = node.topic_name(asked.topic_id)
    if name is None:
        raise UnknownTopicOrPartition
    check_not_internal(name)
    result.topic_id = node.metadata.topic(name).topic_id
    result.name = name
    node.topics.delete(name, done)


def create_partitions(
    node: Node,
    context: Context,
    request: CreatePartitionsRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one CreatePartitions."""
    parts = []
    for asked in request.topics:
        result = CreatePartitionsTopicResult(name=asked.name)
        parts.append((result, partial(_grow, node, asked, request.validate_only)))
    response = CreatePartitionsResponse(results=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response), refusal)


def _grow(node: Node, asked: CreatePartitionsTopic, validate_only: bool, done: Done) -> None:
    check_not_internal(asked.name)
    assigned = [tuple(one.broker_ids) for one in asked.assignments] if asked.assignments else None
    node.topics.grow(asked.name, asked.count, done, assigned=assigned, validate_only=validate_only)


def init_producer_id(
    node: Node, context: Context, request: InitProducerIdRequest, reply: Reply
) -> None:
    """Serve one InitProducerId; without a transactional id it is always a new producer."""

    def told(outcome: int | BusError) -> None:
        response = InitProducerIdResponse(producer_id=-1, producer_epoch=-1)
        if isinstance(outcome, BusError):
            response.error_code = outcome.code
            node.count_error(outcome.code)
        else:
            response.producer_id, response.producer_epoch = outcome, 0
        reply(response)

    if request.transactional_id == "":
        told(InvalidRequest("The transactional id is empty."))
    elif request.transactional_id is not None:
        told(InvalidTransactionState("Transactions are not served by this broker."))
    else:
        node.producer_ids.next(told)
