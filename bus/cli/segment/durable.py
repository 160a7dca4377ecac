"""How far each partition of a data directory was known to be durable (S6), read without a lock."""

import os
from typing import cast

from bus.errors import CorruptLog
from bus.log import layout
from bus.log.checkpoints import CHECKPOINT_MAGIC, CLEAN_MAGIC, Checkpoint, decode
from bus.log.group_commit import parse_entries
from bus.log.journal import Journal
from bus.model.ids import PartitionId
from bus.model.limits import FLUSH_JOURNAL_BYTES
from bus.ports import Disk


class _Directory:
    """The reading part of the Disk port; nothing else is called here."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, path: str, position: int, size: int) -> bytes:
        with open(os.path.join(self._path, path), "rb") as file:
            file.seek(position)
            return file.read(size)


def durable_ends(data: str) -> dict[PartitionId, int]:
    """The larger of what the checkpoint and the flush journal say; unknown ones are absent."""
    checkpoint = _sealed(data, layout.CLEAN_SHUTDOWN, CLEAN_MAGIC)
    checkpoint = checkpoint or _sealed(data, layout.CHECKPOINT, CHECKPOINT_MAGIC)
    journal = Journal(cast(Disk, _Directory(data)), layout.FLUSH_JOURNAL, FLUSH_JOURNAL_BYTES)
    payloads, _ = journal.read(checkpoint.generation if checkpoint else 0)
    ends = parse_entries(payloads)
    for partition, record in (checkpoint.partitions if checkpoint else {}).items():
        ends[partition] = max(ends.get(partition, 0), record.flushed_offset)
    return ends


def _sealed(data: str, name: str, magic: bytes) -> Checkpoint | None:
    try:
        with open(os.path.join(data, name), "rb") as file:
            return decode(magic, file.read())
    except (FileNotFoundError, CorruptLog):
        return None
