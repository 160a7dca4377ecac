"""Files of a data directory, one at a time; once as they are and once with their checksum right."""

import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from bus.adapters import solo
from bus.errors import CorruptBatch, CorruptLog
from bus.log.checkpoints import (
    CHECKPOINT_MAGIC,
    CLEAN_MAGIC,
    Checkpoint,
    PartitionRecord,
    decode,
    encode,
)
from bus.log.epochs import EpochStart
from bus.log.journal import Journal
from bus.log.producers import ProducerTable
from bus.model.batch import BatchInfo
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.stored import (
    ClusterRecord,
    Group,
    TopicRecord,
    group_from_bytes,
    group_to_bytes,
    producer_ids_from_bytes,
)
from bus.model.stored_brokers import BrokerEpochRecord, BrokerRecord, BrokerState
from bus.native.batch import crc32c
from bus.native.index import OffsetIndex, TimeIndex
from bus.native.segment import find, first_nonzero, scan, slice_end
from tests.fixtures.sim_disk import SimDisk
from tests.fuzz.targets.batches import SHORTEST, sealed
from tests.fuzz.targets.exact import exact

TOPIC = UUID(int=7)
HALF = 2048  # bytes of a journal


def segments(data: bytes) -> None:
    """Scan, search and slice what may be a log."""
    for given in (data, sealed(data)):
        log = exact(given)
        index, times = OffsetIndex(0, 0), TimeIndex(0, 0)
        found = scan(log, 0, 0, -1, collect=True, offset_index=index, time_index=times)
        assert 0 <= found.position <= len(log)
        assert found.count == len(found.headers)
        scan(log, 0, 0, -(2**31), contiguous=False)
        for offset in (0, 3, 2**62):
            with suppress(CorruptBatch):
                assert 0 <= find(log, 0, offset) <= len(log)
        if len(log) >= SHORTEST:
            with suppress(CorruptBatch):
                assert slice_end(log, 0, 100, 2**62)[0] <= len(log)
        assert first_nonzero(log, 0) <= len(log)


def indexes(data: bytes) -> None:
    """An index file, of either kind; what is taken says the same when it is written."""
    for kind in (OffsetIndex, TimeIndex):
        with suppress(CorruptBatch):
            index = kind(0, 4096, exact(data))
            assert index.to_bytes() == data
            for number in (-1, 0, 5, 2**31, 2**62):
                index.floor(number)
            index.last()
            index.truncate(5)


def with_crc(data: bytes, at: int, start: int, form: str = "<I") -> bytes:
    """The bytes with the CRC-32C at `at` of all from `start` on."""
    if len(data) < start:
        return data
    made = bytearray(data)
    struct.pack_into(form, made, at, crc32c(bytes(made[start:])))
    return bytes(made)


def checkpoints(data: bytes) -> None:
    """The checkpoint and the clean-shutdown file."""
    for magic in (CHECKPOINT_MAGIC, CLEAN_MAGIC):
        for given in (data, with_crc(magic + data[8:], 8, 12)):
            with suppress(CorruptLog):
                found = decode(magic, exact(given))
                assert decode(magic, encode(magic, found)).partitions == found.partitions


def journals(data: bytes) -> None:
    """A journal file of any size; what follows goes behind what was found."""
    for given in (data, with_crc(data, 0, 4)):
        disk = SimDisk()
        disk.write("journal", given)
        journal = Journal(disk, "journal", HALF)
        payloads, generation = journal.read(0)
        if generation < 2**63:
            journal.resume(generation or 1, False)
            journal.allocate()
            if journal.append(b"new"):
                journal.close()
                after, _ = Journal(disk, "journal", HALF).read(generation or 1)
                assert after[-1] == b"new"
                assert len(payloads) + 1 >= len(after)
        journal.close()


def snapshots(data: bytes) -> None:
    """A snapshot of idempotent producers."""
    for given in (data, with_crc(b"\0\1" + data[2:], 2, 6, ">I")):
        table = ProducerTable()
        with suppress(CorruptLog):
            table.restore(exact(given))
            table.expire(0, 1)
            again = ProducerTable()
            again.restore(table.snapshot())


def metadata(data: bytes) -> None:
    """The metadata file, and the values inside."""
    made = bytearray(solo.MAGIC + (1).to_bytes(4, "big") + data[12:])
    if len(made) >= 28:
        head, body = bytes(made[:24]), bytes(made[28:])
        struct.pack_into(">I", made, 24, zlib.crc32(body, zlib.crc32(head)))
    for given in (data, bytes(made)):
        with suppress(CorruptLog):
            entries, revision = solo.decode(given)
            assert solo.decode(solo.encode(entries, revision)) == (entries, revision)
    with suppress(CorruptLog):
        assert group_to_bytes(group_from_bytes("key", data)) == bytes(data)
    for record in (ClusterRecord, TopicRecord, BrokerRecord, BrokerEpochRecord):
        with suppress(CorruptLog):
            found = record.from_bytes("key", data)
            assert record.from_bytes("key", found.to_bytes()) == found
    with suppress(CorruptLog):
        producer_ids_from_bytes("key", data)


# --- good ones -------------------------------------------------------------------------------


def index_seeds() -> Iterable[bytes]:
    offsets, times = OffsetIndex(0, 0), TimeIndex(0, 0)
    for number in range(1, 6):
        offsets.on_append(number, number * 100, 100)
        times.on_append(number * 1000, number, 100)
    yield from (offsets.to_bytes(), times.to_bytes(), b"")


def checkpoint_seeds() -> Iterable[bytes]:
    records = [
        PartitionRecord(PartitionId(TOPIC, n), 1, 2, 3, 4, 5, [EpochStart(0, 0)] * n)
        for n in range(3)
    ]
    found = Checkpoint("boot", 3, {record.partition: record for record in records})
    yield encode(CHECKPOINT_MAGIC, found)
    yield encode(CLEAN_MAGIC, found)


def journal_seeds() -> Iterable[bytes]:
    disk = SimDisk()
    journal = Journal(disk, "journal", HALF)
    journal.allocate()
    for generation in (1, 2):
        journal.begin(generation)
        for number in range(3):
            journal.append(b"payload %d" % number)
        yield disk.read("journal", 0, 2 * HALF).rstrip(b"\0")
    journal.close()


def snapshot_seeds() -> Iterable[bytes]:
    table = ProducerTable()
    yield table.snapshot()
    for number in range(4):
        table.replay(BatchInfo(number, 100, 0, 0, 0, 5, 5, number // 2, 0, number, 1), 1000)
    yield table.snapshot()


def metadata_seeds() -> Iterable[bytes]:
    record = TopicRecord(TOPIC, 2, {"flush": "os"}, (0,)).to_bytes()
    image = PartitionImage(1, 2, 3, 1, (1,), (1,), (), (), (), ())
    group: Group = {PartitionId(TOPIC, 0): image}
    values = {"/busd/c/t/name": record, "/busd/c/g/0": group_to_bytes(group)}
    yield solo.encode({key: (value, 1) for key, value in values.items()}, 2)
    yield from values.values()
    yield ClusterRecord("id", 1, {"f": 1}).to_bytes()
    yield BrokerRecord({"zmq": "tcp://h:1"}, "rack", "boot").to_bytes()
    yield BrokerEpochRecord(7, BrokerState.ACTIVE, 0, (TOPIC,), "boot").to_bytes()
