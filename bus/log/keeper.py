"""What a partition's log asks of the store that it belongs to."""

from typing import TYPE_CHECKING, Protocol

from bus.model.ids import PartitionId

if TYPE_CHECKING:
    from bus.log.partition_log import PartitionLog


class Keeper(Protocol):
    """What a log asks of the store that it belongs to."""

    def flush(self, log: "PartitionLog") -> None:
        """Commit all of it with the next group commit."""

    def flush_rolled(self, log: "PartitionLog") -> None:
        """Commit its rolled segments with the next group commit."""

    def note_epoch(self, partition: PartitionId, epoch: int, start_offset: int) -> None:
        """A record came of an epoch that was not promised; durable when the record is."""

    def settle(self) -> None:
        """Return when no commit and no checkpoint is under way; blocks."""

    def checkpoint_now(self) -> None:
        """Write a checkpoint durably; blocks."""

    def checkpoint_soon(self) -> None:
        """Write a checkpoint in the background."""

    def note_change(self) -> None:
        """The next checkpoint will not be as the last one was."""
