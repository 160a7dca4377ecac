"""What an operator asks of the controller: brokers drained or removed, replicas held elsewhere.

They stand apart from the machine that carries them out: any broker takes the requests, and one that
is alone has no need of that machine until it is asked.
"""

from dataclasses import dataclass

from bus.model.ids import PartitionId


@dataclass(frozen=True, slots=True)
class Command:
    """About a broker: drain it, or no more; or remove it."""

    broker: int
    is_draining: bool
    is_removal: bool = False


@dataclass(frozen=True, slots=True)
class Reassignment:
    """Somebody wants these replicas to hold a partition; None: those that did before."""

    pid: PartitionId
    replicas: tuple[int, ...] | None
