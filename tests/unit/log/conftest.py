"""One partition in a store on a simulated disk (`life`) or on a real one (`real_life`)."""

from random import Random
from uuid import UUID

import pytest

from bus.adapters.disk.disk import RealDisk
from bus.log.layout import partition_dir
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore
from bus.model.batch import BatchInfo
from bus.model.ids import PartitionId
from bus.model.settings import TopicSettings
from bus.native import batch as native
from tests.fixtures import batches
from tests.fixtures.clocks import FakeClock
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_disk import SimDisk

PARTITION = PartitionId(UUID(int=5), 3)
DIRECTORY = partition_dir(PARTITION)


class Life:
    """A store from its opening on; `next_life` is the one after a stop or a crash."""

    def __init__(self, disk, clock=None, **settings):
        self.disk = disk
        self.clock = clock or FakeClock()
        self.wanted = settings
        self.flushed = []  # offsets, as the store tells them
        self.failures = []
        self.store = LogStore(
            disk,
            self.clock,
            SeededRandom(),
            lambda log, end: self.flushed.append(end),
            self.failures.append,
        )
        self.report = self.store.open()
        defaults = {"segment_bytes": 4000, "retention_ms": -1, "index_interval_bytes": 200}
        self.settings = TopicSettings(**(defaults | settings))
        found = self.store.get(PARTITION)
        self.log: PartitionLog = found or self.store.create(PARTITION, self.settings)
        self.log.settings = self.settings
        self.work()

    def work(self):
        """Let the disk finish all that it was asked for."""
        self.store.settle()
        while self.disk.wait(0):
            pass

    def append(self, values=(b"value",), epoch=0, **fields):
        """One batch; its bytes as they must stand in the log."""
        data = batches.batch(list(values), **fields)
        base = self.log.end_offset
        self.log.append(data, BatchInfo(*native.check(data)), base, epoch)
        stored = bytearray(data)
        native.stamp(stored, 0, base, epoch)
        return bytes(stored)

    def fill(self, count, size=100, **fields):
        """`count` batches of one record each; all their bytes."""
        return b"".join(self.append([b"v" * size], **fields) for _ in range(count))

    def flush(self):
        self.store.flush(self.log)
        self.work()

    def commit(self, **fields):
        """One record, durable and visible."""
        stored = self.append(**fields)
        self.flush()
        self.log.high_watermark = self.log.end_offset
        return stored

    def read(self, offset=None, below=None, size_max=1 << 20):
        """All batches from `offset` on, segment after segment, resident or not."""
        offset = self.log.start_offset if offset is None else offset
        below = self.log.end_offset if below is None else below
        found = b""
        while True:
            part = self.log.read(offset, size_max, below)
            part = bytes(part if isinstance(part, memoryview) else part.load())
            if not part:
                return found
            found += part
            offset, at = 0, 0
            while at < len(part):
                info = BatchInfo(*native.check_stored(part, at))
                offset, at = info.end_offset, at + info.size

    def names(self):
        return self.disk.list(DIRECTORY)

    def bases(self):
        return [segment.base_offset for segment in self.log.segments]

    def stop(self):
        self.store.close()
        self.work_left()

    def work_left(self):
        while self.disk.wait(0):
            pass

    def next_life(self, clean=True):
        """Stop, or die as by SIGKILL (the page cache survives), and open again."""
        self.store.close(clean)
        if isinstance(self.disk, RealDisk):
            self.disk.close()
            return Life(RealDisk(self.disk.path), self.clock, **self.wanted)
        self.work_left()
        return Life(self.disk, self.clock, **self.wanted)

    def power_failure(self, seed=0):
        return Life(self.disk.crash(Random(seed)), self.clock, **self.wanted)

    def damage(self, name, position, data):
        """Overwrite bytes of a file of the partition, of a stopped store on a SimDisk."""
        path = f"{DIRECTORY}/{name}"
        content = bytearray(self.disk.read(path, 0, self.disk.size(path)))
        content[position : position + len(data)] = data
        self.disk.write(path, content)


@pytest.fixture
def make_life():
    """A life on a new simulated disk, with topic settings of the test's choice."""
    return lambda **settings: Life(SimDisk(), **settings)


@pytest.fixture
def life(make_life):
    return make_life()


@pytest.fixture
def make_real_life(tmp_path):
    """A life on a real disk; whatever was opened is closed after the test."""
    opened = []

    def make(**settings):
        opened.append(Life(RealDisk(str(tmp_path / "data")), **settings))
        return opened[-1]

    def follow(life, clean=True):
        opened.append(life.next_life(clean))
        return opened[-1]

    make.follow = follow
    yield make
    for life in opened:
        life.store.close(clean=False)
        life.disk.close()
