"""Set damaged segments aside, so that a log goes on and its leader fills it again (S6, R29).

Step                                      A crash before the next step leaves
----                                      ------------------------------------
the first damaged file and all behind     a log that is damaged still: a start opens it read-only,
it become `<base>-<number>.bad`           and it can be quarantined again
the directory is synced                   the same: records are missing below the durable end
a checkpoint with the lower end           the log below the damage

Sound segments behind the damage go with it: a log has no holes, and the leader sends them again.
Nothing is deleted but indexes and snapshots, which are derived. That records were given up is kept
in the checkpoint (`held_end`), and every start calls this replica suspect until it has them again
(`standing`). For a replica that is alone this is wrong: see `repair`.
"""

import contextlib

from bus.errors import StorageError
from bus.log.files import delete_indexes
from bus.log.layout import Names, bad_file, names_of
from bus.log.partition_log import PartitionLog
from bus.log.producer_recovery import load_producers
from bus.log.scan import has_bytes
from bus.log.segment import Segment
from bus.log.truncation import lower_end, take_back_losses
from bus.model.limits import LEADER_EPOCH_MAX, QUARANTINED_FILES_MAX
from bus.ports import Disk


def quarantine(disk: Disk, log: PartitionLog, now_ms: int) -> list[str]:
    """The paths of what was set aside; the log ends below the damage then, and is written again.

    Raises StorageError where that would not help, or too much is set aside already; or OSError.
    """
    if log.max_epoch_seen >= LEADER_EPOCH_MAX:
        raise StorageError(log.read_only)
    log.settle()
    names = _listed(disk, log)
    kept, end_offset = _sound(disk, log, dict(names.lost))
    gone = log.segments[kept:]
    moves = _paths(log, gone, set(names.bad))
    log.held_end = max(log.held_end, log.flushed_offset)
    log.segments = log.segments[:kept]
    for segment in gone:
        log.let_go(segment)
    for segment, path in zip(gone, moves, strict=True):
        disk.rename(segment.path, path)
        delete_indexes(disk, log.directory, segment.base_offset)
    lower_end(log, end_offset)
    for last in log.segments[-1:]:
        for damage in last.damages:
            last.size = min(last.size, damage.position)
        last.end_offset, last.damages = end_offset, []
        delete_indexes(disk, log.directory, last.base_offset)
        last.rebuild_indexes()
    log.producers.clear()
    if moves or log.segments:
        disk.sync_dir(log.directory)
        take_back_losses(log, end_offset)
        log.producers = load_producers(disk, log.directory, log.segments, end_offset, now_ms)
    log.keeper.checkpoint_now()
    log.read_only = None
    return moves


def _listed(disk: Disk, log: PartitionLog) -> Names:
    with contextlib.suppress(FileNotFoundError):
        return names_of(disk.list(log.directory))
    return Names()


def _sound(disk: Disk, log: PartitionLog, lost: dict[int, int]) -> tuple[int, int]:
    """How many segments, from the first on, are to stay, and the offset where they end."""
    expected = log.start_offset
    for number, segment in enumerate(log.segments):
        base_offset = segment.base_offset
        is_next = base_offset == expected or lost.get(expected) == base_offset
        if not is_next and (number or base_offset > expected):
            return number, expected
        for first in segment.damages[:1]:
            if first.resume < segment.size or has_bytes(
                disk, segment.path, first.position, disk.size(segment.path)
            ):
                return number, expected
            return number + 1, first.start_offset  # sound, and what should follow is not there
        expected = segment.end_offset
    return len(log.segments), expected if log.segments else log.start_offset


def _paths(log: PartitionLog, gone: list[Segment], taken: set[tuple[int, int]]) -> list[str]:
    """A name for each that nothing bears yet."""
    if len(taken) + len(gone) > QUARANTINED_FILES_MAX:
        raise StorageError(
            f"{log.directory} has {len(taken)} damaged files set aside already, and not more than "
            f"{QUARANTINED_FILES_MAX} are kept: remove those named *.bad that are not needed."
        )
    paths = []
    for segment in gone:
        number = 1
        while (segment.base_offset, number) in taken:
            number += 1
        paths.append(bad_file(log.directory, segment.base_offset, number))
    return paths
