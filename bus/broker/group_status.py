"""What the broker says of its groups: how many, how they fare, and how far behind they are."""

from collections import Counter
from dataclasses import dataclass, field

from bus.broker.coordinators import Coordinators
from bus.broker.runtime import Runtime
from bus.control.group import Group

LAG_POSITIONS_MAX = 20_000  # whose lag is looked up in one snapshot


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group."""

    group: str
    state: str
    generation: int
    members: int
    positions: int  # partitions it has committed a position of
    lag: int | None  # records between these and the ends; None if that were too much to look up


@dataclass(frozen=True, slots=True)
class GroupsStatus:
    """All groups; counters are totals since the start."""

    groups: tuple[GroupStatus, ...] = ()
    states: dict[str, int] = field(default_factory=dict)  # how many groups are in each
    loading: int = 0  # partitions of __consumer_offsets that are not loaded yet
    failed: int = 0  # those that cannot be
    parked: int = 0  # requests that wait for others or for the disk
    rebalances: int = 0
    rows_written: int = 0  # to __consumer_offsets


def groups_status(coordinators: Coordinators, runtime: Runtime) -> GroupsStatus:
    """A snapshot; call it on the event loop's thread."""
    shards = coordinators.shards
    left = LAG_POSITIONS_MAX
    found: list[GroupStatus] = []
    for group in (group for shard in shards for group in shard.groups.values()):
        count = len(group.ledger.offsets)
        left -= count
        lag = _lag(group, runtime) if left >= 0 else None
        members = len(group.members)
        status = GroupStatus(
            group.group_id, group.state.value, group.generation, members, count, lag
        )
        found.append(status)
    return GroupsStatus(
        groups=tuple(found),
        states=dict(Counter(group.state for group in found)),
        loading=sum(not shard.is_loaded and shard.failure is None for shard in shards),
        failed=sum(shard.failure is not None for shard in shards),
        parked=sum(shard.parked for shard in shards),
        rebalances=sum(shard.rebalances for shard in shards),
        rows_written=sum(shard.rows_written for shard in shards),
    )


def _lag(group: Group, runtime: Runtime) -> int:
    lag = 0
    for (topic, index), position in group.ledger.offsets.all().items():
        partition = runtime.find(topic, index)
        if partition is not None:
            lag += max(0, partition.leader.high_watermark - position.offset)
    return lag
