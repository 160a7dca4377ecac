"""Lookup by time: the exact record, inside of batches and across segments."""

import pytest

from bus.log.timestamps import first_at, latest
from bus.model.batch import TIMESTAMP_TYPE_FLAG, BatchInfo
from bus.native import batch as native
from tests.fixtures import batches


@pytest.fixture
def log(life):
    """Forty records, ten ms apart, four a batch, over several segments."""
    for base in range(0, 400, 40):
        records = b"".join(batches.record(n, b"v" * 150, timestamp_delta=10 * n) for n in range(4))
        append(life, records, 1000 + base, 1030 + base)
    assert len(life.log.segments) > 1
    return life.log


def append(life, records, base_timestamp, max_timestamp, attributes=0):
    data = batches.assemble(
        records,
        4,
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp,
        attributes=attributes,
    )
    life.log.append(data, BatchInfo(*native.check(data)), life.log.end_offset, 0)


def test_each_record_is_found_by_its_own_timestamp(log):
    for offset in range(40):
        timestamp = 1000 + 10 * offset
        assert log.offset_for_timestamp(timestamp) == (timestamp, offset)


def test_a_time_between_two_records_finds_the_later(log):
    assert log.offset_for_timestamp(1191) == (1200, 20)


def test_a_time_before_all_finds_the_first(log):
    assert log.offset_for_timestamp(0) == (1000, 0)


def test_a_time_after_all_finds_nothing(log):
    assert log.offset_for_timestamp(1391) is None


def test_records_below_the_start_are_not_found(log):
    log.delete_prefix(22)
    assert log.offset_for_timestamp(1000) == (1220, 22)


def test_the_first_in_offset_order_is_found_when_time_runs_back(life):
    for timestamp in (1000, 3000, 2000, 3000):
        life.append([b"v"], base_timestamp=timestamp, max_timestamp=timestamp)
    assert first_at(life.log.segments, 1500, 0) == (3000, 1)
    assert latest(life.log.segments, 0) == (3000, 1)


def test_with_the_broker_s_time_all_records_of_a_batch_are_of_one_time(life):
    records = b"".join(batches.record(n, b"v", timestamp_delta=n) for n in range(4))
    append(life, records, 1000, 5000, TIMESTAMP_TYPE_FLAG)
    assert life.log.offset_for_timestamp(4000) == (5000, 0)


def test_an_empty_log_has_no_latest_record(life):
    assert life.log.last_timestamp() is None


def test_the_latest_record_is_found(log):
    assert log.last_timestamp() == (1390, 39)
