"""What the coordination store holds of a broker: how it is reached, and what it may do.

A broker writes where it answers, with a session; the controller alone writes its epoch and state.

State      Meaning
-----      -------
fenced     leads nothing and is in no set of replicas that counts; the first state of each life
active     may lead and may be in sync
leaving    is about to stop: gives up what it leads, and joins no in-sync set
removed    is not coming back: its id is free for another one

An operator may drain a broker, whatever its state: it is given no replicas, and gives up its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from bus.model.features import CLUSTER_VERSION, OLDEST, Levels
from bus.model.stored import from_json, number_of, others_of, text_of, to_json

NO_EPOCH = 0
FIELDS = ("epoch", "state", "clean_epoch", "disk_ids", "boot_id", "is_draining")  # as accepted


class BrokerState(StrEnum):
    """As the controller has it."""

    FENCED = "fenced"
    ACTIVE = "active"
    LEAVING = "leaving"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class BrokerRecord:
    """Where a broker answers in this life of it."""

    endpoints: dict[str, str]  # by listener
    rack: str
    boot_id: str  # of the kernel: equal ids mean that the page cache survived
    epoch: int = NO_EPOCH  # NO_EPOCH: the revision of this entry; else that of its first one (R1)
    peer_url: str = ""  # where other brokers reach it; empty: nowhere
    peer_key: str = ""  # its public CURVE key (Z85), which proves who it is on links to others
    peer_path: str = ""  # where brokers of the same machine reach it; empty: as all others do
    levels: Levels = OLDEST  # that it knows

    def to_bytes(self) -> bytes:
        """The value of the broker's key."""
        content = {
            "endpoints": self.endpoints,
            "rack": self.rack,
            "boot_id": self.boot_id,
            "epoch": self.epoch,
            "peer_url": self.peer_url,
            "peer_key": self.peer_key,
            "peer_path": self.peer_path,
            "features": {CLUSTER_VERSION: [self.levels.low, self.levels.high]},
        }
        return to_json(content)

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "BrokerRecord":
        """Raises CorruptLog, naming the key, for anything that `to_bytes` does not write."""

        def parse(content: Any) -> "BrokerRecord":
            endpoints = {str(name): text_of(url) for name, url in content["endpoints"].items()}
            return cls(
                endpoints,
                text_of(content["rack"]),
                text_of(content["boot_id"]),
                number_of(content["epoch"]),
                text_of(content["peer_url"]),
                text_of(content["peer_key"]),
                text_of(content.get("peer_path", "")),
                _levels_of(content.get("features", {})),
            )

        return from_json(key, data, parse)

    def epoch_at(self, revision: int) -> int:
        """The broker's epoch, if its entry has this revision (R1)."""
        return self.epoch or revision


@dataclass(frozen=True, slots=True)
class BrokerEpochRecord:
    """What the controller has accepted of a broker."""

    epoch: int
    state: BrokerState
    clean_epoch: int  # the last one that has taken its leave; NO_EPOCH: none has
    disk_ids: tuple[UUID, ...]
    boot_id: str
    is_draining: bool = False
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)  # fields of later versions

    def to_bytes(self) -> bytes:
        """The value of the key of the broker's epoch."""
        content = {
            "epoch": self.epoch,
            "state": self.state,
            "clean_epoch": self.clean_epoch,
            "disk_ids": [str(disk_id) for disk_id in self.disk_ids],
            "boot_id": self.boot_id,
            "is_draining": self.is_draining,
        }
        return to_json({**self.others, **content})

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "BrokerEpochRecord":
        """Raises CorruptLog, naming the key, for anything that `to_bytes` does not write."""

        def parse(content: Any) -> "BrokerEpochRecord":
            return cls(
                number_of(content["epoch"]),
                BrokerState(content["state"]),
                number_of(content["clean_epoch"]),
                tuple(UUID(text_of(each)) for each in content["disk_ids"]),
                text_of(content["boot_id"]),
                _truth_of(content["is_draining"]),
                others_of(content, *FIELDS),
            )

        return from_json(key, data, parse)


def _levels_of(features: Any) -> Levels:
    """Raises ValueError, TypeError or AttributeError."""
    known = features.get(CLUSTER_VERSION)
    if known is None:
        return OLDEST
    low, high = known
    return Levels(number_of(low), number_of(high))


def _truth_of(content: object) -> bool:
    """Raises ValueError."""
    if not isinstance(content, bool):
        raise ValueError(f"{str(content)[:40]!r} is neither true nor false")
    return content
