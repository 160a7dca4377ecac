"""Which role this broker has in each partition: it leads, it follows, or it waits to be told.

Record of the partition                      Role
-----------------------                      ----
leads here, in an epoch never seen before    lead: Persist the epoch first (R8)
leads here, in an epoch seen before          wait: an earlier life led; it is led anew soon (R2)
another broker leads                         follow it: Promise the epoch first
nobody leads                                 follow nobody
of an epoch below one that was seen          none: news of a time that is over
the epoch that it leads in, changed          lead on, with another in-sync set (R23)

All epochs of one change become durable by one append to each disk's journal, before any partition
acts in its new role (R8).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bus.broker.partition import Partition
from bus.broker.runtime import Runtime
from bus.broker.stores import Stores
from bus.control.effects import Effect, Persist, Promise
from bus.control.follower import Follower
from bus.control.insync import InSync
from bus.control.leader import Leader
from bus.log.epochs import NO_START
from bus.log.store import LogStore
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.limits import LEADER_EPOCH_MAX
from bus.ports import Clock


@dataclass(frozen=True, slots=True)
class Change:
    """A new role: what has to be durable before, and what follows."""

    partition: Partition
    epoch: int = -1  # -1: nothing is to be durable
    start_offset: int = NO_START
    effects: Sequence[Effect] = ()


class Roles:
    """Assigns them; on the event loop's thread."""

    def __init__(
        self,
        runtime: Runtime,
        stores: Stores,
        clock: Clock,
        me: int,
        recovered: Callable[[PartitionId], int],
    ) -> None:
        """`recovered` tells the epoch that a partition's last recovery began with (R13)."""
        self._runtime = runtime
        self._stores = stores
        self._clock = clock
        self._me = me
        self._recovered = recovered

    def assume(self, wanted: Iterable[tuple[Partition, PartitionImage]]) -> list[Partition]:
        """Have each partition act as its record says; those with another role or epoch now."""
        changes: list[Change] = []
        for partition, image in wanted:
            if not partition.leader.resigned and image.leader_epoch == partition.leader.epoch:
                self._runtime.run(partition, partition.leader.on_image(image))
            elif self._is_news(partition, image.leader_epoch):
                changes.append(self._change(partition, image))
        self._persist(changes)
        for change in changes:
            has_failed = change.partition.store.failed is not None
            effects = change.partition.leader.on_disk_failed() if has_failed else change.effects
            self._runtime.run(change.partition, effects)
            if not change.partition.leader.resigned:
                self._runtime.on_role(change.partition)
        return [change.partition for change in changes]

    def lead_alone(self, partitions: Iterable[Partition]) -> None:
        """Each start of a node that is a cluster of one begins an epoch of its own."""
        self.assume((each, self._alone(each)) for each in partitions)

    def _alone(self, partition: Partition) -> PartitionImage:
        epoch = min(partition.log.max_epoch_seen + 1, LEADER_EPOCH_MAX)
        myself = (self._me,)
        min_isr = partition.settings.min_insync_replicas
        return PartitionImage(self._me, epoch, 0, min_isr, myself, myself)

    def _is_news(self, partition: Partition, epoch: int) -> bool:
        known = partition.follower.epoch if partition.follower is not None else -1
        return epoch > max(known, partition.leader.epoch) and epoch >= partition.log.max_epoch_seen

    def _change(self, partition: Partition, image: PartitionImage) -> Change:
        """Whatever it was, it is no more: who waits for it is told before it is anything else."""
        if partition.follower is not None or not partition.leader.resigned:
            self._runtime.resign(partition)
        log = partition.log
        committed = min(log.high_watermark, log.end_offset)
        is_new = image.leader_epoch > log.max_epoch_seen
        is_last = image.leader_epoch == LEADER_EPOCH_MAX  # of a log that takes nothing any more
        if image.leader == self._me and (is_new or is_last):
            insync = InSync(self._me, image, partition.settings.flush == "group")
            partition.leader = Leader(insync, partition.settings.max_message_bytes)
            partition.follower = None
            persist, *effects = partition.leader.on_elected(
                image, log.end_offset, log.flushed_offset, committed, self._clock.now_ms()
            )
            assert isinstance(persist, Persist), "an epoch is durable before anything else"
            return Change(partition, persist.entry.epoch, persist.entry.start_offset, effects)
        if image.leader == self._me:
            return Change(partition)
        partition.follower = Follower(committed)
        recovered = self._recovered(log.partition)
        (promise,) = partition.follower.on_term(image.leader, image.leader_epoch, recovered)
        assert isinstance(promise, Promise), "an epoch is durable before anything else"
        return Change(partition, promise.epoch)

    def _persist(self, changes: Sequence[Change]) -> None:
        entries: list[tuple[LogStore, PartitionId, int, int]] = []
        for change in changes:
            if change.epoch >= 0:
                store, pid = change.partition.store, change.partition.log.partition
                entries.append((store, pid, change.epoch, change.start_offset))
        if entries:
            self._stores.persist_epochs(entries)
