"""A PartitionLog against a list of batches, on a disk that crashes (I16).

After any crash the log is a prefix of what was appended, at least as long as what was told to be
flushed; its indexes point into it; its producers are what its batches say.
"""

import os
import struct
from random import Random
from uuid import UUID

from hypothesis import Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bus.errors import DiskFull
from bus.log import seal
from bus.log.epochs import NO_START
from bus.log.layout import offset_file
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
EXAMPLES = int(os.environ.get("BUS_EXAMPLES", "60"))
SETTINGS = TopicSettings(segment_bytes=6000, retention_ms=-1, index_interval_bytes=200)


class LogMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.seal_bytes_min, seal.SEAL_BYTES_MIN = seal.SEAL_BYTES_MIN, 1
        self.disk = SimDisk()
        self.clock = FakeClock()
        self.model = []  # (base offset, end offset, bytes as stored, info)
        self.told = 0  # flushed, as `on_flushed` said
        self.sequences = {}
        self.start = 0
        self.epoch = 0  # of the next append
        self.promised = -1  # the last that was made durable
        self.open()

    def teardown(self):
        seal.SEAL_BYTES_MIN = self.seal_bytes_min

    # --- what the model knows ---

    @property
    def end(self):
        return self.model[-1][1] if self.model else self.base

    base = 0  # the end when there is nothing in the model

    def open(self):
        self.store = LogStore(
            self.disk, self.clock, SeededRandom(), self.on_flushed, self.on_failed
        )
        self.report = self.store.open()
        while self.disk.wait(0):  # the first checkpoint is durable
            pass
        found = self.store.get(PARTITION)
        self.log = found or self.store.create(PARTITION, SETTINGS)
        self.log.settings = SETTINGS

    def on_flushed(self, log, offset):
        self.told = max(self.told, offset)

    def on_failed(self, error):
        raise AssertionError(error)

    # --- rules ---

    @rule(
        count=strategies.integers(1, 20),
        size=strategies.integers(0, 200),
        producer=strategies.sampled_from([-1, -1, 1, 2]),
        flush=strategies.booleans(),
    )
    def append(self, count, size, producer, flush):
        fields = {}
        if producer >= 0:
            fields["producer"] = (producer, 0, self.sequences.get(producer, 0))
        self.clock.advance(7)
        now = self.clock.wall
        data = batches.batch([bytes([65 + size % 26]) * size] * count, max_timestamp=now, **fields)
        info = BatchInfo(*native.check(data))
        base = self.end
        self.log.append(data, info, base, self.epoch)
        stored = bytearray(data)
        native.stamp(stored, 0, base, self.epoch)
        self.model.append((base, base + count, bytes(stored), info._replace(base_offset=base)))
        if producer >= 0:
            self.sequences[producer] = self.sequences.get(producer, 0) + count
        if flush:
            self.store.flush(self.log)

    @rule()
    def flush(self):
        self.store.flush(self.log)

    @rule(times=strategies.integers(1, 5))
    def let_the_disk_work(self, times):
        for _ in range(times):
            self.disk.wait(0)

    @rule(ms=strategies.sampled_from([3000, 60_000]))
    def keep_house(self, ms):
        self.clock.advance(ms)
        self.store.housekeeping(self.clock.now)

    @rule()
    def next_epoch(self):
        self.epoch = self.log.max_epoch_seen + 1
        self.store.persist_epochs([(PARTITION, self.epoch, self.end)])
        self.promised = self.epoch

    @rule(step=strategies.integers(1, 3))
    def learn_of_an_epoch(self, step):
        self.promised = self.log.max_epoch_seen + step
        self.store.persist_epochs([(PARTITION, self.promised, NO_START)])

    @precondition(lambda self: self.model)
    @rule(choice=strategies.integers(0, 1000))
    def truncate(self, choice):
        keep = choice % (len(self.model) + 1)
        end = self.model[keep][0] if keep < len(self.model) else self.end
        if end < self.start:
            return
        self.log.truncate(end)
        self.cut_model(end)
        assert self.log.end_offset == end
        self.told = min(self.told, end)
        self.epoch = max(0, self.log.epochs.latest)

    @precondition(lambda self: self.model)
    @rule(choice=strategies.integers(0, 1000))
    def delete_prefix(self, choice):
        start = self.model[choice % len(self.model)][0]
        if start >= self.start:
            self.log.delete_prefix(start)
            self.start = start

    @precondition(lambda self: self.model)
    @rule(choice=strategies.integers(0, 1000), size_max=strategies.integers(1, 5000))
    def hold_a_view_over_what_follows(self, choice, size_max):
        offset = max(self.start, self.model[choice % len(self.model)][0])
        if offset >= self.log.end_offset:
            return
        self.log.high_watermark = self.log.flushed_offset
        view = self.log.read(offset, size_max, self.log.high_watermark)
        self.held = (view, bytes(view)) if isinstance(view, memoryview) else None

    held = None

    @rule(size=strategies.integers(0, 3000))
    def fill_the_disk_and_append(self, size):
        self.disk.room = size
        try:
            self.append(3, 300, -1, False)
        except DiskFull:
            assert self.log.end_offset == self.end
        finally:
            self.disk.room = None

    @rule()
    def restart(self):
        self.store.close()
        self.disk.close()
        self.disk = SimDisk(self.disk.root)
        self.open()
        assert self.report.is_clean, self.report
        assert self.report.scanned_bytes == 0
        assert self.log.end_offset == self.end

    @rule(seed=strategies.integers(0, 2**32))
    def crash(self, seed):
        self.disk = self.disk.crash(Random(seed))
        self.held = None
        self.open()
        assert not self.report.damaged, self.report
        end = self.log.end_offset
        assert end >= self.told, "what was flushed is there"
        assert end in {self.base, *(entry[1] for entry in self.model)} | {self.told}
        self.cut_model(end)
        assert self.log.max_epoch_seen >= self.promised, "a promised epoch is never forgotten"
        self.epoch = max(0, self.log.epochs.latest)
        self.start = self.log.start_offset

    def cut_model(self, end):
        while self.model and self.model[-1][1] > end:
            _, _, _, info = self.model.pop()
        if not self.model:
            self.base = end
        self.sequences = {}
        for _, _, _, info in self.model:
            if info.producer_id >= 0:
                self.sequences[info.producer_id] = info.base_sequence + info.last_offset_delta + 1

    # --- what always holds ---

    @invariant()
    def offsets_are_in_order(self):
        log = self.log
        assert log.start_offset <= log.end_offset
        assert log.flushed_offset <= log.end_offset == self.end

    @invariant()
    def epochs_are_what_the_batches_say(self):
        log = self.log
        assert log.max_epoch_seen >= log.epochs.latest
        for base, end, stored, _ in self.model:
            if end > log.start_offset:
                epoch = BatchInfo(*native.header(stored)).leader_epoch
                assert log.epochs.epoch_at(max(base, log.start_offset)) == epoch

    @invariant()
    def everything_can_be_read_as_it_was_written(self):
        log = self.log
        log.high_watermark = log.flushed_offset
        wanted = [entry for entry in self.model if entry[1] > log.start_offset]
        offset, found = max(log.start_offset, wanted[0][0] if wanted else 0), b""
        while offset < log.end_offset:
            piece = log.read(offset, 700, log.end_offset)
            piece = piece if isinstance(piece, memoryview) else piece.load()
            assert len(piece) > 0, f"nothing at {offset} of {log.end_offset}"
            found += piece
            offset = BatchInfo(*native.check_all(piece)[-1]).end_offset
        assert found == b"".join(entry[2] for entry in wanted)

    @invariant()
    def a_view_never_changes(self):
        if self.held is not None:
            assert bytes(self.held[0]) == self.held[1]

    @invariant()
    def indexes_point_at_batches(self):
        for segment in self.log.segments:
            offsets, _ = segment.indexes()
            data = self.disk.read(
                offset_file(self.log.directory, segment.base_offset, ".log"), 0, 1 << 20
            )
            for relative, position in struct.iter_unpack(">ii", offsets.to_bytes()):
                info = BatchInfo(*native.check(data, position))
                assert info.end_offset - 1 == segment.base_offset + relative

    @invariant()
    def producers_are_what_the_batches_say(self):
        last = {}
        for base, end, _, info in self.model:
            if info.producer_id >= 0:
                last[info.producer_id] = (base, end - 1, info.base_sequence)
        for producer_id, (base, last_offset, sequence) in last.items():
            if base < self.log.start_offset:
                continue
            newest = self.log.producers.get(producer_id).batches[-1]
            assert (newest.base_offset, newest.last_offset) == (base, last_offset)
            assert newest.first_sequence == sequence


PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking takes minutes: on demand
if "BUS_SHRINK" in os.environ:
    PHASES.append(Phase.shrink)
LogMachine.TestCase.settings = settings(
    phases=PHASES,
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
)
test_a_log_on_a_disk_that_crashes = LogMachine.TestCase
