"""How far the logs of a partition's replicas go, each as its broker tells it itself."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from bus.client.admin_asking import Asking
from bus.errors import NONE, UnknownTopicOrPartition
from bus.model.ids import TopicPartition
from bus.wire import replica_states as wire

TELL_SECONDS = 5.0  # a broker that does not answer within them counts as not there


@dataclass(frozen=True, slots=True)
class LogState:
    """One replica's log."""

    start_offset: int
    end_offset: int
    flushed_offset: int
    high_watermark: int  # committed, as far as it knows
    last_epoch: int  # in which its last batch was written; -1: it has none
    halted: str | None  # why it takes nothing more, if it does not


@dataclass(frozen=True, slots=True)
class RecoveryDescription:
    """A leader was elected that may lack records: by a command, or by itself where flush=os."""

    leader_epoch: int
    leader: int
    cause: str  # "operator" or "balanced"
    by: str  # who gave the command
    at_ms: int  # since the epoch
    isr: tuple[int, ...]  # before it, as what follows
    elr: tuple[int, ...]
    last_elr: tuple[int, ...]
    end_offset: int  # records from here on may be lost; -1: not known
    seen_offset: int  # the highest end that was known of; -1: not known


@dataclass(slots=True)
class ReplicaStates:
    """One partition's record, and the logs of those that have told."""

    leader: int  # -1 if nobody leads
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    elr: tuple[int, ...]  # hold all that is committed, besides isr
    last_elr: tuple[int, ...]
    recoveries: tuple[RecoveryDescription, ...]  # the newest last
    logs: dict[int, LogState] = field(default_factory=dict)  # by broker


async def describe_replicas(
    asking: Asking, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, ReplicaStates]:
    """Each broker that is there is asked. Raises UnknownTopicOrPartition."""
    chosen = [TopicPartition(*each) for each in partitions]
    by_topic: dict[str, list[int]] = {}
    for topic, index in chosen:
        by_topic.setdefault(topic, []).append(index)
    request = wire.DescribeReplicasRequest(
        [wire.StatesTopic(name, indexes) for name, indexes in by_topic.items()]
    )
    nodes = await asking.nodes()
    told = await asyncio.gather(*(_ask(asking, node, request) for node in nodes))
    found: dict[TopicPartition, ReplicaStates] = {}
    for node, answer in zip(nodes, told, strict=True):
        for result in answer.topics if answer is not None else ():
            for part in result.partitions:
                if part.error_code == NONE:  # else its broker has not heard of it yet
                    _merge(found, TopicPartition(result.name, part.partition_index), node, part)
    for partition in chosen:
        if partition not in found:
            raise UnknownTopicOrPartition(f"No broker knows the partition {partition}.")
    return dict(sorted(found.items()))


async def _ask(
    asking: Asking, node: int, request: wire.DescribeReplicasRequest
) -> wire.DescribeReplicasResponse | None:
    try:
        target = await asking.check_node(node)
        return await asyncio.wait_for(
            asking.ask(request, wire.DescribeReplicasResponse, _error, target), TELL_SECONDS
        )
    except TimeoutError:
        return None


def _error(answer: wire.DescribeReplicasResponse) -> list[tuple[int, str | None]]:
    return [(answer.error_code, answer.error_message)]


def _merge(
    found: dict[TopicPartition, ReplicaStates],
    partition: TopicPartition,
    node: int,
    part: wire.PartitionState,
) -> None:
    """Of several records of a partition the latest counts."""
    known = found.get(partition)
    if known is None or part.leader_epoch > known.leader_epoch:
        found[partition] = ReplicaStates(
            part.leader,
            part.leader_epoch,
            tuple(part.replicas),
            tuple(part.isr),
            tuple(part.elr),
            tuple(part.last_elr),
            tuple(_recovery(each) for each in part.recoveries),
            known.logs if known is not None else {},
        )
    if part.end_offset != wire.NOT_HELD:
        found[partition].logs[node] = LogState(
            part.start_offset,
            part.end_offset,
            part.flushed_offset,
            part.high_watermark,
            part.last_epoch,
            part.halted,
        )


def _recovery(told: wire.RecoveryState) -> RecoveryDescription:
    return RecoveryDescription(
        told.leader_epoch,
        told.leader,
        told.cause,
        told.by,
        told.at_ms,
        tuple(told.isr),
        tuple(told.elr),
        tuple(told.last_elr),
        told.end_offset,
        told.seen_offset,
    )
