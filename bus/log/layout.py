"""Names in a data directory, and what they mean (S1a).

lock                  held by the process that has the directory open
disk_uuid             a UUID as text, written once: tells a swapped disk
metadata              the Coordination port's keys and values (adapters/solo.py)
checkpoint            per partition: start, high watermark, flushed offset, epochs
epoch.journal         leader epochs since the checkpoint
flush.journal         flushed offsets since the checkpoint
clean_shutdown        end offsets, written by a clean stop and removed by the next start
cleaner               up to where each partition is compacted; derived
scrub                 how far the scrubber has come; derived
topics/<topic id>/<partition>/
    <base offset, 20 digits>.log         record batches back to back (Kafka's format)
                            .index       sparse: offset -> position (Kafka's format)
                            .timeindex   sparse: timestamp -> offset (Kafka's format)
                            .snapshot    idempotent producers as of the base offset
                            .cleaned     what compaction is writing; removed by the next start
                            .cut         torn bytes that a recovery took off, kept once (S6)
                            .restart     the log begins anew here; what else is there goes
    <base>-<number>.bad                  a segment that was set aside with its damage (S6)
    <first>-<end>.lost                   damaged bytes of offsets whose loss was accepted (S6)
topics/<topic id>/<partition>.deleted/   a partition whose removal has begun

Anything else is left alone and reported (S8).
"""

import re
from dataclasses import dataclass, field
from uuid import UUID

from bus.model.ids import PartitionId, topic_id_of

TOPICS = "topics"
CHECKPOINT = "checkpoint"
CLEAN_SHUTDOWN = "clean_shutdown"
EPOCH_JOURNAL = "epoch.journal"
FLUSH_JOURNAL = "flush.journal"
DISK_UUID = "disk_uuid"
SCRUB = "scrub"
CLEANER = "cleaner"

LOG = ".log"
INDEX = ".index"
TIME_INDEX = ".timeindex"
SNAPSHOT = ".snapshot"
CUT = ".cut"
CLEANED = ".cleaned"
LOST = ".lost"
BAD = ".bad"
RESTART = ".restart"
DELETED = ".deleted"

_OFFSET_FILE = re.compile(
    r"(\d{20})(\.log|\.index|\.timeindex|\.snapshot|\.cut|\.cleaned|\.restart)\Z"
)
_BAD_FILE = re.compile(r"(\d{20})-([1-9]\d{0,8})\.bad\Z")
_LOST_FILE = re.compile(r"(\d{20})-(\d{20})\.lost\Z")
_NUMBER = re.compile(r"(0|[1-9]\d{0,8})\Z")


def topic_dir(topic_id: UUID) -> str:
    """The directory of a topic's partitions."""
    return f"{TOPICS}/{topic_id}"


def partition_dir(partition: PartitionId) -> str:
    """The directory of one partition."""
    return f"{TOPICS}/{partition.topic_id}/{partition.partition}"


def offset_file(directory: str, offset: int, suffix: str) -> str:
    """The path of a file that is named by an offset."""
    return f"{directory}/{offset:020d}{suffix}"


def lost_file(directory: str, start_offset: int, end_offset: int) -> str:
    """The path of the damaged bytes of [start_offset, end_offset), whose loss was accepted."""
    return f"{directory}/{start_offset:020d}-{end_offset:020d}{LOST}"


def bad_file(directory: str, base_offset: int, number: int) -> str:
    """The path of a segment that was set aside for its damage, the first of its name or a later."""
    return f"{directory}/{base_offset:020d}-{number}{BAD}"


def parse_topic_id(name: str) -> UUID | None:
    """The topic id that a directory is named by, or None."""
    try:
        topic_id = UUID(name)
    except ValueError:
        return None
    return topic_id_of(topic_id.bytes) if str(topic_id) == name else None


def parse_partition(name: str) -> int | None:
    """The partition number that a directory is named by, or None."""
    return int(name) if _NUMBER.match(name) else None


@dataclass(slots=True)
class Names:
    """The files of one partition's directory, told apart once; offsets ascend."""

    offsets: dict[str, list[int]] = field(default_factory=dict)  # by suffix
    lost: list[tuple[int, int]] = field(default_factory=list)
    bad: list[tuple[int, int]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def of(self, suffix: str) -> list[int]:
        """The offsets of all files with this suffix."""
        return self.offsets.get(suffix, [])


def names_of(listed: list[str]) -> Names:
    """What a sorted listing of a directory holds."""
    names = Names()
    for name in listed:
        if match := _OFFSET_FILE.match(name):
            names.offsets.setdefault(match[2], []).append(int(match[1]))
        elif match := _LOST_FILE.match(name):
            names.lost.append((int(match[1]), int(match[2])))
        elif match := _BAD_FILE.match(name):
            names.bad.append((int(match[1]), int(match[2])))
        else:
            names.unknown.append(name)
    return names


def offsets_of(names: list[str], suffix: str) -> list[int]:
    """The offsets of all files with this suffix, ascending."""
    return names_of(sorted(names)).of(suffix)


def lost_ranges(names: list[str]) -> list[tuple[int, int]]:
    """The offset ranges whose loss was accepted, ascending and half-open."""
    return names_of(sorted(names)).lost


def is_known(name: str) -> bool:
    """Is this the name of a file that we write into a partition's directory?"""
    return not names_of([name]).unknown
