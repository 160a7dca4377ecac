"""The cluster as one immutable picture: brokers, topics, partitions, and who leads them."""

from dataclasses import dataclass, field
from uuid import UUID

from bus.model.features import FIRST, OLDEST, Levels

NO_LEADER = -1


@dataclass(frozen=True, slots=True)
class BrokerInfo:
    """A broker and where its listeners answer, by listener name ("zmq", "kafka", ...)."""

    broker_id: int
    endpoints: dict[str, str] = field(default_factory=dict)
    rack: str | None = None
    levels: Levels = OLDEST  # that it knows


@dataclass(frozen=True, slots=True)
class BrokerLife:
    """A broker from one start to the next, as the authority has accepted it (R1)."""

    epoch: int  # no other start of any broker has it, and later ones have higher ones
    is_active: bool  # it may lead, and may join in-sync sets


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """Who holds and who leads one partition: the authority's record of it."""

    leader: int
    leader_epoch: int
    partition_epoch: int
    min_isr: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    elr: tuple[int, ...] = ()  # eligible leaders while the in-sync set is below its minimum
    last_elr: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicImage:
    """A topic, its settings as given (defaults left out), and its partitions in order."""

    name: str
    topic_id: UUID
    config: dict[str, str]
    partitions: tuple[PartitionImage, ...]
    grows: bool = False  # it is given as many replicas as the number of brokers makes the default


@dataclass(frozen=True, slots=True)
class ClusterImage:
    """All of it at one revision; replaced as a whole, never changed."""

    cluster_id: str
    revision: int
    controller_id: int
    brokers: dict[int, BrokerInfo]
    topics: dict[str, TopicImage]
    level: int = FIRST  # of what is kept and said
