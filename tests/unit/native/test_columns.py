"""Opening batches into columns, lists and records."""

import operator

import numpy as np
import pytest

from bus.errors import CorruptBatch
from bus.native import columns
from tests.fixtures import batches

RECORDS = (
    batches.record(0, b"one", b"k", 5, [("h", b"x"), ("n", None)])
    + batches.record(1, None, None, -5)
    + batches.record(3, b"", b"", 1 << 40)
)


class Columns:
    """Columns of `rows` rows, filled with a mark that is never a result."""

    def __init__(self, rows: int) -> None:
        self.offsets, self.timestamps = (np.full(rows, -7, np.int64) for _ in range(2))
        self.keys, self.values, self.headers = (np.full((rows, 3), -7, np.int64) for _ in range(3))

    def all(self) -> list[np.ndarray]:
        return [self.offsets, self.timestamps, self.keys, self.values, self.headers]


def opened(row: int = 0, buffer_index: int = 0, buffer_offset: int = 0) -> Columns:
    to = Columns(row + 3)
    columns.walk(RECORDS, 3, 50, 1000, -1, buffer_index, buffer_offset, row, *to.all())
    return to


def test_offsets_and_timestamps_are_absolute():
    to = opened()
    assert to.offsets.tolist() == [50, 51, 53]
    assert to.timestamps.tolist() == [1005, 995, 1000 + (1 << 40)]


def test_an_append_time_replaces_each_timestamp():
    to = Columns(3)
    columns.walk(RECORDS, 3, 0, 1000, 77, 0, 0, 0, *to.all())
    assert to.timestamps.tolist() == [77, 77, 77]


def test_spans_lead_to_the_bytes_and_null_is_not_empty():
    to = opened()
    assert columns.to_list(to.values, [RECORDS], 0, 3) == [b"one", None, b""]
    assert columns.to_list(to.keys, [RECORDS], 0, 3) == [b"k", None, b""]
    assert to.values[1].tolist() == [-1, -1, -1]


def test_rows_are_written_from_the_row_and_for_the_buffer_asked_for():
    to = opened(row=2, buffer_index=1, buffer_offset=100)
    assert to.offsets.tolist() == [-7, -7, 50, 51, 53]
    assert (to.values[:2] == -7).all()
    buffers = [b"", bytes(100) + RECORDS]
    assert columns.to_list(to.values, buffers, 2, 5) == [b"one", None, b""]


def test_columns_that_nobody_asks_for_are_left_out():
    to = Columns(3)
    columns.walk(RECORDS, 3, 0, 0, -1, 0, 0, 0, None, None, None, to.values, None)
    assert columns.to_list(to.values, [RECORDS], 1, 3) == [None, b""]


@pytest.mark.parametrize("short", range(5))
def test_a_column_that_is_too_short_is_refused(short):
    to = Columns(3).all()
    to[short] = to[short][:2]
    with pytest.raises(ValueError, match="is needed"):
        columns.walk(RECORDS, 3, 0, 0, -1, 0, 0, 0, *to)


@pytest.mark.parametrize("count", [0, 2, 4, 2**31 - 1])
def test_a_count_that_the_records_do_not_have_is_corrupt(count):
    rows = min(count, 100)
    to = [None] * 5 if count > 100 else Columns(rows).all()
    with pytest.raises(CorruptBatch):
        columns.walk(RECORDS, count, 0, 0, -1, 0, 0, 0, *to)


@pytest.mark.parametrize("size", range(len(RECORDS)))
def test_records_cut_anywhere_are_corrupt(size):
    with pytest.raises(CorruptBatch):
        columns.walk(bytes(RECORDS[:size]), 3, 0, 0, -1, 0, 0, 0, *Columns(3).all())


def test_offsets_that_do_not_ascend_are_corrupt():
    with pytest.raises(CorruptBatch):
        columns.walk(
            batches.record(1, b"a") + batches.record(1, b"b"),
            2, 0, 0, -1, 0, 0, 0, *Columns(2).all(),
        )  # fmt: skip


@pytest.mark.parametrize("span", [(1, 0, 1), (0, 0, 6), (0, -1, 2), (0, 3, 2), (9, 0, 0)])
def test_a_span_that_leads_out_of_its_buffer_is_refused(span):
    with pytest.raises(IndexError):
        columns.to_list(np.array([span], np.int64), [b"12345"], 0, 1)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, 4)])
def test_a_range_outside_the_rows_is_refused(start, stop):
    with pytest.raises(ValueError, match="row"):
        columns.to_list(opened().values, [RECORDS], start, stop)


def test_headers_are_decoded_in_order_with_nulls():
    to = opened()
    assert columns.headers_at(tuple(to.headers[0].tolist()), [RECORDS]) == [
        ("h", b"x"),
        ("n", None),
    ]
    assert columns.headers_at(tuple(to.headers[1].tolist()), [RECORDS]) == []


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x01", b"\x02\x02", b"\x02\x01\x01", b"\xff" * 9])
def test_damaged_headers_are_corrupt(raw):
    with pytest.raises(CorruptBatch):
        columns.headers_at((0, 0, len(raw)), [raw])


def test_a_header_name_that_is_no_utf8_is_shown_and_not_an_error():
    assert columns.headers_at((0, 0, 4), [b"\x02\x02\xff\x01"]) == [("\ufffd", None)]


def records_of(start: int, stop: int) -> list[columns.Record]:
    return list(columns.iterate("t", 2, *opened().all(), [RECORDS], start, stop))


def test_iteration_gives_records_with_all_that_they_carry():
    first, second = records_of(0, 2)
    assert (first.topic, first.partition, first.offset, first.timestamp) == ("t", 2, 50, 1005)
    assert (first.key, first.value, first.headers) == (b"k", b"one", [("h", b"x"), ("n", None)])
    assert (second.key, second.value, second.headers) == (None, None, [])
    assert "offset=50" in repr(first)


def test_iteration_may_begin_and_end_anywhere():
    assert [record.offset for record in records_of(1, 3)] == [51, 53]
    assert records_of(2, 2) == []


def test_a_record_is_immutable():
    record = records_of(0, 1)[0]
    with pytest.raises(AttributeError):
        record.value = b"other"


def test_an_iterator_keeps_its_buffers():
    data = bytearray(RECORDS)
    rows = columns.iterate("t", 2, *opened().all(), [data], 0, 3)
    with pytest.raises(BufferError):
        data.clear()
    assert len(list(rows)) == 3
    del rows
    data.clear()


def test_an_iterator_says_how_many_rows_are_left():
    to = opened()
    rows = columns.iterate("t", 0, *to.all()[:2], *to.all()[2:], [RECORDS], 0, 3)
    next(rows)
    assert operator.length_hint(rows) == 2


@pytest.mark.parametrize(
    ("timestamp", "start_offset", "found"),
    [
        (0, 0, (1005, 50)),
        (1000, 51, (1000 + (1 << 40), 53)),
        (1006, 0, (1000 + (1 << 40), 53)),
        (1 << 41, 0, None),
        (0, 54, None),
    ],
)
def test_the_first_record_at_or_after_a_time_and_an_offset_is_found(timestamp, start_offset, found):
    assert columns.first_at(RECORDS, 3, 50, 1000, timestamp, start_offset) == found


PLAIN = [
    batches.batch([b"a", None], base_offset=7),
    batches.assemble(RECORDS, 4, base_offset=9, base_timestamp=5, last_offset_delta=3),
    batches.batch([b"z"], base_offset=20, attributes=8, max_timestamp=77),
]
NOT_PLAIN = 0x27  # compressed or control


def test_the_rows_of_many_batches_are_counted_at_once():
    assert columns.plain_rows(b"".join([PLAIN[0], PLAIN[2]]), NOT_PLAIN, True) == 3
    assert columns.plain_rows(b"", NOT_PLAIN, True) == 0


@pytest.mark.parametrize("attributes", [1, 4, 0x20])
def test_a_batch_that_has_to_be_looked_at_is_told(attributes: int):
    other = batches.batch([b"b"], attributes=attributes)
    assert columns.plain_rows(PLAIN[0] + other, NOT_PLAIN, True) == -1


@pytest.mark.parametrize("harm", ["cut", "flipped", "claims more"])
def test_a_damaged_batch_has_to_be_looked_at(harm: str):
    data = bytearray(PLAIN[0] + PLAIN[2])
    if harm == "cut":
        del data[-1]
    elif harm == "flipped":
        data[-1] ^= 1
    else:
        data = bytearray(batches.assemble(b"", 1))
    assert columns.plain_rows(data, NOT_PLAIN, True) == -1


def test_checksums_are_looked_at_on_request_alone():
    data = bytearray(PLAIN[0])
    data[-1] ^= 1
    assert columns.plain_rows(data, NOT_PLAIN, False) == 2


def test_many_batches_are_opened_as_one_by_one():
    data, at_once, one_by_one = b"".join(PLAIN[::2]), Columns(3), Columns(3)
    columns.walk_plain(data, 3, *at_once.all())
    second = len(PLAIN[0])
    columns.walk(data[61:second], 2, 7, 1000, -1, 0, 61, 0, *one_by_one.all())
    columns.walk(data[second + 61 :], 1, 20, 1000, 77, 0, second + 61, 2, *one_by_one.all())
    for found, wanted in zip(at_once.all(), one_by_one.all(), strict=True):
        assert found.tolist() == wanted.tolist()
    assert columns.to_list(at_once.values, [data], 0, 3) == [b"a", None, b"z"]


def test_records_that_do_not_agree_with_their_batch_are_refused():
    with pytest.raises(CorruptBatch):
        columns.walk_plain(PLAIN[1], 4, *Columns(4).all())


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_another_number_of_rows_is_refused(rows: int):
    with pytest.raises(ValueError, match="rows"):
        columns.walk_plain(PLAIN[0], rows, *Columns(3).all())
