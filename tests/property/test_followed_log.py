"""A log that follows one leader after the other, and leads now and then, on a disk that crashes.

The leaders' log is a list; what the replica does is R12 and R14 as they are written. Whatever
happens, what it holds is the beginning of what it was given, and it is never cut below what it has
in common with its leader (I3, I12). A power failure may come in the middle of anything.
"""

import os
from random import Random
from uuid import UUID

from hypothesis import Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bus.log.epochs import NO_START, EpochCache
from bus.log.store import LogStore
from bus.model.batch import BatchInfo
from bus.model.ids import PartitionId
from bus.model.settings import TopicSettings
from bus.native import batch as native
from tests.fixtures import batches
from tests.fixtures.clocks import FakeClock
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_disk import PowerCut, SimDisk

PARTITION = PartitionId(UUID(int=5), 3)
EXAMPLES = int(os.environ.get("BUS_EXAMPLES", "60"))
SETTINGS = TopicSettings(segment_bytes=3000, retention_ms=-1, index_interval_bytes=200)


class Batch:
    """One batch as it stands in a log."""

    def __init__(self, base, count, size, epoch, producer):
        fields = {"producer": producer} if producer else {}
        self.sent = batches.batch([b"v" * size] * count, **fields)
        data = bytearray(self.sent)
        native.stamp(data, 0, base, epoch)
        self.data, self.base, self.end, self.epoch = bytes(data), base, base + count, epoch
        self.info = BatchInfo(*native.check(self.data))


class FollowerMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.disk, self.clock = SimDisk(), FakeClock()
        self.leader = []  # batches of the log that is followed
        self.leader_start = 0
        self.model = []  # those that the replica has
        self.base = 0  # where the replica's log ends if it has none
        self.told = 0  # flushed
        self.epoch = 0  # the highest that anybody was elected in
        self.seen = -1  # the highest that was promised
        self.sequence = 0
        self.open()

    def open(self):
        self.store = LogStore(
            self.disk, self.clock, SeededRandom(), self.on_flushed, self.on_failed
        )
        self.report = self.store.open()
        while self.disk.wait(0):
            pass
        self.log = self.store.get(PARTITION) or self.store.create(PARTITION, SETTINGS)
        self.log.settings = SETTINGS

    def on_flushed(self, log, offset):
        self.told = max(self.told, offset)

    def on_failed(self, error):
        raise AssertionError(error)

    # --- the leaders' log ---

    @property
    def end(self):
        return self.model[-1].end if self.model else self.base

    @property
    def leader_end(self):
        return self.leader[-1].end if self.leader else self.leader_start

    def made(self, base, count, size, is_numbered):
        producer = (7, 0, self.sequence) if is_numbered else None
        self.sequence += count if is_numbered else 0
        return Batch(base, count, size, self.epoch, producer)

    @rule(
        count=strategies.integers(1, 12),
        times=strategies.integers(1, 8),
        size=strategies.integers(0, 400),
        is_numbered=strategies.booleans(),
    )
    def the_leader_appends(self, count, times, size, is_numbered):
        for _ in range(times):
            self.leader.append(self.made(self.leader_end, count, size, is_numbered))

    @precondition(lambda self: self.leader)
    @rule(choice=strategies.integers(0, 1000))
    def the_leader_deletes_its_beginning(self, choice):
        kept = self.leader[choice % len(self.leader) :]
        self.leader_start, self.leader = kept[0].base, kept

    @rule(choice=strategies.integers(0, 1000))
    def another_is_elected_and_lacks_the_end(self, choice):
        self.elect()
        del self.leader[choice % (len(self.leader) + 1) :]

    def elect(self):
        self.epoch += 1
        self.promise(NO_START)

    def promise(self, start):
        self.store.persist_epochs([(PARTITION, self.epoch, start)])
        self.seen = self.epoch

    @rule(count=strategies.integers(0, 4), size=strategies.integers(0, 400))
    def the_replica_leads_for_a_while(self, count, size):
        """It has not caught up; what it writes, another may never have seen."""
        self.epoch += 1
        self.promise(self.end)
        for _ in range(count):
            made = self.made(self.end, 2, size, True)
            self.log.append(made.sent, made.info, made.base, made.epoch)
            self.model.append(made)
        self.epoch += 1
        self.promise(NO_START)

    # --- following ---

    def align(self, keep=False):
        """R12, until there is no divergence; True if records can be fetched then."""
        epochs = EpochCache()
        for each in self.leader:
            epochs.assign(each.epoch, each.base)
        for _ in range(100):
            if not self.leader_start <= self.log.end_offset:
                self.restart(self.leader_start)
            last = self.log.last_epoch
            if last < 0:
                if self.log.end_offset > self.leader_end:
                    self.restart(self.leader_end)
                return
            epoch, end = epochs.end_offset_for(last, self.leader_end)
            if epoch == last and end >= self.log.end_offset:
                return
            own = self.log.epochs.end_offset_for(epoch, self.log.end_offset)[1]
            wanted = min(end, own)
            if wanted < self.log.start_offset:
                self.restart(self.leader_start)
            else:
                self.cut(wanted, keep)
        raise AssertionError("it never agrees with its leader")

    def common(self):
        """Up to where both logs are the same."""
        theirs = {each.base: each.data for each in self.leader}
        end = max(self.log.start_offset, self.leader_start)
        for each in self.model:
            if each.base >= end and theirs.get(each.base) == each.data:
                end = each.end
        return end

    def cut(self, wanted, keep=False):
        self.log.truncate(wanted, keep)
        self.keep_below(self.log.end_offset)

    def restart(self, offset):
        self.log.restart_at(offset)
        self.model, self.base, self.told = [], offset, offset

    def keep_below(self, end):
        self.model = [each for each in self.model if each.end <= end]
        if not self.model:
            self.base = end
        self.told = min(self.told, end)

    @rule(
        size=strategies.integers(100, 6000),
        flush=strategies.booleans(),
        keep=strategies.booleans(),
    )
    def fetch(self, size, flush, keep):
        common = self.common()
        had = self.log.start_offset
        self.align(keep)
        assert self.end >= common or self.end == self.leader_start or had != self.log.start_offset
        self.take(size)
        if flush:
            self.store.flush(self.log)

    def take(self, size):
        wanted = [each for each in self.leader if each.end > self.end]
        data = b"".join(each.data for each in wanted)
        size = max(size, len(wanted[0].data) if wanted else 0)
        found = self.log.append_fetched(data[:size], self.epoch)
        assert found.refused is None
        self.model += self.whole(wanted, size)
        self.told = min(self.told, found.base_offset)  # it may begin within a batch
        assert found.end_offset == self.end
        start = min(self.leader_start, self.log.end_offset)
        if start > self.log.start_offset:
            self.log.delete_prefix(start)

    @staticmethod
    def whole(wanted, size):
        taken = []
        for each in wanted:
            size -= len(each.data)
            if size < 0:
                break
            taken.append(each)
        return taken

    @rule(place=strategies.integers(0, 10_000), bit=strategies.integers(0, 7))
    def fetch_what_was_damaged_on_the_way(self, place, bit):
        self.align()
        wanted = [each for each in self.leader if each.end > self.end]
        data = bytearray(b"".join(each.data for each in wanted))
        if not data:
            return
        place %= len(data)
        good = self.whole(wanted, place)
        at = sum(len(each.data) for each in good)
        if 12 <= place - at < 16:  # no checksum covers the epoch
            return
        if place < 8 and self.log.start_offset == self.log.end_offset:
            return  # nor does any say where the first batch of an empty log belongs
        data[place] ^= 1 << bit
        found = self.log.append_fetched(bytes(data), self.epoch)
        self.model += good
        self.told = min(self.told, found.base_offset)  # it may begin within a batch
        assert found.end_offset == self.end
        assert found.refused is not None or 8 <= place - at < 12  # it seems to be cut off

    # --- the disk ---

    @rule(times=strategies.integers(1, 5))
    def let_the_disk_work(self, times):
        for _ in range(times):
            self.disk.wait(0)

    @rule(ms=strategies.sampled_from([3000, 60_000]))
    def keep_house(self, ms):
        self.clock.advance(ms)
        self.store.housekeeping(self.clock.now)

    @rule()
    def stop_and_start(self):
        self.store.close()
        self.disk.close()
        self.disk = SimDisk(self.disk.root)
        self.open()
        assert self.report.is_clean, self.report
        assert self.log.end_offset == self.end
        assert all(found.is_clean for found in self.store.found.values())

    @rule(seed=strategies.integers(0, 2**32))
    def crash(self, seed):
        before = self.told
        self.disk = self.disk.crash(Random(seed))
        self.open()
        self.found_after_crash(before)

    def found_after_crash(self, told):
        assert not self.report.damaged, self.report
        end = self.log.end_offset
        assert end >= told, "what was flushed is there"
        ends = {self.base, told, self.log.start_offset, *(each.end for each in self.model)}
        assert end in ends
        self.keep_below(end)

    @rule(
        what=strategies.sampled_from(["fetch", "restart", "cut"]),
        steps=strategies.integers(0, 25),
        seed=strategies.integers(0, 2**32),
        choice=strategies.integers(0, 1000),
    )
    def the_power_is_cut_in_the_middle(self, what, steps, seed, choice):
        self.align()
        told, model, base = self.told, list(self.model), self.base
        ends = [self.log.start_offset, *(b.end for b in model if b.end >= self.log.start_offset)]
        target = self.end + choice if what == "restart" else ends[choice % len(ends)]
        self.disk.steps = steps
        try:
            if what == "fetch":
                self.take(6000)
            elif what == "restart":
                self.restart(target)
            else:
                self.cut(target)
        except PowerCut:
            pass
        taken = [each for each in self.leader if each.end > (model[-1].end if model else base)]
        if what == "fetch" and taken and not model:  # it may begin anew within a batch
            told = min(told, taken[0].base)
        told_after = self.told
        self.disk = self.disk.crash(Random(seed))
        self.open()
        if what == "restart" and self.log.start_offset == target:
            assert self.log.end_offset == target
            self.model, self.base, self.told = [], target, target
            return
        self.model, self.base = model + (taken if what == "fetch" else []), base
        least = min(told, target) if what == "cut" else told
        self.told = min(told_after, least) if what == "restart" else least
        self.found_after_crash(least)

    # --- what always holds ---

    @invariant()
    def it_holds_what_it_was_given(self):
        log = self.log
        assert max(log.start_offset, log.flushed_offset) <= log.end_offset == self.end
        log.high_watermark = log.flushed_offset
        wanted = [each for each in self.model if each.end > log.start_offset]
        offset, found = log.start_offset, b""
        while offset < log.end_offset:
            piece = log.read(offset, 700, log.end_offset)
            piece = piece if isinstance(piece, memoryview) else piece.load()
            assert len(piece) > 0, f"nothing at {offset} of {log.end_offset}"
            found += piece
            offset = BatchInfo(*native.check_all(piece)[-1]).end_offset
        assert found == b"".join(each.data for each in wanted)

    @invariant()
    def its_epochs_are_those_of_its_batches(self):
        log = self.log
        assert log.max_epoch_seen >= max(self.seen, log.epochs.latest)
        for each in self.model:
            if each.end > log.start_offset:
                assert log.epochs.epoch_at(max(each.base, log.start_offset)) == each.epoch
        is_empty = log.end_offset == log.start_offset
        assert log.last_epoch == (-1 if is_empty else self.model[-1].epoch)

    @invariant()
    def its_producers_are_what_its_batches_say(self):
        numbered = [each for each in self.model if each.info.producer_id >= 0]
        numbered = [each for each in numbered if each.base >= self.log.start_offset]
        entry = self.log.producers.get(7)
        if not numbered:
            return
        wanted = [(each.base, each.end - 1) for each in numbered[-5:]]
        assert [(b.base_offset, b.last_offset) for b in entry.batches][-len(wanted) :] == wanted


PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking takes minutes: on demand
if "BUS_SHRINK" in os.environ:
    PHASES.append(Phase.shrink)
FollowerMachine.TestCase.settings = settings(
    phases=PHASES,
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
)
test_a_follower_s_log_on_a_disk_that_crashes = FollowerMachine.TestCase
