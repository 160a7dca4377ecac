"""One partition as the broker holds it: its log, the machine that leads it, and who waits."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bus.control.leader import Leader
from bus.log.partition_log import PartitionLog
from bus.model.topic_settings import TopicSettings

if TYPE_CHECKING:
    from bus.broker.fetches import ParkedFetch


@dataclass(slots=True, eq=False)
class Partition:
    """Identity is the object: a topic made anew under the same name has other partitions."""

    topic: str
    index: int
    log: PartitionLog
    leader: Leader
    settings: TopicSettings
    readers: set["ParkedFetch"] = field(default_factory=set)  # to wake when the commit moves

    @property
    def name(self) -> str:
        """As people write it: topic-3."""
        return f"{self.topic}-{self.index}"
