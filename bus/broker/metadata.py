"""Topics and settings over the coordination store: one immutable image, changed by compare-and-set.

Each change reads what it depends on, writes all of its keys in one transaction, and then the image
is read anew. A change that lost its race is tried again from the beginning.
"""

import base64
from collections.abc import Callable, Mapping
from typing import TypeVar, cast
from uuid import UUID

from bus.broker.mirror import Mirror, Outcome
from bus.errors import (
    BusError,
    CorruptLog,
    InvalidPartitions,
    InvalidReplicationFactor,
    InvalidTopic,
    PolicyViolation,
    RequestTimedOut,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from bus.model.cluster import BrokerInfo, ClusterImage, PartitionImage, TopicImage
from bus.model.ids import PartitionId, check_topic_name
from bus.model.keys import LOCAL_CLUSTER, Keys, Kind
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX, PRODUCER_ID_BLOCK, TRANSACTION_WRITES_MAX
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.model.stored import (
    RECORDS_PER_GROUP_MAX,
    ClusterRecord,
    Group,
    TopicRecord,
    group_from_bytes,
    group_to_bytes,
    producer_ids_from_bytes,
)
from bus.ports import Entry, Random, Write

FORMAT = 1
TRIES = 10
Entries = Mapping[str, Entry]
Parsed = TypeVar("Parsed")


class Metadata:
    """The cluster's topics as this broker knows them, and the ways to change them."""

    def __init__(
        self,
        mirror: Mirror,
        random: Random,
        brokers: Callable[[], dict[int, BrokerInfo]],
        node_id: int,
        cluster: str = LOCAL_CLUSTER,
    ) -> None:
        self._mirror = mirror
        self._random = random
        self._brokers = brokers
        self._node_id = node_id
        self._keys = Keys(cluster)
        self._values: dict[str, tuple[int, object]] = {}  # key -> revision, as parsed
        self._images: dict[str, tuple[tuple[int, ...], TopicImage]] = {}  # by topic, with theirs
        self.image = ClusterImage("", 0, node_id, {}, {})

    def load(self) -> ClusterImage:
        """A new store gets its cluster id first. Raises CorruptLog or StoreUnreachable."""
        if not self._mirror.is_ready:
            raise StoreUnreachable("The metadata has not been read yet.")
        if self._mirror.get(self._keys.meta) is None:
            cluster_id = base64.urlsafe_b64encode(self._random.uuid_bytes()).decode().rstrip("=")
            record = ClusterRecord(cluster_id, FORMAT, {})
            at_once(self._mirror, [Write(self._keys.meta, record.to_bytes())])
        return self.refresh()

    def refresh(self) -> ClusterImage:
        """Read the image anew."""
        entries = self._mirror.entries
        names = [name for key in entries if (name := self._keys.name_of(key)) is not None]
        topics = {
            name.text: self._topic_of(name.text, entries)
            for name in names
            if name.kind is Kind.TOPIC
        }
        self._forget_but(entries)
        self.image = ClusterImage(
            cluster_id=_cluster_id(self._keys.meta, entries[self._keys.meta].value),
            revision=max(revision for _, revision in entries.values()),
            controller_id=self._node_id,
            brokers=self._brokers(),
            topics=topics,
        )
        return self.image

    def check_new_topic(self, name: str, partitions: int, replication_factor: int) -> None:
        """Raises what creating this topic would raise; changes nothing."""
        check_topic_name(name)
        if name in self.image.topics:
            raise TopicAlreadyExists(f"The topic {name!r} exists already.")
        metric = name.replace(".", "_")
        twin = next((t for t in self.image.topics if t.replace(".", "_") == metric), None)
        if twin:
            raise InvalidTopic(
                f"The topic {name!r} collides with {twin!r}: in metric names '.' and '_' are one."
            )
        _check_partitions(name, partitions)
        if not 1 <= replication_factor <= len(self.image.brokers):
            raise InvalidReplicationFactor(
                f"The replication factor of {name!r} is {replication_factor}; "
                f"there are {len(self.image.brokers)} brokers."
            )

    def create_topic(
        self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]
    ) -> TopicImage:
        """A new topic with a new id, led by this broker."""
        self.check_new_topic(name, partitions, replication_factor)
        topic_id = UUID(bytes=self._random.uuid_bytes(), version=4)

        def changes() -> list[Write]:
            new = [PartitionId(topic_id, number) for number in range(partitions)]
            groups, changes = self._place(new)
            record = TopicRecord(topic_id, partitions, dict(config), groups)
            return [*changes, Write(self._keys.topic(name), record.to_bytes(), 0)]

        self._commit(changes)
        return self.image.topics[name]

    def delete_topic(self, name: str) -> TopicImage:
        """Forget a topic; returns what it was."""
        topic = self._topic(name)

        def changes() -> list[Write]:
            record, revision = self._record(name)
            found: list[Write] = [Write(self._keys.topic(name), None, revision)]
            for gid in record.groups:
                group, at = self._group(gid)
                kept = {pid: image for pid, image in group.items() if pid[0] != record.topic_id}
                value = group_to_bytes(kept) if kept else None
                if at:
                    found.append(Write(self._keys.group(gid), value, at))
            return found

        self._commit(changes)
        return topic

    def check_growth(self, name: str, total: int) -> None:
        """Raise what `create_partitions` would of such a topic."""
        now = len(self._topic(name).partitions)
        _check_partitions(name, total)
        if total <= now:
            raise InvalidPartitions(
                f"The topic {name!r} has {now} partitions; {total} would not be more."
            )

    def create_partitions(self, name: str, total: int) -> TopicImage:
        """Grow a topic to `total` partitions."""
        self.check_growth(name, total)

        def changes() -> list[Write]:
            record, revision = self._record(name)
            new = [PartitionId(record.topic_id, n) for n in range(record.partitions, total)]
            groups, changes = self._place(new)
            all_groups = tuple(dict.fromkeys((*record.groups, *groups)))
            grown = TopicRecord(record.topic_id, total, record.config, all_groups)
            return [*changes, Write(self._keys.topic(name), grown.to_bytes(), revision)]

        self._commit(changes)
        return self.image.topics[name]

    def alter_config(self, name: str, config: Mapping[str, str]) -> TopicImage:
        """Replace a topic's settings by `config`, which the caller has validated."""
        self._topic(name)

        def changes() -> list[Write]:
            record, revision = self._record(name)
            altered = TopicRecord(record.topic_id, record.partitions, dict(config), record.groups)
            return [Write(self._keys.topic(name), altered.to_bytes(), revision)]

        self._commit(changes)
        return self.image.topics[name]

    def allocate_producer_ids(self) -> range:
        """A block of producer ids that nobody else will ever get (R26)."""
        key = self._keys.producer_ids
        for _ in range(TRIES):
            entry = self._mirror.get(key)
            value, revision = entry if entry is not None else (b"0", 0)
            first = producer_ids_from_bytes(key, value)
            write = Write(key, b"%d" % (first + PRODUCER_ID_BLOCK), revision)
            if at_once(self._mirror, [write]) is not None:
                return range(first, first + PRODUCER_ID_BLOCK)
        raise RequestTimedOut("Producer ids could not be allocated; try again.")

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

    def _commit(self, changes: Callable[[], list[Write]]) -> None:
        """Several transactions if one does not hold it all. There is one writer: none is undone."""
        for _ in range(TRIES):
            writes = changes()
            starts = range(0, len(writes), TRANSACTION_WRITES_MAX)
            pieces = [writes[at : at + TRANSACTION_WRITES_MAX] for at in starts]
            is_done = all(self._transact(piece) is not None for piece in pieces)
            self.refresh()
            if is_done:
                return
        raise RequestTimedOut("The metadata kept changing meanwhile; try again.")

    def _transact(self, writes: list[Write]) -> int | None:
        try:
            return at_once(self._mirror, writes)
        except StoreRefused as error:
            raise PolicyViolation(str(error)) from None

    def _place(self, new: list[PartitionId]) -> tuple[tuple[int, ...], list[Write]]:
        """Groups for new partitions, the last one filled up first, and the writes this takes."""
        prefix = self._keys.prefix(Kind.GROUP)
        names = [self._keys.name_of(key) for key in self._mirror.under(prefix)]
        gid = max((name.number for name in names if name is not None), default=0)
        used: list[int] = []
        changes: list[Write] = []
        left = list(new)
        image = PartitionImage(self._node_id, 0, 0, 1, (self._node_id,), (self._node_id,))
        while left:
            group, revision = self._group(gid)
            room = RECORDS_PER_GROUP_MAX - len(group)
            if room > 0:
                group |= dict.fromkeys(left[:room], image)
                changes.append(Write(self._keys.group(gid), group_to_bytes(group), revision))
                used.append(gid)
                del left[:room]
            gid += 1
        return tuple(used), changes

    def _group(self, gid: int) -> tuple[Group, int]:
        entry = self._mirror.get(self._keys.group(gid))
        if entry is None:
            return {}, 0
        return group_from_bytes(self._keys.group(gid), entry[0]), entry[1]

    def _record(self, name: str) -> tuple[TopicRecord, int]:
        key = self._keys.topic(name)
        entry = self._mirror.get(key)
        if entry is None:
            raise _unknown(name)
        return TopicRecord.from_bytes(key, entry[0]), entry[1]

    def _topic(self, name: str) -> TopicImage:
        topic = self.image.topics.get(name)
        if topic is None:
            raise _unknown(name)
        return topic


def at_once(mirror: Mirror, writes: list[Write]) -> int | None:
    """As `transact`, of one node's store, which answers within the call. Raises BusError."""
    outcomes: list[Outcome] = []
    mirror.transact(writes, {}, outcomes.append)
    if not outcomes:
        raise StoreUnreachable("The metadata did not answer at once, as one node's file does.")
    (outcome,) = outcomes
    if isinstance(outcome, BusError):
        raise outcome
    return outcome


def _unknown(name: str) -> UnknownTopicOrPartition:
    return UnknownTopicOrPartition(f"There is no topic {name!r}.")


def _check_partitions(name: str, partitions: int) -> None:
    if not 1 <= partitions <= PARTITIONS_PER_TOPIC_MAX:
        raise InvalidPartitions(
            f"The topic {name!r} cannot have {partitions} partitions; "
            f"1 to {PARTITIONS_PER_TOPIC_MAX} are allowed."
        )


def _topic_image(name: str, record: TopicRecord, partitions: Group) -> TopicImage:
    ids = [PartitionId(record.topic_id, number) for number in range(record.partitions)]
    missing = [pid.partition for pid in ids if pid not in partitions]
    if missing:
        raise CorruptLog(f"The metadata of topic {name!r} lacks its partitions {missing[:5]}.")
    return TopicImage(name, record.topic_id, record.config, tuple(partitions[pid] for pid in ids))


def _cluster_id(key: str, value: bytes) -> str:
    record = ClusterRecord.from_bytes(key, value)
    if record.format > FORMAT:
        raise CorruptLog(
            f"The metadata has format {record.format}; this version of busd reads up to {FORMAT}."
        )
    return record.cluster_id
