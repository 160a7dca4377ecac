"""What a leader sends its follower: a peer's bytes, which become the follower's log."""

import struct
from collections.abc import Iterable

from bus.log.store import LogStore
from bus.model.ids import PartitionId
from bus.model.settings import TopicSettings
from bus.native import batch as native
from bus.native.fetched import check_run
from bus.native.index import OffsetIndex, TimeIndex
from bus.native.segment import scan
from tests.fixtures import batches as slow
from tests.fixtures.clocks import FakeClock
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_disk import SimDisk
from tests.fuzz.targets.batches import SHORTEST
from tests.fuzz.targets.exact import exact
from tests.fuzz.targets.files import TOPIC

EPOCH_MAX = 9
SETTINGS = TopicSettings(segment_bytes=1024, retention_ms=-1, index_interval_bytes=100)
PARTITION = PartitionId(TOPIC, 0)


def fetched(data: bytes) -> None:
    """Once as it is, and once with every checksum, length permitting, made right."""
    for given in (data, resealed(data)):
        run(given)
        append(given)


def resealed(data: bytes) -> bytes:
    """The bytes with the magic and the checksum of each batch, as far as lengths lead, right."""
    made, at = bytearray(data), 0
    while len(made) - at >= SHORTEST:
        size = int.from_bytes(made[at + 8 : at + 12], "big", signed=True) + 12
        if not SHORTEST <= size <= len(made) - at:
            break
        made[at + 16] = 2
        struct.pack_into(">I", made, at + 17, native.crc32c(bytes(made[at + 21 : at + size])))
        at += size
    return bytes(made)


def run(data: bytes) -> None:
    """The native pass agrees with a scan, and all that it tells lies inside."""
    found = check_run(exact(data), 0, 0, 0, EPOCH_MAX, 1000)
    passed = scan(exact(data), 0, 0, 0, collect=True)
    below = [header for header in passed.headers if header[2] <= EPOCH_MAX]
    assert found.count == len(below)
    assert found.position == sum(header[1] for header in below) <= len(data)
    assert found.records == sum(header[10] for header in below)
    fits = found.fitting(0, 1000, 2**31)
    found.feed(0, fits, 0, OffsetIndex(0, 0), TimeIndex(0, 0))
    assert len(found.telling(0, found.count, 5)) <= found.count
    assert all(0 <= epoch <= EPOCH_MAX for epoch, _ in found.epochs(0, found.count))
    if found.count:
        assert found.span(0, found.count) == (0, found.position, found.end_offset)


def append(data: bytes) -> None:
    """The log holds the good beginning, and the next start finds the same."""
    disk = SimDisk()
    log = opened(disk).create(PARTITION, SETTINGS)
    taken = log.append_fetched(exact(data), EPOCH_MAX)
    assert taken.end_offset == log.end_offset
    assert 0 <= taken.size <= len(data)
    assert log.size_bytes == taken.size
    assert log.max_epoch_seen <= EPOCH_MAX
    while disk.wait(0):
        pass
    after = opened(disk)
    found = after.get(PARTITION)
    assert (found.end_offset if found else 0) == log.end_offset
    after.abandon()


def opened(disk: SimDisk) -> LogStore:
    store = LogStore(disk, FakeClock(), SeededRandom(), lambda log, end: None, lambda error: None)
    store.open()
    return store


def seeds() -> Iterable[bytes]:
    """Answers of several batches: of rising epochs, with producers, cut off, with a hole."""
    parts = [
        slow.batch([b"v"] * 3, base_offset=0, leader_epoch=1, producer=(7, 0, 0)),
        slow.batch([b"w"], base_offset=3, leader_epoch=1, producer=(7, 0, 3)),
        slow.batch([b"x" * 200], base_offset=4, leader_epoch=4),
        slow.batch([b"y" * 900] * 2, base_offset=5, leader_epoch=9),
    ]
    whole = b"".join(parts)
    yield from (b"", whole, whole[:-5], whole + bytes(70), parts[0] + parts[2])
    yield parts[0] + slow.assemble(
        b"", 0, base_offset=3, leader_epoch=1, last_offset_delta=2**31 - 1
    )
