"""`busd segment verify`: every batch's checksum and place, the offsets between segments, indexes.

Finding                                              Verdict
-------                                              -------
a bad batch, or bytes behind the last good one       damaged, if below the durable end; else a torn
                                                     tail, which the next start cuts off
a gap between two segments                           damaged, unless the loss was accepted before
an index that contradicts its segment                said; the next start builds it anew
"""

import os
import struct
from dataclasses import dataclass, field

from bus.cli.failure import FAILED, OK, UserError
from bus.cli.options import Namespace
from bus.cli.segment.dump import batches
from bus.cli.segment.durable import durable_ends
from bus.cli.segment.files import PartitionFiles, find, mapped
from bus.cli.table import print_table
from bus.log import layout
from bus.native import segment

_INDEX_ENTRY = struct.Struct(">ii")


@dataclass(slots=True)
class Finding:
    """What one partition's files say."""

    title: str
    segments: int
    batches: int = 0
    records: int = 0
    start_offset: int = 0
    end_offset: int = 0
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # nothing is lost

    @property
    def verdict(self) -> str:
        """One word, or two."""
        return "damaged" if self.damage else ("see below" if self.notes else "good")


def run(args: Namespace) -> int:
    """Print a table and what is wrong; 1 if anything is damaged (and stays so)."""
    if args.accept_loss:
        _accept(args)
    ends = durable_ends(args.path) if os.path.isdir(args.path) else {}
    findings = [
        examine(files, ends.get(files.partition) if files.partition else None)
        for files in find(args)
    ]
    print_table(
        "",
        ["partition", "segments", "batches", "records", "start", "end", "verdict"],
        [
            [
                f.title,
                f.segments,
                f.batches,
                f.records,
                str(f.start_offset),
                str(f.end_offset),
                f.verdict,
            ]
            for f in findings
        ],
    )
    for finding in findings:
        for sentence in [*finding.damage, *finding.notes]:
            print(sentence)
    return FAILED if any(finding.damage for finding in findings) else OK


def _accept(args: Namespace) -> None:
    if (
        args.topic is not None
        or args.partition is not None
        or not os.path.isdir(os.path.join(args.path, layout.TOPICS))
    ):
        raise UserError("--accept-loss takes a data directory as a whole.")
    from bus.cli.segment.accept import accept_losses

    for sentence in accept_losses(args.path):
        print(sentence)


def examine(files: PartitionFiles, durable_end: int | None = None) -> Finding:
    """Scan all segments of a partition; `durable_end` is what must be whole, None if unknown."""
    finding = Finding(files.title, len(files.base_offsets))
    finding.start_offset = finding.end_offset = files.base_offsets[0]
    accepted = dict(layout.lost_ranges(os.listdir(files.directory)))
    for base_offset in files.base_offsets:
        expected = finding.end_offset
        if base_offset != expected and accepted.get(expected) != base_offset:
            finding.damage.append(
                f"{files.title}: the offsets {expected} to {base_offset} are missing before "
                f"{files.path(base_offset)}."
            )
        last = base_offset == files.base_offsets[-1]
        _examine_segment(finding, files, base_offset, last, durable_end)
    return finding


def _examine_segment(
    finding: Finding, files: PartitionFiles, base_offset: int, last: bool, durable_end: int | None
) -> None:
    path = files.path(base_offset)
    ends: dict[int, int] = {}  # position -> last offset of the batch there
    finding.end_offset = base_offset
    with mapped(path) as data:
        for info, position, reason in batches(data, base_offset):
            if info is None:
                _judge_rest(finding, path, data, position, reason, last, durable_end)
                break
            if info.base_offset != finding.end_offset:
                finding.damage.append(
                    f"{path}: at byte {position} the offset {finding.end_offset} is missing."
                )
            ends[position] = info.end_offset - 1
            finding.batches += 1
            finding.records += info.record_count
            finding.end_offset = info.end_offset
    _examine_index(finding, files, base_offset, ends)


def _judge_rest(
    finding: Finding,
    path: str,
    data: memoryview,
    position: int,
    reason: str | None,
    last: bool,
    durable_end: int | None,
) -> None:
    """What lies behind the last good batch."""
    behind = segment.first_nonzero(data, position)
    below = last and durable_end is not None and finding.end_offset < durable_end
    if reason is None and behind == len(data) and not below:
        return
    why = reason or ("bytes behind the end of the log" if behind < len(data) else "zeroes")
    where = f"{path}: at byte {position}, offset {finding.end_offset}: {why}"
    if not last or below:
        finding.damage.append(f"{where}.")
    else:
        finding.notes.append(f"{where}; a torn tail, which the next start cuts off.")


def _examine_index(
    finding: Finding, files: PartitionFiles, base_offset: int, ends: dict[int, int]
) -> None:
    path = files.path(base_offset, layout.INDEX)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return  # of an active segment it is in memory
    whole = len(data) - len(data) % _INDEX_ENTRY.size
    entries = _INDEX_ENTRY.iter_unpack(data[:whole])
    wrong = [p for o, p in entries if ends.get(p) != base_offset + o]
    if wrong or whole != len(data):
        finding.notes.append(f"{path} contradicts its segment; the next start builds it anew.")
