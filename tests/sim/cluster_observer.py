"""Looks at what the brokers of a cluster agree on, and holds it to the rules of replication.

Moment                          Rules
------                          -----
a record in the store changes   I4, I8, I1 (all who may lead hold what is committed)
a broker begins to lead         I2
a high watermark rises          I6, I7, I15 (on enough disks), I1
the end                         I3
"""

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from bus.adapters.etcd.messages import Watched, Watching
from bus.broker.partition import Partition
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.stored import group_from_bytes
from tests.sim import cluster_invariants as rules
from tests.sim.batches import Batch, batches_at
from tests.sim.ghosts import Ghost, Replica
from tests.sim.invariants import is_not_durable
from tests.sim.store import CLUSTER
from tests.sim.violation import fail_if

if TYPE_CHECKING:
    from tests.sim.observer import Observer
    from tests.sim.world import World


class ClusterObserver:
    """See the module."""

    def __init__(self, world: "World", observer: "Observer") -> None:
        self._wiped: dict[PartitionId, set[int]] = {}  # who is in sync yet, and has lost it all
        self.history: dict[PartitionId, list[PartitionImage]] = {}
        self._world = world
        self._observer = observer
        prefix = Keys(CLUSTER).prefix(Kind.GROUP).encode()
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        world.store.etcd.watch(Watching(prefix, end, 1), self._on_changes)

    # --- the store ----------------------------------------------------------------------------

    def _on_changes(self, watched: Watched) -> None:
        for event in watched.events:
            if event.value is None:
                continue
            for pid, image in group_from_bytes(event.key.decode(), event.value).items():
                history = self.history.setdefault(pid, [])
                if not history or history[-1] != image:
                    history.append(image)
                    self._world.note(f"record of {pid.topic_id.int}-{pid.partition}: {_of(image)}")
                    self._judge_record(pid, history)

    def _judge_record(self, pid: PartitionId, history: list[PartitionImage]) -> None:
        image = history[-1]
        fail_if("I4", rules.history_is_wrong(history))
        fail_if("I8", rules.leader_is_not_in_sync(image))
        ghost = self._observer.ghosts.get(pid)
        if ghost is None:
            return
        wiped = self._wiped.get(pid, set())
        wiped &= {*image.isr, *image.elr}  # who was removed has to come back like anybody
        image = replace(image, isr=_but(image.isr, wiped), elr=_but(image.elr, wiped))
        replicas = self._replicas(pid)
        logs = {broker: replica.batches for broker, replica in replicas.items()}
        starts = {broker: replica.start for broker, replica in replicas.items()}
        problem = rules.eligible_lacks_committed(image, logs, starts, ghost.committed)
        fail_if("I1", problem and f"{ghost.name}: {problem}")

    # --- brokers ------------------------------------------------------------------------------

    def on_leading(self, broker: int, ghost: Ghost, replica: Replica) -> None:
        """In another epoch than before."""
        problem = rules.leader_lacks_committed(
            broker, replica.batches, replica.start, ghost.committed
        )
        fail_if("I2", problem and f"{ghost.name}: {problem}")

    def on_advance(
        self, broker: int, partition: Partition, ghost: Ghost, new: list[Batch], end: int
    ) -> None:
        insync = partition.leader.insync
        advance = rules.Advance(
            broker,
            partition.leader.epoch,
            insync.image.partition_epoch,
            end,
            frozenset(insync.maximal),
        )
        image = self.history[ghost.pid][-1]
        fail_if("I6", rules.not_all_are_counted(advance, image))
        fail_if("I7", rules.too_few_in_sync(advance, insync.image))
        replicas = self._replicas(ghost.pid)
        wiped = self._wiped.get(ghost.pid, set())
        image = replace(image, isr=_but(image.isr, wiped), elr=_but(image.elr, wiped))
        for batch in new:
            self._judge_batch(ghost, batch, image, replicas)

    def _judge_batch(
        self, ghost: Ghost, batch: Batch, image: PartitionImage, replicas: dict[int, Replica]
    ) -> None:
        logs = {
            broker: batches_at(replica.batches, batch.base) for broker, replica in replicas.items()
        }
        problem = rules.eligible_lacks_committed(image, logs, {}, [batch])
        fail_if("I1", problem and f"{ghost.name}: {problem}")
        if not ghost.flush_group:
            return
        ends = {}
        for broker, own in logs.items():
            disk = self._world.machines[broker - 1].disk
            for each in own:
                durable = disk.durable_bytes(each.path)
                is_there = each.what == batch.what
                if is_there and is_not_durable(each, disk.raw(each.path), durable) is None:
                    ends[broker] = batch.end
        lost = len(self._wiped.get(ghost.pid, ()))  # disks that had it when it was counted
        fail_if("I15", rules.too_few_durable(batch.end, ends, image.min_isr - lost))

    def judge_logs(self) -> None:
        """I3, when all is quiet."""
        for pid, ghost in self._observer.ghosts.items():
            replicas = self._replicas(pid)
            for one, other in combinations(sorted(replicas), 2):
                problem = rules.logs_contradict(replicas[one].batches, replicas[other].batches)
                fail_if("I3", problem and f"{ghost.name} on {one} and {other}: {problem}")

    def is_healed(self) -> bool:
        """I20: everything is led, and all replicas are in sync."""
        return all(
            history[-1].leader > 0 and set(history[-1].isr) == set(history[-1].replicas)
            for history in self.history.values()
        )

    def on_wiped(self, broker: int) -> None:
        """It holds nothing any more, and the store does not know yet."""
        for pid in self.history:
            self._wiped.setdefault(pid, set()).add(broker)

    def _replicas(self, pid: PartitionId) -> dict[int, Replica]:
        """By broker."""
        return {
            number + 1: replica
            for (number, known), replica in self._observer.replicas.items()
            if known == pid
        }


def _but(brokers: tuple[int, ...], wiped: set[int]) -> tuple[int, ...]:
    return tuple(broker for broker in brokers if broker not in wiped)


def _of(image: PartitionImage) -> str:
    return (
        f"leader {image.leader} epoch {image.leader_epoch}.{image.partition_epoch} "
        f"isr {image.isr} elr {image.elr}"
    )
