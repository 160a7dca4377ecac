"""One partition as the broker holds it: its log, its settings, and the machine of its role.

A partition that this broker does not lead has a leader's machine, too: it has resigned, and so
sends all who ask to the one that leads.
"""

from dataclasses import dataclass

from bus.control.follower import Follower, LogEnds
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
    follower: Follower | None = None  # while it follows

    @property
    def name(self) -> str:
        """As people write it: topic-3."""
        return f"{self.topic}-{self.index}"

    @property
    def ends(self) -> LogEnds:
        """The log as a follower's machine looks at it."""
        log = self.log
        last_epoch = log.epochs.epoch_at(log.end_offset - 1) if log.end_offset > 0 else -1
        return LogEnds(log.start_offset, log.end_offset, log.flushed_offset, last_epoch)
