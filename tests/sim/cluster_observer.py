"""Looks at what the brokers of a cluster agree on, and holds it to the rules of replication.

Moment                          Rules
------                          -----
a record in the store changes   I4, I8, I13, I1 (all who may lead hold what is committed)
a broker's life is accepted     I14 (it may lead only where it holds what is committed)
a broker begins to lead         I2
nobody is left who may lead     R30: who leads all the same, and what is lost with that
a high watermark rises          I6, I7, I15 (on enough disks), I1
a produce is acknowledged       I15 again
the end                         I3
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from bus.adapters.etcd.messages import Event, Watched, Watching
from bus.broker.partition import Partition
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.stored import group_from_bytes
from bus.model.stored_brokers import BrokerEpochRecord, BrokerState
from tests.sim import cluster_invariants as rules
from tests.sim.batches import Batch, batches_at
from tests.sim.ghosts import Ghost, Replica
from tests.sim.invariants import is_not_durable
from tests.sim.violation import fail_if

if TYPE_CHECKING:
    from tests.sim.observer import Observer
    from tests.sim.world import World


class ClusterObserver:
    """See the module."""

    def __init__(self, world: "World", observer: "Observer") -> None:
        self.history: dict[PartitionId, list[PartitionImage]] = {}
        self._groups: dict[bytes, frozenset[PartitionId]] = {}
        self._wiped: set[int] = set()  # who has lost it all, and is not accepted since
        self._wiped_in: dict[tuple[int, PartitionId], int] = {}  # in which partition epoch, last
        self._wipes = 0
        self._dark: set[int] = set()  # who has lost what was not flushed, the same
        self._lost_ms: dict[PartitionId, float] = {}  # since when nobody may lead
        self._world = world
        self._observer = observer
        self._keys = Keys(world.cluster_name)
        self._watch(Kind.GROUP, self._on_group)
        self._watch(Kind.BROKER_EPOCH, self._on_accepted)

    def _watch(self, kind: Kind, on_event: Callable[[Event], None]) -> None:
        prefix = self._keys.prefix(kind).encode()
        end = prefix[:-1] + bytes([prefix[-1] + 1])

        def on_events(watched: Watched) -> None:
            for event in watched.events:
                on_event(event)

        self._world.store.etcd.watch(Watching(prefix, end, 1), on_events)

    # --- the store ----------------------------------------------------------------------------

    def _on_group(self, event: Event) -> None:
        group = group_from_bytes(event.key.decode(), event.value) if event.value else {}
        for pid in self._groups.get(event.key, frozenset()) - group.keys():
            del self.history[pid]
            self._observer.forget(pid)
        self._groups[event.key] = frozenset(group)
        for pid, image in group.items():
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
        self._judge_recovery(ghost, history)
        if len(history) > 1:
            self._world.authors.judge(ghost.name, pid, *history[-2:])
        fail_if("I1", self._lacking(ghost, self._but_lost(ghost, image)))

    def _judge_recovery(self, ghost: Ghost, history: list[PartitionImage]) -> None:
        """What the next leader does not hold is lost, where that was not promised (R30)."""
        image, now_ms = history[-1], self._world.timeline.time_ms
        if not (image.isr or image.elr):
            self._lost_ms.setdefault(ghost.pid, now_ms)
            return
        since_ms = self._lost_ms.pop(ghost.pid, None)
        if since_ms is None:
            return
        there = {}
        for machine in self._world.machines:
            record = self._world.store.accepted(machine.broker)
            if machine.node is not None and record and record.state is BrokerState.ACTIVE:
                there[machine.broker] = machine.node.runtime.log_end(ghost.pid)
        before, waited_ms = history[-2], now_ms - since_ms
        fail_if("R30", rules.recovered_wrongly(before, image, there, waited_ms, ghost.flush_group))
        replica = self._replicas(ghost.pid).get(image.leader, Replica())
        held = {b.base: b.what for b in replica.batches if b.end <= there[image.leader][1]}
        lost = [
            b for b in ghost.committed if held.get(b.base) != b.what and b.base >= replica.start
        ]
        self._world.note(f"{ghost.name} is led by {image.leader} all the same; lost: {len(lost)}")
        self._world.faults["recovered"] += 1
        if lost:
            self._world.faults["lost"] += 1
            ghost.cut(min(lost[0].base, there[image.leader][1]))

    def is_over(self, pid: PartitionId, epoch: int) -> bool:
        """Is there a later leader epoch?"""
        history = self.history.get(pid)
        return bool(history) and epoch < history[-1].leader_epoch

    def _on_accepted(self, event: Event) -> None:
        """From now on a broker counts, as it is."""
        name = self._keys.name_of(event.key.decode())
        if name is None or event.value is None:
            return
        record = BrokerEpochRecord.from_bytes(event.key.decode(), event.value)
        broker = name.number
        node = self._world.machines[broker - 1].node
        is_this_life = node is not None and node.cluster.members.epoch == record.epoch
        if record.state is not BrokerState.ACTIVE or not is_this_life:
            return
        self._wiped.discard(broker)
        self._dark.discard(broker)
        for pid, history in self.history.items():
            ghost, image = self._observer.ghosts.get(pid), history[-1]
            if ghost is not None and broker in (*image.isr, *image.elr):
                alone = replace(image, isr=(broker,), elr=())
                fail_if("I14", self._lacking(ghost, alone))

    def _lacking(self, ghost: Ghost, image: PartitionImage) -> str | None:
        """I1, of all that is committed."""
        replicas = self._replicas(ghost.pid)
        logs = {broker: replica.batches for broker, replica in replicas.items()}
        starts = {broker: replica.start for broker, replica in replicas.items()}
        problem = rules.eligible_lacks_committed(image, logs, starts, ghost.committed)
        return problem and f"{ghost.name}: {problem}"

    # --- brokers ------------------------------------------------------------------------------

    def on_leading(self, broker: int, ghost: Ghost, replica: Replica) -> None:
        """In another epoch than before; if that is over, nobody will follow it."""
        history = self.history.get(ghost.pid)
        if not history or history[-1].leader_epoch != replica.role[0]:
            return
        problem = rules.leader_lacks_committed(
            broker, replica.batches, replica.start, ghost.committed
        )
        fail_if("I2", problem and f"{ghost.name}: {problem}")

    def on_advance(
        self, broker: int, partition: Partition, ghost: Ghost, new: list[Batch], end: int
    ) -> None:
        if ghost.pid not in self.history:
            return  # a deleted topic, of which this broker does not know yet
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
        for batch in new:
            gone = self._gone(ghost.pid, insync.image)
            self._judge_batch(ghost, batch, self._but_lost(ghost, image), replicas, gone)

    def _judge_batch(
        self,
        ghost: Ghost,
        batch: Batch,
        image: PartitionImage,
        replicas: dict[int, Replica],
        gone: int,
    ) -> None:
        logs = {
            broker: batches_at(replica.batches, batch.base) for broker, replica in replicas.items()
        }
        problem = rules.eligible_lacks_committed(image, logs, {}, [batch])
        fail_if("I1", problem and f"{ghost.name}: {problem}")
        if ghost.flush_group:
            self._judge_durable(batch, logs, image.min_isr - gone)

    def on_acknowledged(self, ghost: Ghost, batch: Batch) -> None:
        """It may be long ago that it was committed, under another leader."""
        if not self.history.get(ghost.pid):
            return
        replicas = self._replicas(ghost.pid)
        logs = {broker: batches_at(each.batches, batch.base) for broker, each in replicas.items()}
        self._judge_durable(batch, logs, self.history[ghost.pid][-1].min_isr - self._wipes)

    def _judge_durable(self, batch: Batch, logs: dict[int, list[Batch]], wanted: int) -> None:
        """I15; `logs` have it, by broker, or something else, or nothing."""
        ends = {}
        for broker, own in logs.items():
            disk = self._world.machines[broker - 1].disk
            for each in own:
                durable = disk.durable_bytes(each.path)
                if durable is None or each.what != batch.what:
                    continue  # the replica may have been deleted since it was seen
                if is_not_durable(each, disk.raw(each.path), durable) is None:
                    ends[broker] = batch.end
        fail_if("I15", rules.too_few_durable(batch.end, ends, wanted))

    def judge_logs(self) -> None:
        """I3, when all is quiet."""
        for pid in self.history:
            ghost, replicas = self._observer.ghosts.get(pid), self._replicas(pid)
            if ghost is None:
                continue
            for one, other in combinations(sorted(replicas), 2):
                problem = rules.logs_contradict(replicas[one].batches, replicas[other].batches)
                fail_if("I3", problem and f"{ghost.name} on {one} and {other}: {problem}")

    def is_led(self) -> bool:
        """I20: everything has a leader, which has begun to lead."""
        for pid, history in self.history.items():
            image = history[-1]
            node = self._world.machines[image.leader - 1].node if image.leader > 0 else None
            partition = node.runtime.partitions.get(pid) if node is not None else None
            leader = partition.leader if partition is not None else None
            if leader is None or leader.resigned or leader.epoch != image.leader_epoch:
                return False
        return True

    def is_in_sync(self) -> bool:
        """I20: so are all replicas."""
        images = [history[-1] for history in self.history.values()]
        return self.is_led() and all({*image.isr} == {*image.replicas} for image in images)

    def on_wiped(self, broker: int) -> None:
        """It holds nothing any more, and the store does not know yet."""
        self._wiped.add(broker)
        self._wipes += 1
        for pid, history in self.history.items():
            self._wiped_in[broker, pid] = history[-1].partition_epoch

    def _gone(self, pid: PartitionId, known: PartitionImage) -> int:
        """Disks that held it when they said so, and of whose end the leader cannot know yet."""
        epochs = [self._wiped_in.get((broker, pid), -1) for broker in known.isr]
        return sum(known.partition_epoch <= epoch for epoch in epochs)

    def on_power_failed(self, broker: int) -> None:
        """The same of what was not flushed."""
        self._dark.add(broker)

    def _but_lost(self, ghost: Ghost, image: PartitionImage) -> PartitionImage:
        """As it will be once the controller knows who has lost what it held."""
        lost = self._wiped if ghost.flush_group else self._wiped | self._dark
        isr = tuple(broker for broker in image.isr if broker not in lost)
        elr = tuple(broker for broker in image.elr if broker not in lost)
        return replace(image, isr=isr, elr=elr)

    def _replicas(self, pid: PartitionId) -> dict[int, Replica]:
        """By broker."""
        return {
            number + 1: replica
            for (number, known), replica in self._observer.replicas.items()
            if known == pid
        }


def _of(image: PartitionImage) -> str:
    return (
        f"leader {image.leader} epoch {image.leader_epoch}.{image.partition_epoch} "
        f"isr {image.isr} elr {image.elr}"
    )
