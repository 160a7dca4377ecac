"""The rules that one broker has to keep, each as a function over plain data.

Rule   What is asked                                                    Given
----   -------------                                                    -----
I5     the high watermark never falls                                   two values
I9     a reader sees what is committed, without a gap                   what was read, the ghost
I10    what was acknowledged stands where it was told                   what was told, the log
I10    what was refused for certain stands nowhere                      the same
I11    each batch stands once, and a producer's in order                the same
I12    nothing committed is cut                                         two ends
I15    what is committed is durable (flush=group)                       file, durable file
I16    after a crash the log is a beginning of what it was, and at      two lists of batches
       least what was told to be durable
I16    each entry of an index is of a batch that stands there          index, list of batches
I20    whoever asks is answered in time                                 who waits

Each gives a sentence that says what is wrong, or None.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tests.sim.batches import Batch
from tests.sim.told import Sent

Problem = str | None


def high_watermark_falls(before: int, now: int) -> Problem:
    """I5."""
    return f"the high watermark fell from {before} to {now}" if now < before else None


def read_what_is_not_committed(read: Iterable[Batch], ever: set[tuple[int, int]]) -> Problem:
    """I9: offset and checksum must have been committed together."""
    for batch in read:
        if (batch.base, batch.crc) not in ever:
            return f"a reader was given {batch}, which was never committed there"
    return None


def read_with_a_gap(position: int, read: Sequence[Batch]) -> Problem:
    """I9: from the position on, each batch begins where the one before it ends."""
    if read and not read[0].base <= position < read[0].end:
        return f"a reader at {position} was given {read[0]}"
    for before, after in pairwise(read):
        if after.base != before.end:
            return f"a reader was given {after} behind {before}"
    return None


def acknowledged_is_missing(
    sent: Sent, log: Mapping[int, Batch], start: int, *, may_shrink: bool, losses: int
) -> Problem:
    """I10; `log` by base offset. What was not promised to stay may be gone after a loss."""
    base = sent.span.base_offset
    found = log.get(base)
    if found is not None and found.crc == sent.crc:
        return None
    if may_shrink and base < start:
        return None
    if sent.may_go or (losses > sent.losses and not sent.must_stay):
        return None
    what = f"there is {found}" if found else f"there is nothing (the log begins at {start})"
    return f"{sent} were acknowledged at offset {base}, where {what}"


def refused_is_there(sent: Sent, crcs: Mapping[int, list[Batch]]) -> Problem:
    """I10: `crcs` has all batches by their checksums."""
    found = crcs.get(sent.crc)
    return f"{sent} were refused for certain, and stand in {found[0]}" if found else None


def stands_twice(sent: Sent, crcs: Mapping[int, list[Batch]]) -> Problem:
    """I11."""
    found = crcs.get(sent.crc, [])
    return f"{sent} stand in {found[0]} and in {found[1]}" if len(found) > 1 else None


def out_of_order(sents: Sequence[Sent], crcs: Mapping[int, list[Batch]]) -> Problem:
    """I11: what a producer sent, in the order of sending, as far as it is there."""
    last: tuple[int, Sent] | None = None
    for sent in sents:
        for batch in crcs.get(sent.crc, [])[:1]:
            if last is not None and batch.base < last[0]:
                return f"{sent} stand before {last[1]}"
            last = batch.base, sent
    return None


def sequence_has_a_gap(
    sents: Sequence[Sent], crcs: Mapping[int, list[Batch]], start: int
) -> Problem:
    """I11, of an idempotent producer: if a batch is there, so is all that it sent before."""
    missing: Sent | None = None
    for sent in sents:
        found = crcs.get(sent.crc)
        is_below = sent.state == "acknowledged" and sent.span.base_offset < start
        if found and missing is not None:
            return f"{sent} stand in the log, and {missing}, sent before them, do not"
        if not found and not is_below:
            missing = missing or sent
    return None


def committed_is_cut(end: int, committed_end: int) -> Problem:
    """I12."""
    if end < committed_end:
        return f"the log was cut to {end}, and all below {committed_end} was committed"
    return None


def is_not_durable(batch: Batch, file: bytearray, durable: bytearray | None) -> Problem:
    """I15: the bytes that a power failure now would leave."""
    start, stop = batch.position, batch.position + batch.size
    if durable is None:
        return f"{batch} is committed, and the name of {batch.path} is not durable"
    if durable[start:stop] != file[start:stop]:
        return f"{batch} is committed, and not durable in {batch.path} at {start}"
    return None


def not_a_beginning(before: Sequence[Batch], after: Sequence[Batch]) -> Problem:
    """I16: what stood there before a crash and what was found after it, by base offset."""
    known = {batch.base: batch for batch in before}
    for batch in after:
        old = known.get(batch.base)
        if old is None or old.what != batch.what:
            what = f"where {old} had stood" if old else "where nothing had begun"
            return f"a start found {batch}, {what}"
    return None


def durable_is_missing(end: int, told: int) -> Problem:
    """I16."""
    if end < told:
        return f"a start found the log up to {end}, and {told} was told to be durable"
    return None


def written_is_missing(end: int, before: int) -> Problem:
    """I16: the process died, the machine did not."""
    if end != before:
        return f"a start found the log up to {end}; the life before had written {before}"
    return None


def index_is_no_subset(base: int, index: bytes, batches: Sequence[Batch]) -> Problem:
    """I16: an entry is (last offset of a batch - base, its position), big endian, 4 bytes each."""
    known = {(batch.end - 1, batch.position) for batch in batches}
    for offset, position in struct.iter_unpack(">ii", index):
        if (base + offset, position) not in known:
            return f"an index names offset {base + offset} at {position}, where no batch ends in it"
    return None


def epoch_is_used_again(before: int, now: int) -> Problem:
    """I4 of one broker: each start leads in an epoch of its own."""
    if now <= before:
        return f"a start leads in epoch {now}, and {before} was led in before"
    return None


def waits_for_too_long(what: str, since_ms: float, now_ms: float, ms_max: float) -> Problem:
    """I20."""
    if now_ms - since_ms > ms_max:
        return f"{what} has waited for {now_ms - since_ms:.0f} ms, and {ms_max:.0f} are allowed"
    return None
