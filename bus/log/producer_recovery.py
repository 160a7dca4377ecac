"""Bring the producers' state back: the newest snapshot that is whole, and the batches after it."""

import contextlib

from bus.errors import CorruptLog
from bus.log.layout import SNAPSHOT, offset_file, offsets_of
from bus.log.producers import ProducerTable
from bus.log.scan import FOREVER, FileScan, Header, infos, scan_file
from bus.log.segment import Segment
from bus.model.limits import PRODUCER_BATCHES_RETAINED
from bus.ports import Disk

_PRODUCER_ID = 7  # in a Header


class ProducerReplay:
    """A table that starts from a snapshot and is fed batches in the order of the log."""

    def __init__(
        self, disk: Disk, directory: str, offsets: list[int], offset_max: int, now_ms: int
    ) -> None:
        """From the newest good of the snapshots (`offsets`) up to `offset_max`; newer ones go.

        Durably: were one to come back when the log has grown anew beyond its offset, it would be
        taken for the truth.
        """
        self.table = ProducerTable()
        self.start_offset = 0  # batches below are in the snapshot
        self._disk = disk
        self._now_ms = now_ms
        stale = [offset for offset in offsets if offset > offset_max]
        for offset in stale:
            disk.unlink(offset_file(directory, offset, SNAPSHOT))
        if stale:
            disk.sync_dir(directory)
        for offset in reversed(offsets[: len(offsets) - len(stale)]):
            path = offset_file(directory, offset, SNAPSHOT)
            with contextlib.suppress(CorruptLog, FileNotFoundError):
                self.table.restore(disk.read(path, 0, FOREVER))
                self.start_offset = offset
                return

    def on_headers(self, headers: list[Header]) -> None:
        """Batches that were scanned. Of each producer only the last few say anything."""
        left: dict[int, int] = {}
        telling: list[Header] = []
        for header in reversed(headers):
            producer_id = header[_PRODUCER_ID]
            if producer_id >= 0 and left.get(producer_id, 0) < PRODUCER_BATCHES_RETAINED:
                left[producer_id] = left.get(producer_id, 0) + 1
                telling.append(header)
        for info in infos(telling[::-1]):
            if info.base_offset >= self.start_offset:
                self.table.replay(info, self._now_ms)

    def on_segment(self, segment: Segment) -> None:
        """A segment that was not scanned otherwise."""
        if segment.end_offset <= self.start_offset:
            return
        state = FileScan(0, segment.base_offset, -1)
        for damage in [*segment.damages, None]:
            stop = damage.position if damage else segment.size
            scan_file(self._disk, segment.path, state, stop, on_headers=self.on_headers)
            if damage:
                state.position, state.end_offset = damage.resume, damage.end_offset


def load_producers(
    disk: Disk, directory: str, segments: list[Segment], end_offset: int, now_ms: int
) -> ProducerTable:
    """The table as the batches below `end_offset` give it."""
    snapshots = offsets_of(disk.list(directory), SNAPSHOT)
    replay = ProducerReplay(disk, directory, snapshots, end_offset, now_ms)
    for segment in segments:
        replay.on_segment(segment)
    return replay.table
