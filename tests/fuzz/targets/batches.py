"""Record batches, packed and unpacked, as the broker checks them and as a consumer opens them."""

import struct
from collections.abc import Iterable
from contextlib import suppress

import numpy

from bus.client.decode import open_chunk
from bus.client.inbox import Chunk
from bus.errors import BusError, CorruptBatch
from bus.log.newest import newest_per_key
from bus.model.ids import TopicPartition
from bus.native import batch as native
from bus.native.columns import first_at, headers_at, iterate, to_list, walk
from bus.native.compression import NAMES, compress, decompress
from tests.fixtures import batches as slow
from tests.fuzz.targets.exact import exact

ROWS_MAX = 1000
LIMIT = 1 << 16  # of unpacked bytes
SHORTEST = native.HEADER_SIZE


def sealed(data: bytes) -> bytes:
    """The bytes as one batch whose magic, length and checksum agree."""
    made = bytearray(data)
    if len(made) >= SHORTEST:
        struct.pack_into(">i", made, 8, len(made) - 12)
        made[16] = 2
        struct.pack_into(">I", made, 17, native.crc32c(bytes(made[21:])))
    return bytes(made)


def check(data: bytes) -> None:
    """What the broker does with a produced buffer."""
    for given in (data, sealed(data)):
        with suppress(CorruptBatch):
            for header in native.check_all(exact(given)):
                assert header[1] <= len(given)
                assert header[10] == header[4] + 1
        if len(given) >= SHORTEST:
            with suppress(CorruptBatch):
                native.header(exact(given))
                native.stamp(exact(given), 0, 7, 1)


def columns(data: bytes) -> None:
    """Records of one batch into columns, values and headers."""
    if len(data) < SHORTEST:
        return
    (count,) = struct.unpack_from(">i", data, SHORTEST - 4)
    count = max(0, min(count, ROWS_MAX, (len(data) - SHORTEST) // native.RECORD_SIZE_MIN))
    records = exact(data[SHORTEST:])
    longs = [numpy.empty(count, numpy.int64) for _ in range(2)]
    spans = [numpy.empty((count, 3), numpy.int64) for _ in range(3)]
    with suppress(CorruptBatch):
        first_at(records, count, 0, 0, 5, 0)
    try:
        walk(records, count, 0, 0, -1, 0, 0, 0, *longs, *spans)
    except CorruptBatch:
        return
    to_list(spans[0], [records], 0, count)
    for record in iterate("t", 0, *longs, *spans, [records], 0, count):
        with suppress(BusError):
            assert isinstance(record.headers, list)
    for row in range(count):
        with suppress(BusError):
            headers_at(tuple(spans[2][row].tolist()), [records])


def chunks(data: bytes) -> None:
    """What a consumer does with a fetched buffer, its checksums unasked, and a state's loading."""
    for given in (data, sealed(data)):
        with suppress(BusError):
            newest_per_key([exact(given)])
        chunk = Chunk(TopicPartition("t", 0), 0, exact(given), 1, 1 << 40, 1 << 40)
        with suppress(BusError):
            opened = open_chunk(chunk, check_crcs=False)
            to_list(opened.value_spans, opened.buffers, 0, len(opened))


def compression(data: bytes) -> None:
    """The first byte chooses the codec; nothing unpacks to more than its limit."""
    codec = data[0] % 5 if data else 0
    with suppress(BusError):
        assert len(decompress(codec, exact(data[1:]), LIMIT)) <= LIMIT


def seeds() -> Iterable[bytes]:
    values = [b"value %d" % n for n in range(5)]
    plain = slow.batch(values)
    yield plain
    yield plain + slow.batch([b"x"], base_offset=5)
    yield slow.batch([None, b""])
    for codec in range(1, 5):
        packed = compress(codec, plain[SHORTEST:])
        made = bytearray(plain[:SHORTEST] + packed)
        made[22] = codec
        yield sealed(bytes(made))


def packed_seeds() -> Iterable[bytes]:
    for codec in sorted(NAMES.values()):
        if codec:
            for plain in (b"", b"abc" * 20, bytes(3000), bytes(2 * LIMIT)):
                yield bytes([codec]) + compress(codec, plain)
    yield b"\x02" + b"\x3f" + b"\xf8" + b"raw snappy block"
