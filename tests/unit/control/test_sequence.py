"""The judgement on sequences, one row of its table after the other."""

from bus.control.sequence import NEW, Duplicate, Refused, judge
from bus.errors import InvalidProducerEpoch, InvalidRecord, OutOfOrderSequence
from bus.model.batch import BatchInfo
from bus.model.producer import SEQUENCE_MAX, ProducerEntry, SequencedBatch


def batch(sequence: int, count: int = 1, epoch: int = 0, producer: int = 7) -> BatchInfo:
    return BatchInfo(0, 100, -1, 0, count - 1, 0, 0, producer, epoch, sequence, count)


def remembered(*batches: SequencedBatch, epoch: int = 0) -> ProducerEntry:
    return ProducerEntry(7, epoch, list(batches), 0)


FIRST = SequencedBatch(0, 4, 100, 104, 0)
SECOND = SequencedBatch(5, 9, 105, 109, 0)


def test_a_batch_without_a_producer_is_new() -> None:
    assert judge(None, batch(-1, producer=-1, epoch=-1)) is NEW


def test_a_batch_with_a_producer_but_no_sequence_is_refused() -> None:
    verdict = judge(None, batch(-1))
    assert isinstance(verdict, Refused)
    assert verdict.error == InvalidRecord.code


def test_an_unknown_producer_may_begin_anywhere() -> None:
    assert judge(None, batch(1234)) is NEW


def test_the_next_sequence_is_new() -> None:
    assert judge(remembered(FIRST), batch(5)) is NEW


def test_a_gap_is_out_of_order() -> None:
    verdict = judge(remembered(FIRST), batch(6))
    assert isinstance(verdict, Refused)
    assert verdict.error == OutOfOrderSequence.code
    assert "sequence 6; 5 was due" in verdict.detail


def test_a_batch_that_is_remembered_is_a_duplicate_of_it() -> None:
    assert judge(remembered(FIRST, SECOND), batch(0, count=5)) == Duplicate(FIRST)
    assert judge(remembered(FIRST, SECOND), batch(5, count=5)) == Duplicate(SECOND)


def test_part_of_a_remembered_batch_is_out_of_order() -> None:
    assert isinstance(judge(remembered(FIRST, SECOND), batch(5, count=3)), Refused)


def test_an_older_epoch_is_fenced() -> None:
    verdict = judge(remembered(FIRST, epoch=3), batch(5, epoch=2))
    assert isinstance(verdict, Refused)
    assert verdict.error == InvalidProducerEpoch.code


def test_a_newer_epoch_begins_at_zero() -> None:
    assert judge(remembered(FIRST), batch(0, epoch=1)) is NEW
    verdict = judge(remembered(FIRST), batch(5, epoch=1))
    assert isinstance(verdict, Refused)
    assert verdict.error == OutOfOrderSequence.code


def test_sequences_wrap_at_two_to_the_31() -> None:
    last = SequencedBatch(SEQUENCE_MAX - 1, SEQUENCE_MAX, 0, 1, 0)
    assert judge(remembered(last), batch(0)) is NEW
    across = SequencedBatch(SEQUENCE_MAX, 1, 0, 2, 0)
    assert judge(remembered(across), batch(SEQUENCE_MAX, count=3)) == Duplicate(across)
    assert judge(remembered(across), batch(2)) is NEW
