"""One partition as the broker holds it: its log, its settings, and the machine that leads it."""

from dataclasses import dataclass

from bus.control.leader import Leader
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore
from bus.model.topic_settings import TopicSettings


@dataclass(slots=True, eq=False)
class Partition:
    """Identity is the object: a topic made anew under the same name has other partitions."""

    topic: str
    index: int
    log: PartitionLog
    leader: Leader
    settings: TopicSettings
    store: LogStore  # the data directory that the log is in

    @property
    def name(self) -> str:
        """As people write it: topic-3."""
        return f"{self.topic}-{self.index}"
