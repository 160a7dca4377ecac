"""What the coordination store holds, as bytes: topics as JSON, partitions in packed groups.

Key                         Value
---                         -----
/busd/CLUSTER/meta          JSON {"cluster_id", "format", "features"}
/busd/CLUSTER/t/NAME        JSON {"id", "partitions", "config", "groups"}
/busd/CLUSTER/g/GROUP       up to 64 partition records, back to back
/busd/CLUSTER/pid           decimal: the next producer id that no block holds

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

import json
import struct
from dataclasses import dataclass
from uuid import UUID

from bus.errors import CorruptLog
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId, topic_id_of

RECORDS_PER_GROUP_MAX = 64
_FIXED = struct.Struct(">16siiiiB")


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One topic: its id, how many partitions, its settings as given, and where those stand."""

    topic_id: UUID
    partitions: int
    config: dict[str, str]
    groups: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The value of the topic's key."""
        content = {
            "id": str(self.topic_id),
            "partitions": self.partitions,
            "config": self.config,
            "groups": list(self.groups),
        }
        return json.dumps(content, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "TopicRecord":
        """Raises CorruptLog, naming the key, for anything that `to_bytes` does not write."""
        try:
            content = json.loads(data)
            return cls(
                topic_id_of(UUID(content["id"]).bytes),
                int(content["partitions"]),
                {str(name): str(value) for name, value in content["config"].items()},
                tuple(int(group) for group in content["groups"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptLog(f"The metadata of {key} cannot be read: {error}.") from None


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
    try:
        while position < len(data):
            topic_id, partition, leader, leader_epoch, epoch, min_isr = _FIXED.unpack_from(
                data, position
            )
            position += _FIXED.size
            lists: list[tuple[int, ...]] = []
            for _ in range(6):
                ids = struct.unpack_from(f">{data[position]}i", data, position + 1)
                position += 1 + 4 * len(ids)
                lists.append(ids)
            group[PartitionId(topic_id_of(topic_id), partition)] = PartitionImage(
                leader, leader_epoch, epoch, min_isr, *lists
            )
    except (struct.error, IndexError) as error:
        raise CorruptLog(f"The metadata of {key} cannot be read: {error}.") from None
    return group
