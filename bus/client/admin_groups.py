"""What an admin does with consumer groups, as coroutines of the I/O thread.

Everything about a group goes to the broker that looks after it, but for the list of all, which is
asked of every broker. A group that does not exist has no positions and is "Dead".
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bus.client.admin_asking import Asking, Errors, Target
from bus.client.options import check_group, check_range
from bus.errors import (
    FrameError,
    GroupIdNotFound,
    IllegalGeneration,
    NonEmptyGroup,
    RebalanceInProgress,
    UnknownMemberId,
)
from bus.model.ids import TopicPartition, check_topic_name
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX
from bus.wire.commits import (
    NO_OFFSET,
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchResponse,
)
from bus.wire.consumer_protocol import PROTOCOL_TYPE, decode_assignment
from bus.wire.group_admin import (
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListGroupsRequest,
    ListGroupsResponse,
)

DEAD = "Dead"
OFFSET_MAX = (1 << 63) - 1
HAS_MEMBERS = (UnknownMemberId, IllegalGeneration, RebalanceInProgress)


@dataclass(frozen=True, slots=True)
class GroupListing:
    """A group among all."""

    name: str
    state: str  # "" of a broker that does not tell
    protocol_type: str  # "consumer", "connect"; "" while it has no members


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One member of a group."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    partitions: tuple[TopicPartition, ...]  # that it reads; none if the group is not of consumers


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """A group with its members."""

    name: str
    state: str  # "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"
    protocol_type: str
    assignor: str  # that its members have agreed on
    members: tuple[GroupMember, ...]


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """How far a group has come in one partition."""

    offset: int  # the next to be read
    leader_epoch: int
    metadata: str


class GroupCalls:
    """All methods on the I/O thread."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def list_groups(self, states: Iterable[str] | None = None) -> list[GroupListing]:
        """All groups of the cluster, sorted by name; or those in one of `states`."""
        wanted = list(states or ())
        nodes = await self._asking.nodes()
        answers = await asyncio.gather(
            *(
                self._asking.ask(
                    ListGroupsRequest(wanted),
                    ListGroupsResponse,
                    lambda r: [(r.error_code, None)],
                    Target(node=node),
                )
                for node in nodes
            )
        )
        found = {
            group.group_id: GroupListing(group.group_id, group.group_state, group.protocol_type)
            for answer in answers
            for group in answer.groups
            if not wanted or not group.group_state or group.group_state in wanted
        }
        return [found[name] for name in sorted(found)]

    async def describe_groups(self, names: Iterable[str]) -> list[GroupDescription]:
        """Groups with their members, in the order asked for."""
        return list(await asyncio.gather(*map(self._describe, map(check_group, names))))

    async def describe_group(self, name: str) -> GroupDescription:
        """One group with its members. Raises GroupIdNotFound."""
        group = await self._describe(check_group(name))
        if group.state == DEAD:
            raise no_group(name)
        return group

    async def delete_group(self, name: str) -> None:
        """Delete a group without members, with its positions. Raises NonEmptyGroup."""

        def errors_of(answer: DeleteGroupsResponse) -> Errors:
            return [(r.error_code, _why(r.error_code, name)) for r in answer.results]

        target = Target(coordinator_of=check_group(name))
        await self._asking.ask(DeleteGroupsRequest([name]), DeleteGroupsResponse, errors_of, target)

    async def group_offsets(self, name: str) -> dict[TopicPartition, GroupPosition]:
        """All positions of a group, sorted by partition; empty if there is no such group."""
        request = OffsetFetchRequest(
            group_id=check_group(name), groups=[OffsetFetchRequestGroup(name)]
        )
        answer = await self._asking.ask(
            request, OffsetFetchResponse, _fetch_errors, Target(coordinator_of=name)
        )
        positions = {
            TopicPartition(topic.name, p.partition_index): GroupPosition(
                p.committed_offset, p.committed_leader_epoch, p.metadata or ""
            )
            for topic in (answer.groups[0].topics if answer.groups else answer.topics)
            for p in topic.partitions
            if p.committed_offset != NO_OFFSET
        }
        return dict(sorted(positions.items()))

    async def alter_group_offsets(self, name: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Set positions of a group that has no members. Raises NonEmptyGroup."""
        check_group(name)
        by_topic: dict[str, list[OffsetCommitRequestPartition]] = {}
        for partition, offset in offsets.items():
            topic, index = _checked(partition)
            check_range("offset", offset, 0, OFFSET_MAX)
            entry = OffsetCommitRequestPartition(index, offset, committed_metadata="")
            by_topic.setdefault(topic, []).append(entry)
        topics = [OffsetCommitRequestTopic(*pair) for pair in by_topic.items()]
        try:
            await self._asking.ask(
                OffsetCommitRequest(name, topics=topics),
                OffsetCommitResponse,
                lambda r: [(p.error_code, None) for t in r.topics for p in t.partitions],
                Target(coordinator_of=name),
            )
        except HAS_MEMBERS:
            raise has_members(name) from None

    async def delete_group_offsets(self, name: str, partitions: Iterable[TopicPartition]) -> None:
        """Forget positions of a group. Raises GroupSubscribedToTopic if members read the topic."""
        check_group(name)
        by_topic: dict[str, list[OffsetDeleteRequestPartition]] = {}
        for topic, index in map(_checked, partitions):
            by_topic.setdefault(topic, []).append(OffsetDeleteRequestPartition(index))
        topics = [OffsetDeleteRequestTopic(*pair) for pair in by_topic.items()]

        def errors_of(answer: OffsetDeleteResponse) -> Errors:
            parts: Errors = [(p.error_code, None) for t in answer.topics for p in t.partitions]
            return [(answer.error_code, _why(answer.error_code, name)), *parts]

        target = Target(coordinator_of=name)
        request = OffsetDeleteRequest(name, topics)
        await self._asking.ask(request, OffsetDeleteResponse, errors_of, target)

    async def _describe(self, name: str) -> GroupDescription:
        def errors_of(answer: DescribeGroupsResponse) -> Errors:
            found = [(group.error_code, None) for group in answer.groups]
            return [pair for pair in found if pair[0] != GroupIdNotFound.code]

        target = Target(coordinator_of=name)
        request = DescribeGroupsRequest([name])
        answer = await self._asking.ask(request, DescribeGroupsResponse, errors_of, target)
        return _description(name, answer.groups)


def no_group(name: str) -> GroupIdNotFound:
    """The sentence for a group that does not exist."""
    return GroupIdNotFound(f"There is no group {name!r}.")


def has_members(name: str) -> NonEmptyGroup:
    """The sentence for a group that is at work."""
    return NonEmptyGroup(f"Group {name!r} has members; stop its consumers first.")


def _why(code: int, name: str) -> str | None:
    if code == GroupIdNotFound.code:
        return str(no_group(name))
    return str(has_members(name)) if code == NonEmptyGroup.code else None


def _fetch_errors(answer: OffsetFetchResponse) -> Errors:
    codes = [answer.error_code, *(group.error_code for group in answer.groups)]
    codes += [p.error_code for topic in answer.topics for p in topic.partitions]
    codes += [p.error_code for g in answer.groups for topic in g.topics for p in topic.partitions]
    return [(code, None) for code in codes]


def _description(name: str, groups: list[DescribedGroup]) -> GroupDescription:
    group = groups[0] if groups else DescribedGroup(group_id=name, group_state=DEAD)
    of_consumers = group.protocol_type == PROTOCOL_TYPE
    return GroupDescription(
        name,
        DEAD if group.error_code else group.group_state,
        group.protocol_type,
        group.protocol_data,
        tuple(_member(member, of_consumers) for member in group.members),
    )


def _member(member: DescribedGroupMember, of_consumers: bool) -> GroupMember:
    partitions: list[TopicPartition] = []
    if of_consumers:
        try:
            assignment = decode_assignment(member.member_assignment)
        except FrameError:
            assignment = None  # of a library that we do not understand
        partitions = [
            TopicPartition(topic.topic, index)
            for topic in (assignment.assigned_partitions if assignment else ())
            for index in topic.partitions
        ]
    return GroupMember(
        member.member_id,
        member.group_instance_id,
        member.client_id,
        member.client_host,
        tuple(sorted(partitions)),
    )


def _checked(partition: TopicPartition) -> TopicPartition:
    topic, index = partition
    check_range("partition", index, 0, PARTITIONS_PER_TOPIC_MAX)
    return TopicPartition(check_topic_name(topic), index)
