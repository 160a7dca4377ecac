"""Give up what is damaged below the durable end of a data directory (S6)."""

from bus.adapters.clock import SystemClock
from bus.adapters.disk.disk import RealDisk
from bus.adapters.random import SystemRandom
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore


def accept_losses(data: str) -> list[str]:
    """A sentence for each range of records. Raises DirectoryInUse while a broker runs there."""
    disk = RealDisk(data)
    try:
        store = _opened(disk)
        try:
            sentences = store.accept_losses()
        finally:
            store.close(clean=False)
        if sentences:  # as a broker's next start will find it
            store = _opened(disk)
            store.close()
    finally:
        disk.close()
    return sentences


def _opened(disk: RealDisk) -> LogStore:
    store = LogStore(disk, SystemClock(), SystemRandom(), _ignore, _raise)
    store.open()
    return store


def _ignore(_log: PartitionLog, _offset: int) -> None:
    """Nobody waits for these commits."""


def _raise(error: OSError) -> None:
    raise error
