"""A log that is compacted on a simulated disk, piece by piece, and what must be left of it."""

from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from random import Random

from bus.log.cleaner import Cleaner, CleanerLimits
from bus.model.batch import BatchInfo
from bus.native import batch as native
from bus.native import segment as native_segment
from tests.fixtures import batches
from tests.unit.log.conftest import Life

POLICY = {"cleanup_policy": "compact", "segment_bytes": 2000, "min_cleanable_dirty_ratio": "0"}
FAST = CleanerLimits(1 << 40, 1 << 20, 0)


class House:
    """A life with a cleaner, whose pieces are done when it is told to work."""

    def __init__(self, life: Life, limits: CleanerLimits = FAST):
        self.life, self.pieces = life, deque()
        self.cleaner = Cleaner(life.store, life.disk, life.clock, limits)

    def submit(self, work, done):
        self.pieces.append((work, done))

    def step(self):
        self.life.clock.advance(1000)
        self.cleaner.step(self.life.clock.now_ms(), self.submit)

    def do_piece(self):
        work, done = self.pieces.popleft()
        future = Future()
        future.set_result(work())
        done(future)

    def work(self, steps=3):
        for _ in range(steps):
            self.step()
            while self.pieces or self.life.disk.work:
                if self.pieces:
                    self.do_piece()
                self.life.work()


def put(life, pairs, **fields):
    """One batch of (key, value); made durable and visible by `settle`."""
    records = b"".join(batches.record(i, value, key) for i, (key, value) in enumerate(pairs))
    data = batches.assemble(records, len(pairs), **fields)
    life.log.append(data, BatchInfo(*native.check(data)), life.log.end_offset, 0)


def join(life):
    """Let three segments have room in one."""
    life.log.settings = replace(life.log.settings, segment_bytes=6000)


def settle(life):
    life.flush()
    life.log.high_watermark = life.log.end_offset
    life.work()


def churn(life, count=200, keys=10, seed=1):
    """Many small batches over few keys; (offset, value) of each key's newest record."""
    source, newest = Random(seed), {}
    for number in range(count):
        key = b"key%d" % source.randrange(keys)
        newest[key] = (life.log.end_offset, b"%d " % number + bytes(20))
        put(life, [(key, newest[key][1])])
    settle(life)
    return newest


def stored(life):
    """(offset, key, value) of every record; fails if an offset is not covered."""
    data = life.read()
    found = native_segment.scan(data, 0, life.log.start_offset, -1, collect=True)
    assert (found.reason, found.position) == (None, len(data))
    assert found.end_offset == life.log.end_offset
    rows, position = [], 0
    for header in found.headers:
        reader = batches._Reader(data[position + native.HEADER_SIZE : position + header[1]])
        position += header[1]
        for _ in range(header[10]):
            body = batches._Reader(reader.take(reader.varint()))
            body.take(1)
            body.varint(64)
            rows.append((header[0] + body.varint(), body.sized(), body.sized()))
    return rows


def survivors(life, newest):
    """What must be there, of those below the active segment; and all of the active one."""
    active = life.log.segments[-1].base_offset
    return {(offset, key, value) for key, (offset, value) in newest.items()}, active


def check_compacted(life, newest):
    kept, active = survivors(life, newest)
    rows = stored(life)
    assert kept <= set(rows)
    for offset, key, _ in rows:
        assert offset >= active or newest[key][0] >= offset
    return rows
