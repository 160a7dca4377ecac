"""Is this batch of an idempotent producer new, a duplicate, or out of order?

Condition, tested in this order                          Verdict
-------------------------------                          -------
not idempotent (no producer id)                          New
nothing is remembered of the producer                    New, whatever its sequence
same epoch, same first and last sequence as one kept     Duplicate: answered as the first time
epoch below the remembered one                           InvalidProducerEpoch
epoch above it                                           New if it begins at 0, else OutOfOrder
same epoch, first sequence follows the last              New
anything else                                            OutOfOrder

Source: Kafka's ProducerAppendInfo and ProducerStateEntry (KIP-98, KIP-360).
"""

from dataclasses import dataclass

from bus.errors import InvalidProducerEpoch, InvalidRecord, OutOfOrderSequence
from bus.model.batch import NO_PRODUCER_ID, BatchInfo
from bus.model.producer import ProducerEntry, SequencedBatch, sequence_after


@dataclass(frozen=True, slots=True)
class New:
    """Append it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It stands in the log already; answer with the original offset."""

    original: SequencedBatch


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer with this error; nothing is written."""

    error: int
    detail: str


Verdict = New | Duplicate | Refused
NEW = New()


def judge(entry: ProducerEntry | None, info: BatchInfo) -> Verdict:
    """The verdict on a batch, given what the partition remembers of its producer."""
    if info.producer_id == NO_PRODUCER_ID:
        return NEW
    if info.producer_id < 0 or info.producer_epoch < 0 or info.base_sequence < 0:
        return Refused(InvalidRecord.code, "The batch has a producer id without epoch or sequence.")
    if entry is None:
        return NEW
    if info.producer_epoch == entry.epoch:
        return _judge_same_epoch(entry, info)
    if info.producer_epoch < entry.epoch:
        return Refused(
            InvalidProducerEpoch.code,
            f"Producer {info.producer_id} is at epoch {entry.epoch}; "
            f"the batch carries {info.producer_epoch}.",
        )
    if info.base_sequence == 0 or not entry.batches:
        return NEW
    return _out_of_order(entry, info, expected=0)


def _judge_same_epoch(entry: ProducerEntry, info: BatchInfo) -> Verdict:
    if not entry.batches:
        return NEW
    expected = sequence_after(entry.last_sequence, 1)
    if info.base_sequence == expected:
        return NEW
    last = sequence_after(info.base_sequence, info.last_offset_delta)
    for batch in entry.batches:
        if batch.first_sequence == info.base_sequence and batch.last_sequence == last:
            return Duplicate(batch)
    return _out_of_order(entry, info, expected)


def _out_of_order(entry: ProducerEntry, info: BatchInfo, expected: int) -> Refused:
    return Refused(
        OutOfOrderSequence.code,
        f"Producer {entry.producer_id} sent sequence {info.base_sequence}; {expected} was due.",
    )
