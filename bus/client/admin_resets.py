"""Where a group shall go on reading, and how far it is behind.

    earliest, latest   the partition's first offset, or its end
    a time (ms)        the first record at or after it; the end if there is none
    offset             this one
    shift              so many on from where the group is, or back if negative

Whatever is asked for is brought within what the partition holds. Positions are only set while the
group has no members, since members would go on from where they are and commit over it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bus.client.admin_calls import AdminCalls
from bus.client.admin_groups import (
    DEAD,
    OFFSET_MAX,
    GroupCalls,
    GroupMember,
    GroupPosition,
    has_members,
    no_group,
)
from bus.client.options import Start, check_range, check_start
from bus.errors import BadSetting, BusError
from bus.model.ids import TopicPartition, check_topic_name
from bus.wire.commits import NO_OFFSET


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind in one partition."""

    topic: str
    partition: int
    position: int  # the next offset to be read; -1 if nothing is committed
    end: int  # the partition's end; -1 if there is no such partition any more
    member: GroupMember | None  # who reads it

    @property
    def lag(self) -> int | None:
        """Records that are not committed yet; None if nothing is committed or known."""
        return None if -1 in (self.position, self.end) else max(self.end - self.position, 0)


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """What a reset does to one partition."""

    before: int  # -1: nothing was committed
    after: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Exactly one of them is given."""

    to: Start | None = None
    offset: int | None = None
    shift: int | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself or is out of bounds."""
        given = [name for name in ("to", "offset", "shift") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise BadSetting(f"Give one of to, offset and shift, not {said}.")
        if self.to is not None:
            check_start("to", self.to)
        if self.offset is not None:
            check_range("offset", self.offset, 0, OFFSET_MAX)
        if self.shift is not None:
            check_range("shift", self.shift, -OFFSET_MAX, OFFSET_MAX)


class GroupResets:
    """All methods on the I/O thread."""

    def __init__(self, topics: AdminCalls, groups: GroupCalls) -> None:
        self._topics = topics
        self._groups = groups

    async def group_lag(self, name: str) -> list[PartitionLag]:
        """Each partition that the group has a position in or reads. Raises GroupIdNotFound."""
        positions, (group,) = await asyncio.gather(
            self._groups.group_offsets(name), self._groups.describe_groups([name])
        )
        if group.state == DEAD and not positions:
            raise no_group(name)
        readers = {p: member for member in group.members for p in member.partitions}
        ends = await self._ends({p.topic for p in (*positions, *readers)})
        nothing = GroupPosition(NO_OFFSET, -1, "")
        return [
            PartitionLag(*p, positions.get(p, nothing).offset, ends.get(p, -1), readers.get(p))
            for p in sorted({*positions, *readers})
        ]

    async def reset_group_offsets(
        self,
        name: str,
        destination: Destination,
        topics: Iterable[str] | None = None,
        partitions: Iterable[TopicPartition] | None = None,
        dry_run: bool = False,
    ) -> dict[TopicPartition, OffsetChange]:
        """Set positions anew; with `dry_run` only say how. Raises NonEmptyGroup.

        Without topics and partitions those that the group has a position in.
        """
        positions = await self._groups.group_offsets(name)
        (group,) = await self._groups.describe_groups([name])
        if group.members:
            raise has_members(name)
        chosen = {TopicPartition(*p) for p in partitions or ()}
        wanted = {check_topic_name(topic) for topic in topics or ()}
        if topics is None and partitions is None:
            if not positions:
                raise no_group(name)
            chosen = set(positions)
        changes = await self._plan(destination, positions, wanted, chosen)
        if not dry_run and changes:
            after = {partition: change.after for partition, change in changes.items()}
            await self._groups.alter_group_offsets(name, after)
        return changes

    async def _plan(
        self,
        destination: Destination,
        positions: dict[TopicPartition, GroupPosition],
        topics: set[str],
        chosen: set[TopicPartition],
    ) -> dict[TopicPartition, OffsetChange]:
        changes: dict[TopicPartition, OffsetChange] = {}
        for topic in sorted({*topics, *(p.topic for p in chosen)}):
            starts = await self._topics.offsets(topic, "earliest")
            ends = await self._topics.offsets(topic, "latest")
            aimed = starts
            if destination.to is not None:
                aimed = await self._topics.offsets(topic, destination.to)
            for index, end in ends.items():
                partition = TopicPartition(topic, index)
                if topic not in topics and partition not in chosen:
                    continue
                position = positions.get(partition)
                before = NO_OFFSET if position is None else position.offset
                after = aim(destination, before, starts[index], end, aimed[index])
                changes[partition] = OffsetChange(before, after)
            _check_all_there(chosen, topic, len(ends))
        return changes

    async def _ends(self, topics: set[str]) -> dict[TopicPartition, int]:
        """The ends of all partitions of these topics, as far as there are such."""
        ends = {}
        for topic in sorted(topics):
            try:
                found = await self._topics.offsets(topic, "latest")
            except BusError:
                continue  # deleted meanwhile, or nobody leads it: it is shown without an end
            ends.update({TopicPartition(topic, index): end for index, end in found.items()})
        return ends


def aim(destination: Destination, before: int, start: int, end: int, found: int) -> int:
    """The new position in one partition of [start, end); `found` is where `to` is, -1 beyond."""
    if destination.offset is not None:
        after = destination.offset
    elif destination.shift is not None:
        after = (start if before == NO_OFFSET else before) + destination.shift
    else:
        after = end if found == -1 else found
    return min(max(after, start), end)


def _check_all_there(chosen: set[TopicPartition], topic: str, count: int) -> None:
    missing = [p.partition for p in chosen if p.topic == topic and not 0 <= p.partition < count]
    if missing:
        raise BadSetting(
            f"Topic {topic!r} has no partition {missing[0]}: it has {count}, numbered from 0."
        )
