"""What an operator asks of the controller: brokers drained or removed, replicas moved, leaders.

They stand apart from the machine that carries them out: any broker takes the requests, and one that
is alone has no need of that machine until it is asked.
"""

from dataclasses import dataclass

from bus.model.cluster import NO_LEADER
from bus.model.ids import PartitionId
from bus.model.recoveries import NOT_KNOWN


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


@dataclass(frozen=True, slots=True)
class UncleanElection:
    """The command, with what whoever gives it knows."""

    pid: PartitionId
    by: str
    leader: int = NO_LEADER  # NO_LEADER: who seems best
    lost: tuple[int, ...] = ()  # brokers that do not come back with what they held
    end_offset: int = NOT_KNOWN  # of the named leader's log
    seen_offset: int = NOT_KNOWN  # see RecoveryRecord
