"""Each rule of one broker finds a violation that is planted for it, and passes what is right."""

import struct

from bus.testing.history import Span
from tests.sim import invariants as rules
from tests.sim.batches import Batch
from tests.sim.told import Sent

LOG = [Batch(0, 10, 0, 100), Batch(10, 20, 0, 101), Batch(20, 30, 1, 102)]
BY_BASE = {batch.base: batch for batch in LOG}
BY_CRC = {batch.crc: [batch] for batch in LOG}


def sent(first: int, crc: int, base: int = -1, **fields: object) -> Sent:
    state = "acknowledged" if base >= 0 else "unknown"
    made = Sent(0, Span(first, 10, base), crc, state=state)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_high_watermark_does_not_fall() -> None:
    assert rules.high_watermark_falls(5, 5) is None
    assert rules.high_watermark_falls(5, 4) is not None


def test_a_reader_sees_what_is_committed() -> None:
    ever = {(batch.base, batch.crc) for batch in LOG}
    assert rules.read_what_is_not_committed(LOG, ever) is None
    assert rules.read_what_is_not_committed([Batch(20, 30, 1, 999)], ever) is not None


def test_a_reader_sees_no_gap() -> None:
    assert rules.read_with_a_gap(5, LOG) is None
    assert rules.read_with_a_gap(10, LOG) is not None
    assert rules.read_with_a_gap(0, [LOG[0], LOG[2]]) is not None


def missing(each: Sent, start: int = 0, losses: int = 0, may_shrink: bool = False) -> str | None:
    return rules.acknowledged_is_missing(each, BY_BASE, start, may_shrink=may_shrink, losses=losses)


def test_what_was_acknowledged_stands_where_it_was_told() -> None:
    assert missing(sent(0, 101, 10)) is None
    assert "there is" in missing(sent(0, 777, 10))
    assert "nothing" in missing(sent(0, 777, 40))


def test_what_was_deleted_or_not_promised_to_stay_may_be_gone() -> None:
    assert missing(sent(0, 777, 40), losses=1) is None
    assert missing(sent(0, 777, 40, must_stay=True), losses=1) is not None
    assert missing(sent(0, 777, 5), start=10, may_shrink=True) is None
    assert missing(sent(0, 777, 5), start=10) is not None


def test_what_was_refused_stands_nowhere() -> None:
    assert rules.refused_is_there(sent(0, 777), BY_CRC) is None
    assert rules.refused_is_there(sent(0, 101), BY_CRC) is not None


def test_nothing_stands_twice() -> None:
    assert rules.stands_twice(sent(0, 101), BY_CRC) is None
    twice = BY_CRC | {101: [LOG[1], Batch(30, 40, 1, 101)]}
    assert rules.stands_twice(sent(0, 101), twice) is not None


def test_a_producers_records_stand_in_order() -> None:
    assert rules.out_of_order([sent(0, 100), sent(10, 102)], BY_CRC) is None
    assert rules.out_of_order([sent(0, 102), sent(10, 100)], BY_CRC) is not None


def test_an_idempotent_producers_records_have_no_gap() -> None:
    assert rules.sequence_has_a_gap([sent(0, 100, 0), sent(10, 777)], BY_CRC, 0) is None
    assert rules.sequence_has_a_gap([sent(0, 777), sent(10, 101)], BY_CRC, 0) is not None
    below = sent(0, 777, 0)
    assert rules.sequence_has_a_gap([below, sent(10, 101)], BY_CRC, 10) is None


def test_nothing_committed_is_cut() -> None:
    assert rules.committed_is_cut(20, 20) is None
    assert rules.committed_is_cut(19, 20) is not None


def test_what_is_committed_is_durable_in_bytes_and_in_name() -> None:
    batch = Batch(0, 10, 0, 100, "a.log", 2, 4)
    file = bytearray(b"..good..")
    assert rules.is_not_durable(batch, file, bytearray(b"xxgoodxx")) is None
    assert rules.is_not_durable(batch, file, bytearray(b"xxgoo\0xx")) is not None
    assert rules.is_not_durable(batch, file, bytearray(b"xxg")) is not None
    assert rules.is_not_durable(batch, file, None) is not None


def test_a_start_finds_a_beginning_of_what_was_there() -> None:
    assert rules.not_a_beginning(LOG, LOG[:2]) is None
    assert rules.not_a_beginning(LOG, [Batch(0, 10, 0, 999)]) is not None
    assert rules.not_a_beginning(LOG[:1], LOG) is not None


def test_a_start_finds_what_was_durable_or_written() -> None:
    assert rules.durable_is_missing(20, 20) is None
    assert rules.durable_is_missing(19, 20) is not None
    assert rules.written_is_missing(30, 30) is None
    assert rules.written_is_missing(29, 30) is not None


def test_an_index_names_only_batches_that_stand_there() -> None:
    batches = [Batch(100, 110, 0, 1, "a", 0, 60), Batch(110, 120, 0, 1, "a", 60, 50)]
    right = struct.pack(">iiii", 9, 0, 19, 60)
    assert rules.index_is_no_subset(100, right, batches) is None
    assert rules.index_is_no_subset(100, right, batches[:1]) is not None
    assert rules.index_is_no_subset(100, struct.pack(">ii", 19, 59), batches) is not None
    assert rules.index_is_no_subset(100, struct.pack(">ii", 18, 60), batches) is not None


def test_each_start_leads_in_an_epoch_of_its_own() -> None:
    assert rules.epoch_is_used_again(3, 4) is None
    assert rules.epoch_is_used_again(3, 3) is not None


def test_nobody_waits_for_too_long() -> None:
    assert rules.waits_for_too_long("a fetch", 0, 999, 1000) is None
    assert rules.waits_for_too_long("a fetch", 0, 1001, 1000) is not None
