"""What a partition remembers of one idempotent producer (KIP-98, KIP-360).

A pure function of the log's prefix: written by `log/producers.py` when a batch is appended or
replayed, read by `control/sequence.py` when the next one arrives.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

SEQUENCE_MAX = 2**31 - 1


class SequencedBatch(NamedTuple):
    """One of the last batches of a producer, enough to answer a duplicate of it."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int  # max timestamp of the batch, ms


@dataclass(slots=True)
class ProducerEntry:
    """A producer's epoch and its last batches, oldest first, at most PRODUCER_BATCHES_RETAINED."""

    producer_id: int
    epoch: int
    batches: list[SequencedBatch] = field(default_factory=list)
    last_timestamp: int = -1  # of the newest batch, ms: for expiry

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest record, -1 if none is remembered."""
        return self.batches[-1].last_sequence if self.batches else -1


def sequence_after(sequence: int, count: int) -> int:
    """The sequence `count` records later; it wraps from 2^31 - 1 to 0."""
    return (sequence + count) & SEQUENCE_MAX
