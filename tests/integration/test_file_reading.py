"""Consumers on the broker's machine read its files, and see what comes through the connection."""

import pytest

import bus
from bus.client import file_link

pytestmark = pytest.mark.filterwarnings("ignore:.*is on .*:UserWarning")

RECORDS = 60_000
CONFIG = {"flush": "os", "segment.bytes": str(2 << 20)}


@pytest.fixture
def broker(tmp_path):
    """A topic of a few segments, records 0 to 59,999."""
    with bus.Broker(str(tmp_path / "data"), listen="tcp://127.0.0.1:0") as broker:
        broker.create_topic("t", 1, config=CONFIG)
        write(broker, range(RECORDS))
        yield broker


def write(broker, numbers):
    with broker.producer() as producer:
        producer.send_batch("t", [b"%099d" % number for number in numbers])
        producer.flush()


class Spy:
    """What is read out of files, and what that does."""

    def __init__(self, monkeypatch):
        self.read, self.bytes, self.error = file_link.read_range, 0, None
        monkeypatch.setattr(file_link, "read_range", self)

    def __call__(self, path, identity, position, size):
        if self.error is not None:
            raise self.error
        self.bytes += size
        return self.read(path, identity, position, size)


@pytest.fixture
def files(monkeypatch):
    return Spy(monkeypatch)


def numbers(consumer, count):
    """The next `count` records."""
    found = []
    while len(found) < count:
        batch = consumer.poll_batch(timeout=60)
        assert len(batch), f"there are only {len(found)}"
        found += [int(value) for value in batch.values]
    return found


def test_all_records_come_out_of_the_files(broker, files):
    with bus.Consumer(broker.url) as consumer:
        consumer.subscribe("t")
        assert numbers(consumer, RECORDS) == list(range(RECORDS))
    assert files.bytes > RECORDS * 100 * 0.8  # the end of each segment is too little to tell of


def test_who_does_not_want_them_reads_none(broker, files):
    with bus.Consumer(broker.url, read_files=False) as consumer:
        consumer.subscribe("t")
        assert numbers(consumer, RECORDS) == list(range(RECORDS))
    assert files.bytes == 0


def test_files_that_cannot_be_read_are_replaced_by_the_connection(broker, files):
    files.error = PermissionError(13, "Permission denied")
    with bus.Consumer(broker.url) as consumer:
        consumer.subscribe("t")
        assert numbers(consumer, RECORDS) == list(range(RECORDS))


def test_a_reader_goes_from_the_files_to_the_tail(broker, files):
    with bus.Consumer(broker.url) as consumer:
        consumer.subscribe("t")
        numbers(consumer, RECORDS)
        for first in range(RECORDS, RECORDS + 50, 10):
            write(broker, range(first, first + 10))
            assert numbers(consumer, 10) == list(range(first, first + 10))


def test_a_live_reader_is_told_of_large_writes_too(broker, files):
    with bus.Consumer(broker.url) as consumer:
        consumer.subscribe("t")
        numbers(consumer, RECORDS)
        files.bytes = 0
        for first in range(RECORDS, RECORDS * 2, 10_000):
            write(broker, range(first, first + 10_000))
            assert numbers(consumer, 10_000) == list(range(first, first + 10_000))
    assert files.bytes > RECORDS * 100 * 0.8


def test_a_live_reader_whose_file_fails_misses_nothing(broker, files):
    with bus.Consumer(broker.url) as consumer:
        consumer.subscribe("t")
        numbers(consumer, RECORDS)
        for first in range(RECORDS, RECORDS * 2, 10_000):
            files.error = OSError("gone") if first == RECORDS + 20_000 else None
            write(broker, range(first, first + 10_000))
            assert numbers(consumer, 10_000) == list(range(first, first + 10_000))


@pytest.mark.parametrize("start", [1, 4_321, RECORDS - 1])
def test_a_seek_into_a_file_begins_with_its_record(broker, files, start):
    with bus.Consumer(broker.url) as consumer:
        consumer.assign([("t", 0)])
        consumer.seek("t", 0, start)
        assert numbers(consumer, RECORDS - start) == list(range(start, RECORDS))


def test_what_retention_takes_under_a_reader_is_no_other_s_records(broker, files):
    def delete_then_read(*place):
        with bus.Admin(broker.url) as admin:
            admin.delete_records("t", 0, RECORDS - 10)
        file_link.read_range = files
        return files(*place)

    with bus.Consumer(broker.url, out_of_range="earliest") as consumer:
        consumer.subscribe("t")
        file_link.read_range = delete_then_read
        found = numbers(consumer, 10)
    assert found[-1] in range(RECORDS)
    assert found == list(range(found[0], found[0] + len(found)))
