"""Which failures the records of a partition survive, and whether writing goes on meanwhile.

Failure                         What is gone
-------                         ------------
a broker's process is killed    its memory; what it had written, the kernel still has
a machine loses power           what its kernel had not written to the disk yet
a rack loses power              the same, of all machines in it
everything loses power          the same, everywhere at once
a disk is lost for good         all that stood on it

A record that was acknowledged with acks=all stands on all replicas that were in sync then: on
min.insync.replicas of them at least, and nobody knows on which. So it survives a failure if that
takes fewer copies than those; with flush=group a loss of power takes none (replication.md, I15).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica stands. Brokers of one machine lose power together; so do racks."""

    broker: int
    machine: str
    rack: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What matters of a partition."""

    replicas: tuple[Place, ...]
    in_sync: int  # how many are, now
    min_isr: int
    is_flushed: bool  # flush=group: acknowledged once it is on the disk


class Records(Enum):
    """What becomes of acknowledged records."""

    KEPT = "kept"
    KEPT_NOW = "kept now"  # as long as more replicas are in sync than have to be
    AT_RISK = "may be lost"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one failure does; of those of its kind, the worst."""

    records: Records
    can_write: bool  # with acks=all, as soon as another replica leads
    can_read: bool


def verdicts(holding: Holding) -> dict[str, Verdict]:
    """By failure, as the table above names them."""
    everywhere = len(holding.replicas)
    machine = _most_in_one(holding.replicas, lambda place: place.machine)
    rack = _most_in_one(holding.replicas, lambda place: place.rack)
    lost = 0 if holding.is_flushed else 1
    return {
        "process": _verdict(holding, 1, 0),
        "machine": _verdict(holding, machine, machine * lost),
        "rack": _verdict(holding, rack, rack * lost),
        "power": _verdict(holding, everywhere, everywhere * lost),
        "disk": _verdict(holding, 1, 1),
    }


def _most_in_one(places: Sequence[Place], where: Callable[[Place], str]) -> int:
    return max(Counter(map(where, places)).values(), default=0)


def _verdict(holding: Holding, stopped: int, lost: int) -> Verdict:
    """So many replicas stop, and so many of these lose what was not safe."""
    left = len(holding.replicas) - stopped
    if lost < holding.min_isr:
        records = Records.KEPT
    else:
        records = Records.KEPT_NOW if lost < holding.in_sync else Records.AT_RISK
    return Verdict(records, left >= holding.min_isr, left >= 1)
