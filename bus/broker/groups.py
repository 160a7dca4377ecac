"""Groups of partitions' records as the store's copy has them, and what placing more of them asks.

Index     What it says
-----     ------------
load      how many replicas each broker has, and how many partitions name it first
room      which groups take more records, by the brokers that hold what they have
changed   topics with other records than when that was last asked

A change of a group costs what the group holds. Who reads sees the copy as it is: it is caught up
with first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from bus.broker.mirror import Mirror
from bus.control.placement import Load
from bus.model.cluster import PartitionImage
from bus.model.keys import Keys, Kind
from bus.model.stored import RECORDS_PER_GROUP_MAX, Group, group_from_bytes

NO_RECORDS: Group = {}


@dataclass(slots=True)
class _Index:
    """Of all groups."""

    replicas: Counter[int] = field(default_factory=Counter)  # by broker
    leaders: Counter[int] = field(default_factory=Counter)  # by the broker that is named first
    load: dict[int, Load] = field(default_factory=dict)  # of both, but for who is in `counted`
    counted: set[int] = field(default_factory=set)  # brokers whose counts have changed since
    room: dict[frozenset[int], dict[int, None]] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)


class Groups:
    """On the event loop's thread. Whatever is asked for may raise CorruptLog."""

    def __init__(self, mirror: Mirror, keys: Keys) -> None:
        self._mirror = mirror
        self._keys = keys
        self._unread = mirror.unread(keys.prefix(Kind.GROUP))
        self._late: dict[str, None] = {}  # keys that have changed and could not be read yet
        self._groups: dict[int, Group] = {}
        self._index = _Index()

    def get(self, number: int) -> Group:
        """The records of one group, none if there is none; not to be changed."""
        self._catch_up()
        return self._groups.get(number, NO_RECORDS)

    def all(self) -> Mapping[int, Group]:
        """By number; not to be changed."""
        self._catch_up()
        return self._groups

    def load(self) -> Mapping[int, Load]:
        """What each broker has, if it has anything; not to be changed."""
        self._catch_up()
        index = self._index
        for broker in index.counted:
            index.load[broker] = Load(index.replicas[broker], index.leaders[broker])
            if not index.replicas[broker]:
                del index.load[broker]
        index.counted.clear()
        return index.load

    def with_room(self, brokers: frozenset[int]) -> list[int]:
        """Groups that take more records of partitions on these brokers, the lowest first."""
        self._catch_up()
        return sorted(self._index.room.get(brokers, ()))

    def take_changed(self) -> set[UUID]:
        """Topics with records that have changed since this was called last."""
        self._catch_up()
        changed, self._index.changed = self._index.changed, set()
        return changed

    def _catch_up(self) -> None:
        self._late.update(dict.fromkeys(self._unread.take()))
        if not self._late:
            return
        found: dict[int, Group] = {}
        for key in self._late:
            name = self._keys.name_of(key)
            if name is not None:
                is_there = self._mirror.get(key) is not None
                found[name.number] = (
                    self._mirror.parsed(key, group_from_bytes) if is_there else NO_RECORDS
                )
        self._late.clear()  # all of it could be read
        for number, group in found.items():
            self._replace(number, group)

    def _replace(self, number: int, group: Group) -> None:
        before = self._groups.pop(number, NO_RECORDS)
        self._leave_room(number, before)
        for pid, image in before.items():
            if group.get(pid) != image:
                self._index.changed.add(pid.topic_id)
                self._count(image, -1)
        for pid, image in group.items():
            if before.get(pid) != image:
                self._index.changed.add(pid.topic_id)
                self._count(image, 1)
        if group:
            self._groups[number] = group
            if len(group) < RECORDS_PER_GROUP_MAX:
                self._index.room.setdefault(brokers_of(group.values()), {})[number] = None

    def _leave_room(self, number: int, group: Group) -> None:
        if group and len(group) < RECORDS_PER_GROUP_MAX:
            brokers = brokers_of(group.values())
            numbers = self._index.room[brokers]
            del numbers[number]
            if not numbers:
                del self._index.room[brokers]

    def _count(self, image: PartitionImage, step: int) -> None:
        for broker in image.replicas:
            self._index.replicas[broker] += step
        self._index.counted.update(image.replicas)
        self._index.leaders[image.replicas[0]] += step


def brokers_of(images: Iterable[PartitionImage]) -> frozenset[int]:
    """Those that hold the partitions of one group."""
    return frozenset(next(iter(images)).replicas)
