"""What the coordination store holds, as bytes: most as JSON, partitions in packed groups.

Key of (`keys.py`)     Value
------------------     -----
the cluster            JSON {"cluster_id", "format", "features"}
a broker               JSON {"endpoints", "rack", "epoch", "boot_id", "features", ...}
a broker's epoch       JSON {"epoch", "state", "clean_epoch", "disk_ids", "boot_id"}
a topic                JSON {"id", "partitions", "config", "groups", "grows"}
a group                up to 64 partition records, back to back
producer ids           decimal: the next producer id that no block holds

Partition record, big endian:

    byte  size  field
       0    16  topic id
      16     4  partition
      20     4  leader, -1 if none
      24     4  leader epoch
      28     4  partition epoch
      32     1  min.insync.replicas as far as it is applied
      33     -  six lists, each a count byte and as many int32: replicas, isr, elr, last known
                elr, adding, removing

Keys are few and values small (replication.md 5.2), so one write moves many partitions.
"""

import dataclasses
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from bus.errors import CorruptLog
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.features import CLUSTER_VERSION, FIRST
from bus.model.ids import INTERNAL_TOPICS, PartitionId, topic_id_of
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX, VALUE_BYTES_MAX

FORMAT = 1  # of all that is kept: ClusterRecord.format
RECORDS_PER_GROUP_MAX = 64
_FIXED = struct.Struct(">16siiiiB")
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """The cluster as a whole."""

    cluster_id: str
    format: int  # of all values; who knows only older ones leaves them alone
    features: dict[str, int]  # levels by name (features.py): what all brokers may use
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)  # fields of later versions

    @property
    def level(self) -> int:
        """What its brokers keep and say."""
        return self.features.get(CLUSTER_VERSION, FIRST)

    def at(self, level: int) -> "ClusterRecord":
        """The same cluster at another level."""
        features = self.features | {CLUSTER_VERSION: level}
        return dataclasses.replace(self, features=features)

    def to_bytes(self) -> bytes:
        """The value of the cluster's key."""
        content = {
            "cluster_id": self.cluster_id,
            "format": self.format,
            "features": self.features,
        }
        return to_json({**self.others, **content})

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "ClusterRecord":
        """Raises CorruptLog, naming the key, for anything that `to_bytes` does not write."""
        return from_json(
            key,
            data,
            lambda content: cls(
                text_of(content["cluster_id"]),
                number_of(content["format"]),
                {str(name): number_of(n) for name, n in content["features"].items()},
                others_of(content, "cluster_id", "format", "features"),
            ),
        )


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One topic: its id, how many partitions, its settings as given, and where those stand."""

    topic_id: UUID
    partitions: int
    config: dict[str, str]
    groups: tuple[int, ...]
    grows: bool = False  # it has as many replicas as the cluster's size makes the default
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)  # fields of later versions

    def follows_defaults(self, name: str) -> bool:
        """Does it gain replicas as brokers join? `name` is the topic's."""
        is_one = self.grows or name in INTERNAL_TOPICS
        return is_one and "min.insync.replicas" not in self.config

    def to_bytes(self) -> bytes:
        """The value of the topic's key."""
        content = {
            "id": str(self.topic_id),
            "partitions": self.partitions,
            "config": self.config,
            "groups": list(self.groups),
            "grows": self.grows,
        }
        return to_json({**self.others, **content})

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "TopicRecord":
        """Raises CorruptLog, naming the key, for anything that `to_bytes` does not write."""
        return from_json(
            key,
            data,
            lambda content: cls(
                topic_id_of(UUID(content["id"]).bytes),
                number_of(content["partitions"], PARTITIONS_PER_TOPIC_MAX),
                {str(name): text_of(value) for name, value in content["config"].items()},
                tuple(number_of(group) for group in content["groups"]),
                content.get("grows") is True,
                others_of(content, "id", "partitions", "config", "groups", "grows"),
            ),
        )


Group = dict[PartitionId, PartitionImage]


def group_to_bytes(group: Group) -> bytes:
    """The value of a group's key."""
    assert len(group) <= RECORDS_PER_GROUP_MAX
    parts: list[bytes] = []
    for (topic_id, partition), image in group.items():
        parts.append(
            _FIXED.pack(
                topic_id.bytes,
                partition,
                image.leader,
                image.leader_epoch,
                image.partition_epoch,
                image.min_isr,
            )
        )
        lists = (image.replicas, image.isr, image.elr, image.last_elr, image.adding, image.removing)
        parts.extend(struct.pack(f">B{len(ids)}i", len(ids), *ids) for ids in lists)
    return b"".join(parts)


def group_from_bytes(key: str, data: bytes) -> Group:
    """Raises CorruptLog, naming the key, for anything that `group_to_bytes` does not write."""
    group: Group = {}
    position = 0
    known: dict[bytes, tuple[int, ...]] = {}  # lists that many records have
    try:
        while position < len(data):
            topic_id, partition, leader, leader_epoch, epoch, min_isr = _FIXED.unpack_from(
                data, position
            )
            position += _FIXED.size
            lists: list[tuple[int, ...]] = []
            for _ in range(6):
                written = data[position : position + 1 + 4 * data[position]]
                ids = known.get(written)
                if ids is None:
                    ids = known[written] = struct.unpack_from(f">{written[0]}i", written, 1)
                position += len(written)
                lists.append(ids)
            pid = PartitionId(topic_id_of(topic_id), partition)
            image = PartitionImage(leader, leader_epoch, epoch, min_isr, *lists)
            if pid in group or len(group) == RECORDS_PER_GROUP_MAX or not _is_sound(pid, image):
                raise ValueError(f"the record of partition {partition} contradicts itself")
            group[pid] = image
    except (struct.error, IndexError, ValueError) as error:
        raise CorruptLog(f"The metadata of {key} cannot be read: {error}.") from None
    return group


def producer_ids_from_bytes(key: str, data: bytes) -> int:
    """The next producer id of no block. Raises CorruptLog, naming the key."""
    return from_json(key, data, lambda content: number_of(content, 2**63 - 1), int)


def _is_sound(pid: PartitionId, image: PartitionImage) -> bool:
    """Could any machine of ours have written this?"""
    lists = (image.replicas, image.isr, image.elr, image.last_elr, image.adding, image.removing)
    return (
        0 <= pid.partition < PARTITIONS_PER_TOPIC_MAX
        and image.leader >= NO_LEADER
        and image.leader_epoch >= 0
        and image.partition_epoch >= 0
        and bool(image.replicas)
        and all(len(set(ids)) == len(ids) and min(ids, default=0) >= 0 for ids in set(lists))
        and (image.isr is image.replicas or set(image.isr) <= set(image.replicas))
    )


# --- JSON --------------------------------------------------------------------------------------


def to_json(content: object) -> bytes:
    """The same bytes for the same content."""
    return json.dumps(content, sort_keys=True).encode()


def from_json(
    key: str, data: bytes, parse: Callable[[Any], Parsed], kind: type[object] = dict
) -> Parsed:
    """What `parse` makes of JSON that others may have written. Raises CorruptLog."""
    try:
        if len(data) > VALUE_BYTES_MAX:
            raise ValueError(f"it has {len(data)} bytes")
        content = json.loads(data)
        if type(content) is not kind:
            raise ValueError(f"it is no {kind.__name__}")
        return parse(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptLog(f"The metadata of {key} cannot be read: {error}.") from None


def others_of(content: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Fields that a later version has written: they are kept (features.py, level 2)."""
    return {name: value for name, value in content.items() if name not in known}


def number_of(content: object, most: int = 2**63 - 1) -> int:
    """A number in [0, most]. Raises ValueError."""
    if type(content) is not int or not 0 <= content <= most:
        raise ValueError(f"{str(content)[:40]!r} is out of its bounds")
    return content


def text_of(content: object) -> str:
    """A string. Raises ValueError."""
    if type(content) is not str:
        raise ValueError(f"{str(content)[:40]!r} is not a string")
    return content
