"""All data directories of a broker: which partition stands where, and what goes on when one fails.

What       Rule
----       ----
where is   a partition belongs to the directory whose records name it; each has journals of its own
place      a new one goes where there is room, then where the fewest partitions are, then where
           the most space is free
failure    of one disk fences its partitions; the others serve (S4)
missing    a directory that is known and not there keeps its partitions absent: none of them is
           made anew, empty, elsewhere

Each directory is a LogStore that knows of no other.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from uuid import UUID

from bus.errors import CorruptLog
from bus.log.partition_log import PartitionLog
from bus.log.report import RecoveryReport
from bus.log.room import Reserve
from bus.log.store import LogStore
from bus.model.ids import PartitionId
from bus.model.limits import CHECKPOINT_INTERVAL_MS, GIB, PRODUCER_EXPIRY_MS
from bus.ports import Clock, Disk, Random


class Stores:
    """The broker's data directories; one thread only."""

    def __init__(
        self,
        disks: Sequence[Disk],
        clock: Clock,
        random: Random,
        on_flushed: Callable[[PartitionLog, int], None],
        on_failed: Callable[[LogStore, OSError], None],
        reserve: Reserve,
        producer_expiry_ms: int = PRODUCER_EXPIRY_MS,
        checkpoint_interval_ms: int = CHECKPOINT_INTERVAL_MS,
    ) -> None:
        assert disks, "a broker has a data directory"
        self.all: list[LogStore] = []
        for disk in disks:
            failed = partial(self._on_failed, len(self.all))
            times = producer_expiry_ms, checkpoint_interval_ms
            store = LogStore(disk, clock, random, on_flushed, failed, reserve, *times)
            self.all.append(store)
        self._tell_failed = on_failed

    def identities(self) -> dict[UUID, str]:
        """Path by id, of the directories that have one already. Raises CorruptLog for twins."""
        found: dict[UUID, str] = {}
        for store in self.all:
            identity = store.read_identity()
            if identity is None:
                continue
            if identity in found:
                raise CorruptLog(
                    f"The data directories {found[identity]} and {store.path} have the same "
                    "disk_uuid: one is a copy of the other. Leave one of them out."
                )
            found[identity] = store.path
        return found

    def open(self) -> RecoveryReport:
        """Recover all. Raises OSError or CorruptLog, and then none should be used."""
        report = RecoveryReport()
        for store in self.all:
            report.add(store.open())
        self._check_twins()
        return report

    def _check_twins(self) -> None:
        seen: dict[PartitionId, LogStore] = {}
        for store in self.all:
            for log in store.logs():
                other = seen.setdefault(log.partition, store)
                if other is not store:
                    raise CorruptLog(
                        f"{log.directory} is in two data directories, {other.path} and "
                        f"{store.path}. Move one of them away."
                    )

    def topics(self) -> dict[str, int]:
        """How many topics have records in each, by path; before they are opened."""
        return {store.path: store.count_topics() for store in self.all}

    def find(self, partition: PartitionId) -> LogStore | None:
        """The directory that knows of this partition, or None."""
        for store in self.all:
            if store.knows(partition):
                return store
        return None

    def place(self) -> LogStore:
        """Where a new partition goes."""
        return min(self.all, key=_burden)

    @property
    def working(self) -> list[LogStore]:
        """Those whose disk has not failed."""
        return [store for store in self.all if store.failed is None]

    def stuck_ms(self, now_ms: int) -> int:
        """The age of the oldest unfinished write of all working disks (replication 5.3)."""
        return max((store.stuck_ms(now_ms) for store in self.working), default=0)

    def housekeeping(self, now_ms: int) -> None:
        """What is due of the work that nobody waits for; call it every half second or so."""
        for store in self.working:
            store.housekeeping(now_ms)

    def checkpoint_now(self) -> None:
        """Write a checkpoint of each, durably."""
        for store in self.working:
            store.checkpoint_now()

    def accept_losses(self) -> list[str]:
        """Give up what is damaged, and say what; close all and open them anew afterwards."""
        return [sentence for store in self.all for sentence in store.accept_losses()]

    def persist_epochs(self, entries: Iterable[tuple[LogStore, PartitionId, int, int]]) -> None:
        """Make (store, partition, epoch, start offset) durable: one journal append a directory.

        A disk that cannot is failed.
        """
        by_store: dict[LogStore, list[tuple[PartitionId, int, int]]] = {}
        for store, partition, epoch, start_offset in entries:
            by_store.setdefault(store, []).append((partition, epoch, start_offset))
        for store, wanted in by_store.items():
            try:
                store.persist_epochs(wanted)
            except OSError as error:
                store.fail(error)

    def close(self, clean: bool = True) -> None:
        """Close each, whatever another one raises; the first error is raised at the end."""
        errors: list[OSError] = []
        for store in self.all:
            try:
                store.close(clean=clean)
            except OSError as error:
                errors.append(error)
                store.abandon()
        if errors:
            raise errors[0]

    def _on_failed(self, index: int, error: OSError) -> None:
        self._tell_failed(self.all[index], error)


def _burden(store: LogStore) -> tuple[bool, bool, int, int]:
    room = store.room
    return store.failed is not None, room.is_full, store.count, -(room.free_bytes // GIB)
