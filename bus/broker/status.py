"""What the broker says of itself: one immutable snapshot, for metrics, health and the CLI."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.broker.group_status import GroupsStatus as GroupsStatus
from bus.broker.group_status import GroupStatus as GroupStatus
from bus.broker.group_status import groups_status
from bus.broker.node import Node
from bus.broker.partition import Partition
from bus.log.cleaner import Cleaner
from bus.log.scrubber import Scrubber
from bus.log.store import LogStore


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition; offsets are half-open ends, sizes in bytes."""

    topic: str
    partition: int
    leader_epoch: int
    start_offset: int
    end_offset: int  # written
    flushed_offset: int  # fsynced
    high_watermark: int  # committed
    size_bytes: int
    flush: str  # "group" or "os"
    read_only: str | None  # why, if it takes no writes


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """One data directory; sizes in bytes."""

    path: str
    disk_uuid: str
    partitions: int
    free_bytes: int
    total_bytes: int
    reserve_bytes: int  # below it nothing is written
    full: bool  # its partitions take no writes until there is more room
    failed: str | None  # the error that ended it: its partitions are fenced
    commits: int
    commit_seconds: float
    scrubbed_bytes: int  # of closed segments, since the start
    scrub_damages: int  # found by that
    compactions: int  # of partitions, since the start
    compaction_failures: int
    compacted_bytes: int  # read by that
    compacted_bytes_kept: int  # and left of them
    dirty_ratio: float  # the largest of its compacted partitions


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """One listener; the totals are of TCP, and 0 over ZeroMQ, which does not tell."""

    name: str
    connections: int
    accepted: int = 0  # connections since the start
    refused: int = 0  # connections over one of the limits
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The broker at one moment; counters are totals since its start."""

    node_id: int
    cluster_id: str
    ready: bool
    listener_closed: bool  # for want of memory: whoever is not in this process is not served
    alive: bool
    uptime_ms: int
    endpoints: dict[str, str]
    directories: tuple[DirectoryStatus, ...]
    partitions: tuple[PartitionStatus, ...]
    absent_partitions: int  # in a data directory that is not there
    requests: dict[str, int]  # by request name
    errors: dict[str, int]  # by error name
    records_in: int
    bytes_in: int
    bytes_out: int
    commits: int
    commit_seconds: float
    connections: int
    parked_fetches: int
    loop_lag_ms_max: float
    listeners: tuple[ListenerStatus, ...] = ()
    fetch_sessions: int = 0
    recoveries: dict[str, int] = field(default_factory=dict)  # by cause, while it controlled
    groups: GroupsStatus = field(default_factory=GroupsStatus)


def status_of(
    node: Node, listeners: Sequence[ListenerStatus] = (), *, listener_closed: bool = False
) -> Status:
    """A snapshot; call it on the event loop's thread."""
    counters, work = node.counters, node.housework
    directories = tuple(map(_directory, node.stores.all, work.scrubbers, work.cleaners))
    return Status(
        node_id=node.settings.node_id,
        cluster_id=node.metadata.image.cluster_id,
        ready=node.serving,
        listener_closed=listener_closed,
        alive=bool(node.stores.working),
        uptime_ms=node.clock.now_ms() - node.started_ms,
        endpoints={name: endpoint.url for name, endpoint in node.endpoints.items()},
        directories=directories,
        partitions=_partitions(node),
        absent_partitions=len(node.starting.absent),
        requests=dict(counters.requests),
        errors=dict(counters.errors),
        records_in=counters.records_in,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
        commits=sum(directory.commits for directory in directories),
        commit_seconds=sum(directory.commit_seconds for directory in directories),
        connections=sum(listener.connections for listener in listeners),
        parked_fetches=len(node.fetches),
        loop_lag_ms_max=counters.loop_lag_ms_max,
        listeners=tuple(listeners),
        fetch_sessions=len(node.sessions),
        recoveries=dict(counters.recoveries),
        groups=groups_status(node.coordinators, node.runtime),
    )


def _directory(store: LogStore, scrubber: Scrubber, cleaner: Cleaner) -> DirectoryStatus:
    commits, commit_ms = store.commits
    return DirectoryStatus(
        path=store.path,
        disk_uuid=str(store.disk_uuid),
        partitions=store.count,
        free_bytes=store.room.free_bytes,
        total_bytes=store.room.total_bytes,
        reserve_bytes=store.room.reserve_bytes,
        full=store.room.is_full,
        failed=str(store.failed) if store.failed is not None else None,
        commits=commits,
        commit_seconds=commit_ms / 1000,
        scrubbed_bytes=scrubber.checked_bytes,
        scrub_damages=scrubber.damages,
        compactions=cleaner.runs,
        compaction_failures=cleaner.failures,
        compacted_bytes=cleaner.totals.bytes_in,
        compacted_bytes_kept=cleaner.totals.bytes_out,
        dirty_ratio=cleaner.dirty_ratio,
    )


def _why_read_only(partition: Partition) -> str | None:
    store = partition.store
    if store.failed is not None:
        return f"The disk of {store.path} has failed: {store.failed}."
    return partition.log.read_only or store.refusal


def _partitions(node: Node) -> tuple[PartitionStatus, ...]:
    return tuple(
        PartitionStatus(
            partition.topic,
            partition.index,
            partition.leader.epoch,
            partition.log.start_offset,
            partition.leader.end_offset,
            partition.leader.flushed_offset,
            partition.leader.high_watermark,
            partition.log.size_bytes,
            partition.settings.flush,
            _why_read_only(partition),
        )
        for partition in node.runtime.partitions.values()
    )
