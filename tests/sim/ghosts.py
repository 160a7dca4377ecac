"""What the checker remembers of partitions and their replicas, whatever the brokers forget."""

from dataclasses import dataclass, field

from bus.model.ids import PartitionId
from tests.sim.batches import Batch


@dataclass(slots=True, eq=False)
class Ghost:
    """One partition: what was ever committed (the set C)."""

    name: str
    pid: PartitionId
    flush_group: bool
    committed: list[Batch] = field(default_factory=list)
    end: int = 0  # of what is committed
    ever: set[tuple[int, int]] = field(default_factory=set)  # (base, crc)
    losses: int = 0  # how often something that was not promised to stay has gone
    may_shrink: bool = False  # by retention, or because somebody asked for it
    is_damaged: bool = False  # bits were flipped below what was durable

    def commit(self, batch: Batch) -> None:
        self.committed.append(batch)
        self.ever.add((batch.base, batch.crc))
        self.end = batch.end

    def cut(self, end: int) -> None:
        """What was not promised to stay is gone."""
        self.losses += 1
        while self.committed and self.committed[-1].end > end:
            self.committed.pop()
        self.end = min(self.end, end)


@dataclass(slots=True, eq=False)
class Replica:
    """One partition on one machine."""

    life: int = 0  # of the broker
    role: tuple[int, bool] = (-1, True)  # epoch, and whether it does not lead
    state: tuple[int, ...] = ()
    batches: list[Batch] = field(default_factory=list)  # from the log's start or below it
    start: int = 0
    end: int = 0
    flushed: int = 0  # what the store has told to be durable
    high_watermark: int = 0
    epoch: int = -1
    cuts: int = 0
    cursor: tuple[str, int] = ("", 0)  # behind the last batch: file, position
    may_lose: bool = False  # the power failed since
    was_flipped: bool = False
