"""The cluster as this broker knows it: one immutable image, made of the store's copy.

What is asked of topics is answered from the image; it is changed by `topic_changes.py`, and made
anew each time the copy has changed.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from bus.broker.founding import cluster_record
from bus.broker.mirror import Mirror
from bus.errors import CorruptLog, UnknownTopicOrPartition
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.cluster import NO_LEADER, BrokerInfo, ClusterImage, TopicImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.recoveries import Recoveries, recoveries_from_bytes
from bus.model.stored import Group, TopicRecord, group_from_bytes
from bus.ports import Entry

Entries = Mapping[str, Entry]
Parsed = TypeVar("Parsed")


class Metadata:
    """The image, and what it is made of."""

    def __init__(
        self,
        mirror: Mirror,
        keys: Keys,
        brokers: Callable[[], dict[int, BrokerInfo]],
        controller: Callable[[], int],
    ) -> None:
        self._mirror = mirror
        self._keys = keys
        self._brokers = brokers
        self._controller = controller
        self._values: dict[str, tuple[int, object]] = {}  # key -> revision, as parsed
        self._images: dict[str, tuple[tuple[int, ...], TopicImage]] = {}  # by topic, with theirs
        self.on_changed: Callable[[], object] = bool  # told when the image has been made anew
        self.image = ClusterImage("", 0, NO_LEADER, {}, {})
        self.recoveries: Recoveries = {}  # of deleted topics, too
        self._recovered: dict[str, int] = {}  # the keys that they stand under, and their revisions

    def refresh(self) -> ClusterImage:
        """Make the image anew, of a cluster that has begun. Raises CorruptLog."""
        entries = self._mirror.entries
        names = [name for key in entries if (name := self._keys.name_of(key)) is not None]
        topics = {
            name.text: self._topic_of(name.text, entries)
            for name in names
            if name.kind is Kind.TOPIC
        }
        keys = [self._keys.recoveries(n.number) for n in names if n.kind is Kind.RECOVERIES]
        self._read_recoveries({key: entries[key].revision for key in keys}, entries)
        self._forget_but(entries)
        cluster = cluster_record(self._mirror, self._keys)
        self.image = ClusterImage(
            cluster_id=cluster.cluster_id,
            revision=max(revision for _, revision in entries.values()),
            controller_id=self._controller(),
            brokers=self._brokers(),
            topics=topics,
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

    def groups(self) -> dict[int, tuple[Group, int]]:
        """All groups of partitions' records by their number, with their revisions; not to be
        changed. Raises CorruptLog."""
        entries = self._mirror.entries
        found: dict[int, tuple[Group, int]] = {}
        for key in self._mirror.under(self._keys.prefix(Kind.GROUP)):
            name = self._keys.name_of(key)
            if name is not None:
                group = self._parsed(key, entries, group_from_bytes)
                found[name.number] = group, entries[key].revision
        return found

    def _topic_of(self, name: str, entries: Entries) -> TopicImage:
        """Read anew only if one of its keys has changed: else this would be slow with many."""
        key = self._keys.topic(name)
        record = self._parsed(key, entries, TopicRecord.from_bytes)
        keys = [self._keys.group(gid) for gid in record.groups]
        stamp = tuple(entries[each][1] if each in entries else 0 for each in (key, *keys))
        known = self._images.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        partitions: Group = {}
        for each in keys:
            if each in entries:
                partitions |= self._parsed(each, entries, group_from_bytes)
        image = _topic_image(name, record, partitions)
        self._images[name] = stamp, image
        return image

    def _read_recoveries(self, revisions: dict[str, int], entries: Entries) -> None:
        if revisions == self._recovered:
            return
        found: Recoveries = {}
        for key in revisions:
            found |= self._parsed(key, entries, recoveries_from_bytes)
        self.recoveries, self._recovered = found, revisions

    def _parsed(self, key: str, entries: Entries, parse: Callable[[str, bytes], Parsed]) -> Parsed:
        value, revision = entries[key]
        known = self._values.get(key)
        if known is None or known[0] != revision:
            known = self._values[key] = revision, parse(key, value)
        return cast(Parsed, known[1])

    def _forget_but(self, entries: Entries) -> None:
        """What has been deleted."""
        for key in self._values.keys() - entries.keys():
            del self._values[key]
            self._images.pop(key.removeprefix(self._keys.prefix(Kind.TOPIC)), None)


def _topic_image(name: str, record: TopicRecord, partitions: Group) -> TopicImage:
    ids = [PartitionId(record.topic_id, number) for number in range(record.partitions)]
    missing = [pid.partition for pid in ids if pid not in partitions]
    if missing:
        raise CorruptLog(f"The metadata of topic {name!r} lacks its partitions {missing[:5]}.")
    images = tuple(partitions[pid] for pid in ids)
    follows = record.follows_defaults(name)
    return TopicImage(name, record.topic_id, record.config, images, follows)
