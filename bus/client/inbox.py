"""What the I/O thread has fetched and the reader has not yet taken.

The I/O thread puts, the reader's thread takes; a deque needs no lock for that. What belongs to an
older generation of its partition (the reader has moved on since) is dropped when it is taken.
"""

from collections import deque
from dataclasses import dataclass

from bus.client.bell import Bell
from bus.errors import BusError
from bus.model.ids import TopicPartition


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole batches of one partition, as they came."""

    partition: TopicPartition
    generation: int
    data: memoryview
    offset: int  # that was asked for; records below are to be left out
    end_offset: int
    high_watermark: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What the reader's next poll raises."""

    partition: TopicPartition
    generation: int
    error: BusError


class Inbox:
    """Chunks and faults in the order of arrival."""

    def __init__(self) -> None:
        self.items: deque[Chunk | Fault] = deque()
        self.bell = Bell()

    def put(self, item: Chunk | Fault) -> None:
        """Add one; `ring` when all of an answer are in."""
        self.items.append(item)

    def take(self) -> Chunk | Fault | None:
        """The oldest, or None."""
        try:
            return self.items.popleft()
        except IndexError:
            return None
