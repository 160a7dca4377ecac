"""Which segment files a path means, and their bytes.

A path is a data directory, a topic's or a partition's directory within, or one .log file.
"""

import json
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from bus.adapters.solo import PATH as METADATA
from bus.adapters.solo import decode
from bus.cli.failure import UserError
from bus.cli.options import Namespace
from bus.errors import CorruptLog
from bus.log import layout
from bus.model.ids import PartitionId


@dataclass(frozen=True, slots=True)
class PartitionFiles:
    """The segments of one partition."""

    title: str  # for people: topic and partition, or the directory
    directory: str
    base_offsets: tuple[int, ...]  # ascending
    partition: PartitionId | None = None  # of a data directory

    def path(self, base_offset: int, suffix: str = layout.LOG) -> str:
        """A file of a segment."""
        return layout.offset_file(self.directory, base_offset, suffix)


def find(args: Namespace) -> list[PartitionFiles]:
    """All partitions that the options mean. UserError if there is none."""
    path: str = args.path
    if path.endswith(layout.LOG):
        name = os.path.basename(path)
        offsets = layout.offsets_of([name], layout.LOG)
        if not offsets:
            raise UserError(f"{path} is not named as a segment: 20 digits and {layout.LOG}.")
        os.stat(path)
        return [PartitionFiles(path, os.path.dirname(path) or ".", tuple(offsets))]
    if os.path.isdir(os.path.join(path, layout.TOPICS)):
        found = _of_data_directory(path, args)
    elif args.topic is not None or args.partition is not None:
        raise UserError(f"{path} is no data directory: there is nothing to choose from.")
    else:
        found = _of_directory(path)
    if not found:
        raise UserError(f"{path} holds no segments{_filter(args)}.")
    return found


def _filter(args: Namespace) -> str:
    topic = f" of the topic {args.topic}" if args.topic is not None else ""
    return topic + (f" of partition {args.partition}" if args.partition is not None else "")


def _of_directory(path: str) -> list[PartitionFiles]:
    found = []
    for directory, _, names in sorted(os.walk(path)):
        if offsets := layout.offsets_of(names, layout.LOG):
            found.append(PartitionFiles(directory, directory, tuple(offsets)))
    if not found:
        os.listdir(path)  # says so if it does not exist
    return found


def _of_data_directory(path: str, args: Namespace) -> list[PartitionFiles]:
    """Named by the topics of the metadata; by topic ids where it cannot be read (S8)."""
    root = os.path.join(path, layout.TOPICS)
    names = topic_names(path)
    found: list[PartitionFiles] = []
    for directory in sorted(os.listdir(root)):
        topic_id = layout.parse_topic_id(directory)
        title = names.get(topic_id, directory) if topic_id else directory
        if topic_id and (args.topic is None or args.topic == title):
            found += _of_topic(os.path.join(root, directory), topic_id, title, args.partition)
    return sorted(found, key=lambda files: (files.title, files.directory))


def _of_topic(
    directory: str, topic_id: UUID, title: str, only: int | None
) -> Iterator[PartitionFiles]:
    numbers = map(layout.parse_partition, os.listdir(directory))
    for number in sorted(number for number in numbers if number is not None):
        if only is None or number == only:
            inner = os.path.join(directory, str(number))
            offsets = layout.offsets_of(os.listdir(inner), layout.LOG)
            partition = PartitionId(topic_id, number)
            yield PartitionFiles(f"{title}/{number}", inner, tuple(offsets), partition)


def topic_names(data: str) -> dict[UUID, str]:
    """Topic id to name by the directory's metadata; empty if it cannot be read."""
    try:
        with open(os.path.join(data, METADATA), "rb") as file:
            entries, _ = decode(file.read())
        return {
            UUID(json.loads(value)["id"]): key.rpartition("/t/")[2]
            for key, (value, _) in entries.items()
            if "/t/" in key
        }
    except (OSError, CorruptLog, ValueError, KeyError, TypeError):
        return {}


@contextmanager
def mapped(path: str) -> Iterator[memoryview]:
    """The bytes of a file, read as they are touched."""
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield memoryview(b"")
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            view = memoryview(mapping)
            try:
                yield view
            finally:
                view.release()
