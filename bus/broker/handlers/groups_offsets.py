"""OffsetCommit, OffsetFetch and OffsetDelete: how far groups have come.

What is fetched is what is durable: a commit shows once it has been answered. A partition without a
position is no error: its offset is -1.
"""

from bus.broker.context import Context, Reply
from bus.broker.handlers.groups import ask
from bus.broker.node import Node
from bus.control.group_effects import Outcome, Told
from bus.control.group_facts import Commit, OffsetKey, Position
from bus.control.offsets import Offsets
from bus.control.offsets_requests import commit, forget
from bus.errors import BusError, UnknownTopicOrPartition
from bus.wire.commits import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)

SEVERAL_GROUPS_SINCE_VERSION = 8  # protocol: OffsetFetch
GROUP_ERROR_SINCE_VERSION = 2  # protocol: OffsetFetch; before, each partition tells it
BROKERS_RETENTION = -1  # protocol: OffsetCommit, retention_time_ms
TIME_MAX = (1 << 63) - 1  # ms, that a record can name


def offset_commit(node: Node, context: Context, request: OffsetCommitRequest, reply: Reply) -> None:
    """Serve one OffsetCommit; answered when the positions are durable."""
    response = OffsetCommitResponse()
    asked: list[OffsetCommitResponsePartition] = []
    positions: list[tuple[OffsetKey, Position]] = []
    now = node.clock.wall_ms()
    retention = request.retention_time_ms
    expire = -1 if retention == BROKERS_RETENTION else min(now + max(retention, 0), TIME_MAX)
    for topic in request.topics:
        count = _partitions(node, topic.name)
        answers = []
        for one in topic.partitions:
            answer = OffsetCommitResponsePartition(one.partition_index)
            answers.append(answer)
            if not 0 <= one.partition_index < count:
                answer.error_code = UnknownTopicOrPartition.code
                continue
            asked.append(answer)
            position = Position(
                one.committed_offset,
                one.committed_leader_epoch,
                one.committed_metadata or "",
                now,
                expire,
            )
            positions.append(((topic.name, one.partition_index), position))
        response.topics.append(OffsetCommitResponseTopic(topic.name, answers))

    def answer_all(outcome: Outcome) -> None:
        errors = outcome.errors if isinstance(outcome, Told) else ()
        node.count_error(outcome.error)
        for answer, error in zip(asked, errors or (outcome.error,) * len(asked), strict=True):
            answer.error_code = error
        reply(response)

    if request.topics and not asked:  # no position may be kept, and so no group begins
        reply(response)
        return
    member = request.member_id, request.group_instance_id
    facts = Commit(request.generation_id_or_member_epoch, *member, positions)
    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, at: commit(group, ticket, facts, at),
        answer_all,
        may_begin=True,
        may_be_empty=True,
    )


def _partitions(node: Node, topic: str) -> int:
    image = node.metadata.image.topics.get(topic)
    return len(image.partitions) if image is not None else 0


def offset_fetch(node: Node, context: Context, request: OffsetFetchRequest, reply: Reply) -> None:
    """Serve one OffsetFetch; null topics are all that have a position."""
    if context.version >= SEVERAL_GROUPS_SINCE_VERSION:
        asked = {one.group_id: one for one in request.groups}  # each once
        reply(OffsetFetchResponse(groups=[_fetch_group(node, one) for one in asked.values()]))
        return
    topics = request.topics
    wanted = None
    if topics is not None:
        wanted = [OffsetFetchRequestTopics(one.name, one.partition_indexes) for one in topics]
    found = _fetch_group(node, OffsetFetchRequestGroup(request.group_id, wanted))
    error = found.error_code
    if error and context.version < GROUP_ERROR_SINCE_VERSION:
        found.topics = [
            OffsetFetchResponseTopics(
                one.name,
                [OffsetFetchResponsePartitions(i, error_code=error) for i in one.partition_indexes],
            )
            for one in wanted or ()
        ]
    reply(OffsetFetchResponse(topics=[_older(one) for one in found.topics], error_code=error))


def _older(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic:
    return OffsetFetchResponseTopic(
        topic.name,
        [
            OffsetFetchResponsePartition(
                one.partition_index,
                one.committed_offset,
                one.committed_leader_epoch,
                one.metadata,
                one.error_code,
            )
            for one in topic.partitions
        ],
    )


def _fetch_group(node: Node, asked: OffsetFetchRequestGroup) -> OffsetFetchResponseGroup:
    answer = OffsetFetchResponseGroup(group_id=asked.group_id)
    try:
        offsets = node.coordinators.offsets_of(asked.group_id)
    except BusError as error:
        node.count_error(error.code)
        answer.error_code = error.code
        return answer
    wanted = asked.topics
    if wanted is None:
        by_topic: dict[str, list[int]] = {}
        for topic, partition in offsets:
            by_topic.setdefault(topic, []).append(partition)
        wanted = [OffsetFetchRequestTopics(name, sorted(by_topic[name])) for name in by_topic]
    for one in wanted:
        partitions = [_fetched(offsets, one.name, index) for index in one.partition_indexes]
        answer.topics.append(OffsetFetchResponseTopics(one.name, partitions))
    return answer


def _fetched(offsets: Offsets, topic: str, index: int) -> OffsetFetchResponsePartitions:
    position = offsets.get((topic, index))
    if position is None:
        return OffsetFetchResponsePartitions(index)
    return OffsetFetchResponsePartitions(
        index, position.offset, position.leader_epoch, position.metadata
    )


def offset_delete(node: Node, context: Context, request: OffsetDeleteRequest, reply: Reply) -> None:
    """Serve one OffsetDelete."""
    response = OffsetDeleteResponse()
    asked: list[OffsetDeleteResponsePartition] = []
    keys: list[OffsetKey] = []
    for topic in request.topics:
        count = _partitions(node, topic.name)
        answers = []
        for one in topic.partitions:
            answer = OffsetDeleteResponsePartition(one.partition_index)
            answers.append(answer)
            if 0 <= one.partition_index < count:
                asked.append(answer)
                keys.append((topic.name, one.partition_index))
            else:
                answer.error_code = UnknownTopicOrPartition.code
        response.topics.append(OffsetDeleteResponseTopic(topic.name, answers))

    def answer_all(outcome: Outcome) -> None:
        node.count_error(outcome.error)
        errors = outcome.errors if isinstance(outcome, Told) else ()
        if outcome.error:
            reply(OffsetDeleteResponse(error_code=outcome.error))
            return
        for answer, error in zip(asked, errors, strict=True):
            answer.error_code = error
        reply(response)

    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, now: forget(group, ticket, keys, now),
        answer_all,
        may_be_empty=True,
    )
