"""Looks at brokers after each of their steps, and holds them to the rules.

Moment                     Rules
------                     -----
a step of a broker         I5, I12, I15 (what is committed in flush=group is durable)
the end of a stop          the same: its last flush may commit what others have acknowledged
an answer to a produce     what is acknowledged with acks=all is committed (R18), and durable (I15)
a start                    I16, and an epoch of its own (I4)
an answer to a reader      I5, I9
the end                    I10, I11 (judge.py)
"""

from typing import TYPE_CHECKING

from bus.broker.partition import Partition
from bus.model.ids import PartitionId
from bus.wire.produce import ProduceRequest, ProduceResponse
from bus.wire.schema import Message
from tests.sim import invariants as rules
from tests.sim.batches import Batch, batches_at, batches_in
from tests.sim.cluster_observer import ClusterObserver
from tests.sim.ghosts import Ghost, Replica
from tests.sim.violation import Violation, fail_if

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World


class Observer:
    """All ghosts of one world."""

    def __init__(self, world: "World") -> None:
        self.ghosts: dict[PartitionId, Ghost] = {}
        self.by_name: dict[tuple[str, int], Ghost] = {}
        self._world = world
        self.cluster: ClusterObserver | None = None
        self.replicas: dict[tuple[int, PartitionId], Replica] = {}
        self._hosted: dict[int, int] = {}  # machine -> how many

    # --- moments ----------------------------------------------------------------------------

    def after_step(self, machine: "Machine") -> None:
        number = machine.number
        hosted = machine.node.runtime.partitions
        if len(hosted) < self._hosted.get(number, 0):
            self._forget_removed(machine)
        self._hosted[number] = len(hosted)
        for pid, partition in hosted.items():
            replica = self.replicas.get((number, pid))
            log, leader = partition.log, partition.leader
            state = (
                log.end_offset,
                log.high_watermark if leader.resigned else leader.high_watermark,
                log.flushed_offset,
                log.start_offset,
                log.cuts,
                leader.epoch,
                leader.resigned,
                machine.lives,
            )
            if replica is None or replica.state != state:
                self._look(machine, partition, state)

    def on_ending(self, machine: "Machine") -> None:
        if machine.node is not None:
            self.after_step(machine)

    def on_power_failed(self, machine: "Machine") -> None:
        for (number, _), replica in self.replicas.items():
            if number == machine.number:
                replica.may_lose = True
        if self.cluster is not None:
            self.cluster.on_power_failed(machine.broker)

    def on_wiped(self, machine: "Machine") -> None:
        for number, pid in list(self.replicas):
            if number == machine.number:
                del self.replicas[number, pid]
        if self.cluster is not None:
            self.cluster.on_wiped(machine.broker)

    def forget(self, pid: PartitionId) -> None:
        """Its topic is deleted; brokers that do not know it may have it for a while."""
        ghost = self.ghosts.pop(pid, None)
        for name in [name for name, known in self.by_name.items() if known is ghost]:
            del self.by_name[name]
        for key in [key for key in self.replicas if key[1] == pid]:
            del self.replicas[key]

    def on_flipped(self, machine: "Machine", path: str) -> None:
        for (number, pid), replica in self.replicas.items():
            if number == machine.number and f"{pid.topic_id}/{pid.partition}/" in path:
                replica.was_flipped = True
                if pid in self.ghosts:
                    self.ghosts[pid].is_damaged = True

    def on_started(self, machine: "Machine") -> None:
        self.after_step(machine)

    def on_reply(self, machine: "Machine", request: Message, answer: Message) -> None:
        if not isinstance(request, ProduceRequest) or request.acks != -1:
            return
        assert isinstance(answer, ProduceResponse)
        self.after_step(machine)
        for topic in answer.responses:
            for part in topic.partition_responses:
                ghost = self.by_name.get((topic.name, part.index))
                if ghost is None or ghost.is_damaged or part.error_code != 0:
                    continue
                if ghost.pid not in machine.node.runtime.partitions:
                    continue  # it has not heard yet that the topic was deleted and made anew
                if part.base_offset >= ghost.end and not self._has_lost(machine, ghost):
                    raise Violation(
                        "I1",
                        f"{ghost.name}: a produce at offset {part.base_offset} was acknowledged "
                        f"with acks=all, and only {ghost.end} was committed",
                    )
                if ghost.flush_group:
                    self._judge_acknowledged(machine, ghost, part.base_offset)

    def _judge_acknowledged(self, machine: "Machine", ghost: Ghost, base: int) -> None:
        """I15 in this very moment, of what may have been committed long ago."""
        replica = self.replicas.get((machine.number, ghost.pid))
        for batch in batches_at(replica.batches, base) if replica is not None else ():
            if self.cluster is not None:
                self.cluster.on_acknowledged(ghost, batch)
                continue
            file, durable = machine.disk.raw(batch.path), machine.disk.durable_bytes(batch.path)
            fail_if("I15", _of(ghost, rules.is_not_durable(batch, file, durable)))

    def _has_lost(self, machine: "Machine", ghost: Ghost) -> bool:
        """Does it lead in an epoch that ended before something was lost for good?"""
        partition = machine.node.runtime.partitions.get(ghost.pid)
        if self.cluster is None or partition is None or not ghost.losses:
            return False
        return self.cluster.is_over(ghost.pid, partition.leader.epoch)

    def _forget_removed(self, machine: "Machine") -> None:
        """What this life has held, and shall hold no more."""
        hosted = machine.node.runtime.partitions
        for (number, pid), replica in list(self.replicas.items()):
            if number == machine.number and pid not in hosted and replica.life == machine.lives:
                del self.replicas[number, pid]

    # --- one partition on one machine ---------------------------------------------------------

    def _look(self, machine: "Machine", partition: Partition, state: tuple[int, ...]) -> None:
        log, leader = partition.log, partition.leader
        key = machine.number, log.partition
        ghost, replica = self._ghost(partition), self.replicas.get(key)
        if replica is None or replica.life != machine.lives:
            if replica is not None:
                self._compare(machine, partition, replica)
            replica = self.replicas[key] = Replica(life=machine.lives)
        role = leader.epoch, leader.resigned
        is_new, replica.role = role != replica.role, role
        replica.state = state
        gives_up = self.cluster is not None and ghost.losses and leader.resigned
        if not is_new and not gives_up:
            fail_if("I5", _of(ghost, rules.high_watermark_falls(replica.high_watermark, state[1])))
        if not ghost.is_damaged:
            self._take_batches(machine, partition, replica)
        replica.start, replica.end, replica.flushed = log.start_offset, state[0], state[2]
        replica.cuts = log.cuts
        if not leader.failed:  # else it may not have become durable, and nothing was done in it
            replica.epoch = max(replica.epoch, leader.epoch)
        replica.high_watermark = state[1]
        if leader.resigned and not _has_stopped_leading(partition):
            return
        if self.cluster is None:
            fail_if("I12", _of(ghost, rules.committed_is_cut(log.end_offset, ghost.end)))
        elif is_new and not leader.resigned:
            self.cluster.on_leading(machine.broker, ghost, replica)
        is_over = self._has_lost(machine, ghost)
        if state[1] > ghost.end and not ghost.is_damaged and not is_over:
            self._commit(machine, partition, ghost, replica, state[1])

    def _commit(
        self, machine: "Machine", partition: Partition, ghost: Ghost, replica: Replica, end: int
    ) -> None:
        new = [b for b in _from(replica.batches, ghost.end) if b.end <= end]
        for batch in new:
            ghost.commit(batch)
            if ghost.flush_group and self.cluster is None:
                file, durable = machine.disk.raw(batch.path), machine.disk.durable_bytes(batch.path)
                fail_if("I15", _of(ghost, rules.is_not_durable(batch, file, durable)))
        if ghost.end < end:  # records were deleted before they were seen, or a hole was accepted
            ghost.end = end
        if self.cluster is not None:
            self.cluster.on_advance(machine.broker, partition, ghost, new, end)

    def _take_batches(self, machine: "Machine", partition: Partition, replica: Replica) -> None:
        """Those that stand in the log and are not known yet."""
        log = partition.log
        if log.cuts != replica.cuts or log.end_offset < replica.end:
            replica.batches, replica.cursor = [], ("", 0)
        if log.end_offset == replica.end and replica.batches:
            return
        known = replica.batches[-1].end if replica.batches else -1
        path, position = replica.cursor
        for segment in log.segments:
            if segment.end_offset <= known or not segment.size:
                continue
            start = position if segment.path == path else 0
            data = machine.disk.raw(segment.path)
            found = batches_in(data, start, segment.size, segment.path, whole=False)
            replica.batches += found
            replica.cursor = segment.path, segment.size

    def _compare(self, machine: "Machine", partition: Partition, before: Replica) -> None:
        """I16: a life, and the one before it."""
        log, ghost = partition.log, self._ghost(partition)
        if log.read_only is not None and not ghost.is_damaged:
            raise Violation("I16", f"{ghost.name}: {log.read_only}")
        if not (before.was_flipped and before.may_lose):  # the flush journal may be one behind
            fail_if("I16", _of(ghost, rules.durable_is_missing(log.end_offset, before.flushed)))
        if not ghost.is_damaged:
            found: list[Batch] = []
            for segment in log.segments:
                data = machine.disk.raw(segment.path)
                found += batches_in(data, 0, segment.size, segment.path)
            fail_if("I16", _of(ghost, rules.not_a_beginning(before.batches, found)))
        if not (before.may_lose or before.was_flipped):
            fail_if("I16", _of(ghost, rules.written_is_missing(log.end_offset, before.end)))
        if self.cluster is None:
            again = rules.epoch_is_used_again(before.epoch, partition.leader.epoch)
            fail_if("I4", _of(ghost, again))
        if log.end_offset < before.end and self.cluster is None:
            self._world.note(f"{ghost.name} has lost [{log.end_offset}, {before.end})")
            ghost.losses += 1
            if ghost.end > log.end_offset and (not ghost.flush_group or before.was_flipped):
                ghost.cut(log.end_offset)

    def judge_indexes(self, machine: "Machine") -> None:
        """I16, of all segments, when all is quiet: what is not in memory comes from its files."""
        for pid, partition in machine.node.runtime.partitions.items():
            replica, ghost = self.replicas.get((machine.number, pid)), self.ghosts.get(pid)
            if replica is None or ghost is None or ghost.is_damaged:
                continue
            for segment in partition.log.segments:
                batches = [batch for batch in replica.batches if batch.path == segment.path]
                offsets, times = segment.indexes()
                problem = rules.index_is_no_subset(segment.base_offset, offsets.to_bytes(), batches)
                fail_if("I16", _of(ghost, problem))
                last = times.last()
                if last is not None and last[1] >= max(segment.end_offset, 1):
                    problem = f"the time index of {segment.path} tells of offset {last[1]}"
                    fail_if("I16", _of(ghost, problem))

    def _ghost(self, partition: Partition) -> Ghost:
        pid = partition.log.partition
        ghost = self.ghosts.get(pid)
        if ghost is None:
            flush_group = partition.settings.flush == "group"
            ghost = self.ghosts[pid] = Ghost(partition.name, pid, flush_group)
            ghost.may_shrink = partition.settings.retention_bytes >= 0
            name = partition.topic, partition.index
            if name not in self.by_name or self.by_name[name].pid.topic_id.int < pid.topic_id.int:
                self.by_name[name] = ghost  # of topics that had the name, the last one
        return ghost


def _has_stopped_leading(partition: Partition) -> bool:
    """Nobody has taken over yet as far as it knows: what it flushes now may still be committed."""
    return partition.follower is None and partition.leader.epoch >= 0


def _of(ghost: Ghost, problem: str | None) -> str | None:
    return f"{ghost.name}: {problem}" if problem else None


def _from(batches: list[Batch], offset: int) -> list[Batch]:
    """Those at or above an offset."""
    index = len(batches)
    while index and batches[index - 1].base >= offset:
        index -= 1
    return batches[index:]
