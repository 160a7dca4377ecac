"""The requests of a group's member, made from plain facts, and the answers as plain facts.

A request is filled for every version at once, and an answer read whichever fields it uses: which
version it travels in is decided below, and within one process it has none.
"""

from collections.abc import Iterable, Mapping, Sequence

from bus.client.assignors import ASSIGNORS, Counts, Member
from bus.client.cluster import endpoint_of
from bus.client.member_steps import Join, Joined, MemberFacts, Sync
from bus.client.options import GroupOptions
from bus.errors import BusError, FrameError, InconsistentGroupProtocol, error_of
from bus.model.ids import TopicPartition
from bus.wire import consumer_protocol as talk
from bus.wire.commits import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from bus.wire.groups import (
    KEY_TYPE_GROUP,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
    LeaveGroupRequest,
    MemberIdentity,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
)

Partitions = frozenset[TopicPartition]


def find_request(group: str) -> FindCoordinatorRequest:
    """Who coordinates the group?"""
    return FindCoordinatorRequest(group, KEY_TYPE_GROUP, [group])


def coordinator_of(answer: FindCoordinatorResponse) -> str | BusError:
    """The endpoint of the group's coordinator."""
    found = answer.coordinators[0] if answer.coordinators else answer
    if found.error_code:
        return error_of(found.error_code, found.error_message)
    return endpoint_of(found.host, found.port)


def join_request(
    options: GroupOptions, join: Join, topics: Sequence[str], owned: Partitions, reason: str | None
) -> JoinGroupRequest:
    """Take part, with what each assignor is to know of us."""
    return JoinGroupRequest(
        options.group,
        options.session_timeout_ms,
        options.rebalance_timeout_ms,
        join.member_id,
        options.instance_id,
        talk.PROTOCOL_TYPE,
        [
            JoinGroupRequestProtocol(name, _subscription(name, topics, owned, join.generation))
            for name in options.assignors
        ],
        reason,
    )


def joined(answer: JoinGroupResponse) -> Joined:
    """The facts of a join that succeeded."""
    return Joined(
        answer.generation_id,
        answer.member_id,
        answer.protocol_name or "",
        answer.leader,
        [MemberFacts(m.member_id, m.group_instance_id, m.metadata) for m in answer.members],
        answer.skip_assignment,
    )


def sync_request(options: GroupOptions, sync: Sync) -> SyncGroupRequest:
    """Ask for the own share, with those of all if we lead."""
    return SyncGroupRequest(
        options.group,
        sync.generation,
        sync.member_id,
        options.instance_id,
        talk.PROTOCOL_TYPE,
        sync.protocol,
        [SyncGroupRequestAssignment(member, share) for member, share in sync.shares.items()],
    )


def leave_request(options: GroupOptions, member_id: str, reason: str) -> LeaveGroupRequest:
    """Leave at once, so that nobody waits for the session's end."""
    identity = MemberIdentity(member_id, options.instance_id, reason)
    return LeaveGroupRequest(options.group, member_id, [identity])


def members_of(protocol: str, facts: Iterable[MemberFacts]) -> list[Member]:
    """What the leader shares out by; who cannot be understood reads nothing."""
    return [_member(protocol, fact) for fact in facts]


def shares_of(protocol: str, members: Sequence[Member], counts: Counts) -> dict[str, bytes]:
    """Every member's share, as it travels. Raises InconsistentGroupProtocol."""
    assignor = ASSIGNORS.get(protocol)
    if assignor is None:
        raise InconsistentGroupProtocol(f"The group agreed on {protocol!r}, which nobody knows.")
    shares = assignor.assign(members, counts)
    return {
        member: talk.encode_assignment(talk.Assignment(_by_topic(share)))
        for member, share in shares.items()
    }


def share_of(data: bytes) -> Partitions:
    """Our own share. Raises FrameError."""
    return _partitions(talk.decode_assignment(data).assigned_partitions)


def commit_request(
    options: GroupOptions, generation: int, member_id: str, positions: Mapping[TopicPartition, int]
) -> OffsetCommitRequest:
    """Keep positions; generation -1 is from outside the group."""
    topics: dict[str, OffsetCommitRequestTopic] = {}
    for (topic, index), offset in positions.items():
        entry = topics.setdefault(topic, OffsetCommitRequestTopic(topic))
        entry.partitions.append(OffsetCommitRequestPartition(index, offset, committed_metadata=""))
    return OffsetCommitRequest(
        options.group,
        generation,
        member_id,
        options.instance_id if member_id else None,
        topics=list(topics.values()),
    )


def refusals(answer: OffsetCommitResponse) -> dict[TopicPartition, BusError]:
    """What was not committed."""
    return {
        TopicPartition(topic.name, part.partition_index): error_of(part.error_code)
        for topic in answer.topics
        for part in topic.partitions
        if part.error_code
    }


def committed_request(group: str, partitions: Iterable[TopicPartition]) -> OffsetFetchRequest:
    """How far has the group come?"""
    by_topic: dict[str, list[int]] = {}
    for topic, index in partitions:
        by_topic.setdefault(topic, []).append(index)
    named = [OffsetFetchRequestTopics(topic, indexes) for topic, indexes in by_topic.items()]
    return OffsetFetchRequest(
        group,
        [OffsetFetchRequestTopic(topic, indexes) for topic, indexes in by_topic.items()],
        [OffsetFetchRequestGroup(group, named)],
        require_stable=True,
    )


def committed_of(answer: OffsetFetchResponse) -> dict[TopicPartition, int | BusError] | BusError:
    """Per partition the next offset to read, -1 if none is committed; or why that is not known."""
    found = answer.groups[0] if answer.groups else answer
    if found.error_code:
        return error_of(found.error_code)
    return {
        TopicPartition(topic.name, part.partition_index): error_of(part.error_code)
        if part.error_code
        else part.committed_offset
        for topic in found.topics
        for part in topic.partitions
    }


def _subscription(name: str, topics: Sequence[str], owned: Partitions, generation: int) -> bytes:
    """What the assignor `name` is to know; an eager one's members hold nothing when they join."""
    had = _by_topic(sorted(owned))
    if ASSIGNORS[name].in_steps:
        data = talk.encode_cooperative(talk.CooperativeUserData(generation))
        return talk.encode_subscription(talk.Subscription(list(topics), data, had, generation))
    if name == "sticky":
        data = talk.encode_sticky(talk.StickyUserData(had, generation))
        return talk.encode_subscription(talk.Subscription(list(topics), data))
    return talk.encode_subscription(talk.Subscription(list(topics)))


def _member(protocol: str, fact: MemberFacts) -> Member:
    try:
        said = talk.decode_subscription(fact.metadata)
        owned, generation = said.owned_partitions, said.generation_id
        if protocol == "sticky":
            sticky = talk.decode_sticky(said.user_data)
            owned, generation = sticky.previous_assignment, sticky.generation
        elif protocol == "cooperative-sticky" and generation == talk.NO_GENERATION:
            generation = talk.decode_cooperative(said.user_data).generation
    except FrameError:
        return Member(fact.member_id, frozenset(), fact.instance_id)
    return Member(
        fact.member_id,
        frozenset(said.topics),
        fact.instance_id,
        _partitions(owned),
        generation,
    )


def _by_topic(partitions: Iterable[TopicPartition]) -> list[talk.TopicPartitions]:
    by_topic: dict[str, list[int]] = {}
    for topic, index in partitions:
        by_topic.setdefault(topic, []).append(index)
    return [talk.TopicPartitions(topic, indexes) for topic, indexes in by_topic.items()]


def _partitions(listed: Iterable[talk.TopicPartitions]) -> Partitions:
    return frozenset(TopicPartition(t.topic, index) for t in listed for index in t.partitions)
