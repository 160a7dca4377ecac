"""What a follower pays for a leader's answer, beside what nobody can spare it: CRC and a copy."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from bus.adapters.clock import SystemClock
from bus.adapters.disk.disk import RealDisk
from bus.adapters.random import SystemRandom
from bus.log.store import LogStore
from bus.model.ids import PartitionId
from bus.model.settings import TopicSettings
from bus.native import batch
from bus.native.builder import encode_list
from bus.native.fetched import check_run

KIB = 1024
LOG_BYTES = 64 * KIB * KIB  # that are appended in one round
SIZES = pytest.mark.parametrize("size", [64 * KIB, 1024 * KIB])
RECORDS = pytest.mark.parametrize("records", [1, 10, 500])  # of 100 bytes, in a batch


def answers(size: int, records: int, total: int) -> Iterator[bytes]:
    """A log as a leader sends it, in answers of about `size` bytes."""
    view, count = encode_list([b"v" * 100] * records, None, 0, 0, 1 << 22)
    batch.seal(view, -1, -1, -1)
    offset = sent = 0
    while sent < total:
        data = bytearray()
        while not data or len(data) + len(view) <= size:
            data += view
            batch.stamp(data, len(data) - len(view), offset, 0)
            offset += count
        sent += len(data)
        yield bytes(data)


@SIZES
def bench_crc_and_copy_alone_bytes(rate, size):
    data, to = bytes(size), bytearray(size)

    def least():
        batch.crc32c(data)
        to[:] = data

    rate(size, least)


@SIZES
@RECORDS
def bench_check_of_an_answer_bytes(rate, size, records):
    data = next(answers(size, records, 1))
    rate(len(data), check_run, data, 0, 0, 0, 0, 1 << 20)


@SIZES
@RECORDS
def bench_append_of_answers_bytes(rate, tmp_path, size, records):
    pieces = list(answers(size, records, LOG_BYTES))
    disk = RealDisk(str(tmp_path / "data"))
    store = LogStore(disk, SystemClock(), SystemRandom(), lambda log, end: None, print)
    store.open()
    log = store.create(PartitionId(UUID(int=1), 0), TopicSettings(flush="os"))

    def append():
        log.truncate(0)
        for piece in pieces:
            log.append_fetched(piece, 0)
        assert log.size_bytes == sum(map(len, pieces))

    rate(sum(map(len, pieces)), append)
    store.close(clean=False)
    disk.close()
