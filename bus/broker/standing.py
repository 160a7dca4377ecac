"""What a node is among others: alone (alone.py), or a member of a cluster (member.py)."""

from collections.abc import Callable, Collection
from typing import Protocol

from bus.broker.topic_changes import Done
from bus.model.cluster import BrokerInfo
from bus.model.ids import PartitionId
from bus.model.stored_brokers import BrokerRecord


class Standing(Protocol):
    """On the event loop's thread."""

    @property
    def controller(self) -> int:
        """Who controls; below 0 if nobody does."""

    def brokers(self) -> dict[int, BrokerInfo]:
        """Who serves, and where."""

    def racks(self) -> dict[int, str]:
        """Who may be given replicas, with their racks."""

    def draining(self) -> Collection[int]:
        """Who gives up all that it holds, and is given nothing."""

    def hosts(self) -> dict[int, str]:
        """On which host each of them stands: those of one host fall together."""

    def guards(self) -> dict[str, int]:
        """What must hold for this broker to write records. Raises NotController (R3)."""

    def make(self, name: str, here: Callable[[Done], None], done: Done) -> None:
        """Have a topic made as somebody's first use of it makes it: `here`, or elsewhere."""

    def enter(
        self, record: BrokerRecord, absent: Collection[PartitionId], done: Callable[[], None]
    ) -> None:
        """Host what the records say, with recovered logs; `done` when that is so.

        `absent` are partitions whose data directory is not there.
        """

    def on_news(self) -> None:
        """The store's copy has changed."""

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""

    def close(self) -> None:
        """Host nothing more."""
