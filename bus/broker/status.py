"""What the broker says of itself: one immutable snapshot, for metrics, health and the CLI."""

from dataclasses import dataclass

from bus.broker.node import Node


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
class Status:
    """The broker at one moment; counters are totals since its start."""

    node_id: int
    cluster_id: str
    ready: bool
    alive: bool
    uptime_ms: int
    endpoints: dict[str, str]
    partitions: tuple[PartitionStatus, ...]
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


def status_of(node: Node, connections: int = 0) -> Status:
    """A snapshot; call it on the event loop's thread."""
    counters = node.counters
    commits, commit_ms = node.store.commits
    return Status(
        node_id=node.settings.node_id,
        cluster_id=node.metadata.image.cluster_id,
        ready=node.serving,
        alive=node.disk_error is None,
        uptime_ms=node.clock.now_ms() - node.started_ms,
        endpoints={name: endpoint.url for name, endpoint in node.endpoints.items()},
        partitions=_partitions(node),
        requests=dict(counters.requests),
        errors=dict(counters.errors),
        records_in=counters.records_in,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
        commits=commits,
        commit_seconds=commit_ms / 1000,
        connections=connections,
        parked_fetches=len(node.fetches),
        loop_lag_ms_max=counters.loop_lag_ms_max,
    )


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
            partition.log.read_only,
        )
        for partition in node.runtime.partitions.values()
    )
