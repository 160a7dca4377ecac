"""What clients were told, in the terms of bus/testing/history.py."""

from dataclasses import dataclass

from bus.testing.history import Span


@dataclass(slots=True, eq=False)
class Sent:
    """One batch of a producer, and what became of it."""

    producer: int
    span: Span  # of the producer's numbers; base_offset once it is acknowledged
    crc: int
    sequence: int = -1
    state: str = "waiting"  # then acknowledged, refused (definitely), or unknown
    losses: int = 0  # of the partition, when it was sent last: before it was acknowledged
    may_go: bool = False  # it was acknowledged by a leader alone (R18)
    must_stay: bool = False  # whatever happens: acks=all, flush=group
    answered_ms: float = 0.0

    def __str__(self) -> str:
        end = self.span.first + self.span.count
        return f"records {self.span.first} to {end - 1} of producer {self.producer}"
