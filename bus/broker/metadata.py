"""The cluster as this broker knows it: one immutable image, made of the store's copy.

What is asked of topics is answered from the image; it is changed by `topic_changes.py`, and made
anew each time the copy has changed: of topics that have changed, the others are the same objects.
"""

from collections.abc import Callable
from uuid import UUID

from bus.broker.founding import cluster_record
from bus.broker.groups import Groups
from bus.broker.mirror import Mirror
from bus.errors import CorruptLog, UnknownTopicOrPartition
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.cluster import NO_LEADER, BrokerInfo, ClusterImage, TopicImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.recoveries import Recoveries, recoveries_from_bytes
from bus.model.stored import Group, TopicRecord


class Metadata:
    """The image, and what it is made of."""

    def __init__(
        self,
        mirror: Mirror,
        keys: Keys,
        brokers: Callable[[], dict[int, BrokerInfo]],
        controller: Callable[[], int],
    ) -> None:
        self.groups = Groups(mirror, keys)
        self._mirror = mirror
        self._keys = keys
        self._brokers = brokers
        self._controller = controller
        self._unread = mirror.unread(keys.prefix(Kind.TOPIC))
        self._stale: dict[str, None] = {}  # names of topics that are to be read
        self._changed: dict[str, None] = {}  # since `take_changed`
        self._names: dict[UUID, str] = {}
        self._alike: dict[str, dict[str, None]] = {}  # names that metrics do not tell apart
        self.on_changed: Callable[[], object] = bool  # told when the image has been made anew
        self.image = ClusterImage("", 0, NO_LEADER, {}, {})
        self.recoveries: Recoveries = {}  # of deleted topics, too
        self._recovered: dict[str, Recoveries] = {}  # by the key that they stand under
        self._unread_recoveries = mirror.unread(keys.prefix(Kind.RECOVERIES))
        self._late: dict[str, None] = {}  # keys of those that are to be read

    def refresh(self) -> ClusterImage:
        """Make the image anew, of a cluster that has begun. Raises CorruptLog."""
        self._read_recoveries()
        cluster = cluster_record(self._mirror, self._keys)
        self.image = ClusterImage(
            cluster_id=cluster.cluster_id,
            revision=self._mirror.revision,
            controller_id=self._controller(),
            brokers=self._brokers(),
            topics=self._topics(),
            level=cluster.level,
        )
        self.on_changed()
        return self.image

    def topic(self, name: str) -> TopicImage:
        """The topic of this name. Raises UnknownTopicOrPartition."""
        topic = self.image.topics.get(name)
        if topic is None:
            raise UnknownTopicOrPartition(f"There is no topic {name!r}.")
        return topic

    def recovered_epoch(self, pid: PartitionId) -> int:
        """The leader epoch that its last recovery began with (R13); -1: it has had none."""
        records = self.recoveries.get(pid, ())
        return records[-1].leader_epoch if records else NO_LEADER_EPOCH

    def name_of(self, topic_id: UUID) -> str | None:
        """Of the topic with this id."""
        return self._names.get(topic_id)

    def alike(self, name: str) -> str | None:
        """A topic that metrics would not tell from one of this name."""
        return next(iter(self._alike.get(_metric_name(name), ())), None)

    def take_changed(self) -> list[str]:
        """Names of topics that are there, gone, or others since this was called last."""
        changed, self._changed = self._changed, {}
        return list(changed)

    def _topics(self) -> dict[str, TopicImage]:
        """All of them; the same object if none has changed."""
        known = self.image.topics
        about = map(self._keys.name_of, self._unread.take())
        self._stale.update({each.text: None for each in about if each is not None})
        for topic_id in self.groups.take_changed():
            if topic_id in self._names:
                self._stale[self._names[topic_id]] = None
        made = {name: self._read(name) for name in self._stale}
        self._stale.clear()  # all of them could be read
        changed = {name: topic for name, topic in made.items() if topic != known.get(name)}
        if not changed:
            return known
        topics = dict(known)
        for name, topic in changed.items():
            self._forget(name, topics.get(name))
            if topic is None:
                del topics[name]
            else:
                topics[name] = topic
                self._names[topic.topic_id] = name
                self._alike.setdefault(_metric_name(name), {})[name] = None
        self._changed.update(dict.fromkeys(changed))
        return topics

    def _forget(self, name: str, topic: TopicImage | None) -> None:
        if topic is None:
            return
        self._names.pop(topic.topic_id, None)
        alike = self._alike[_metric_name(name)]
        del alike[name]
        if not alike:
            del self._alike[_metric_name(name)]

    def _read(self, name: str) -> TopicImage | None:
        key = self._keys.topic(name)
        if self._mirror.get(key) is None:
            return None
        record = self._mirror.parsed(key, TopicRecord.from_bytes)
        partitions: Group = {}
        for number in record.groups:
            partitions |= self.groups.get(number)
        return _topic_image(name, record, partitions)

    def _read_recoveries(self) -> None:
        self._late.update(dict.fromkeys(self._unread_recoveries.take()))
        if not self._late:
            return
        found = dict(self._recovered)
        for key in self._late:
            found.pop(key, None)
            if self._mirror.get(key) is not None and self._keys.name_of(key) is not None:
                found[key] = self._mirror.parsed(key, recoveries_from_bytes)
        self._late.clear()  # all of them could be read
        self._recovered = found
        self.recoveries = {pid: each for all_of in found.values() for pid, each in all_of.items()}


def _metric_name(name: str) -> str:
    return name.replace(".", "_")


def _topic_image(name: str, record: TopicRecord, partitions: Group) -> TopicImage:
    ids = [PartitionId(record.topic_id, number) for number in range(record.partitions)]
    missing = [pid.partition for pid in ids if pid not in partitions]
    if missing:
        raise CorruptLog(f"The metadata of topic {name!r} lacks its partitions {missing[:5]}.")
    images = tuple(partitions[pid] for pid in ids)
    follows = record.follows_defaults(name)
    return TopicImage(name, record.topic_id, record.config, images, follows)
