"""A SimDisk whose background work takes simulated time, and whose threads die with the process.

What it promises               What may happen to it
----------------               ---------------------
commits, one after the other   late; the first that fails ends the disk (S4)
files that are replaced        late, before or after commits that were asked for later
`wait` for any of it           is done at once: the process stands still meanwhile
the process is killed          what was under way is done or not, and nobody is told
the power fails                see `SimDisk.crash`
"""

import errno
import os
from collections import deque
from collections.abc import Callable
from random import Random

from bus.ports import DiskFacts
from tests.fixtures.sim_disk import PAGE, Inode, SimDisk
from tests.sim.process import Process, ProcessTimer

FLUSHER, WRITER = 0, 1
BYTES_TOTAL = 1 << 40
STUCK_S_MAX = 1.5  # the slowest that a disk gets


class Lane:
    """One background thread."""

    def __init__(self) -> None:
        self.work: deque[Callable[[], None]] = deque()
        self.timer: ProcessTimer | None = None


class WorldDisk(SimDisk):
    """The Disk port of one process."""

    def __init__(self, root: Inode | None, process: Process, chance: Random, boot: str) -> None:
        super().__init__(root)
        self.slow = 1.0  # how many times as long everything takes
        self._boot = boot
        self._process = process
        self._chance = chance
        self._lanes = (Lane(), Lane())

    # --- background work ----------------------------------------------------------------------

    def commit(self, regions, done):
        images = self._images(regions)
        self._submit(FLUSHER, lambda: self._commit(images, done))

    def sync_dir_later(self, path, done):
        self._submit(FLUSHER, lambda: self._sync_dir_later(path, done))

    def write_later(self, path, data, done, durable):
        data = bytes(data)
        self._submit(WRITER, lambda: self._write_later(path, data, done, durable))

    def wait(self, timeout=None):
        busy = [lane for lane in self._lanes if lane.work]
        if not busy:
            assert timeout is not None, "waiting for work that nobody has asked for"
            return False
        lane = busy[0] if len(busy) == 1 else self._chance.choice(busy)
        self._next(lane)
        return True

    def close(self):
        while self.wait(0):
            pass

    def die(self):
        """The process was killed: some of what was under way has been done."""
        for lane in self._lanes:
            while lane.work and self._chance.random() < 0.5:
                self._unheard(lane.work.popleft())
            lane.work.clear()

    def _unheard(self, work: Callable[[], None]) -> None:
        """The kernel does it; of what the process would do next, nothing."""
        deaf = self.deaf
        self.deaf = True
        try:
            work()
        finally:
            self.deaf = deaf

    deaf = False

    def _submit(self, lane_number: int, work: Callable[[], None]) -> None:
        lane = self._lanes[lane_number]
        lane.work.append(work)
        if len(lane.work) == 1:
            self._arm(lane)

    def _arm(self, lane: Lane) -> None:
        usual = self._chance.expovariate(1 / 0.0008)
        seconds = usual if self._chance.random() < 0.97 else self._chance.uniform(0, 0.2)
        seconds = min(seconds * self.slow, STUCK_S_MAX)
        lane.timer = self._process.later(seconds, lambda: self._next(lane))

    def _next(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
        work = lane.work.popleft()
        if lane.work:
            self._arm(lane)
        work()

    def _commit(self, images, done):
        super()._commit(images, self._ignore if self.deaf else done)

    def _write_later(self, path, data, done, durable):
        super()._write_later(path, data, None if self.deaf else done, durable)

    def _sync_dir_later(self, path, done):
        super()._sync_dir_later(path, self._ignore if self.deaf else done)

    def _ignore(self, _error):
        pass

    # --- what is there ------------------------------------------------------------------------

    def facts(self) -> DiskFacts:
        free, total = self.space()
        return DiskFacts("sim", True, self._boot, free, total)

    def space(self):
        return (BYTES_TOTAL if self.room is None else self.room), BYTES_TOTAL

    def files(self) -> list[str]:
        """All paths, sorted."""
        found: list[str] = []

        def walk(node: Inode, path: str) -> None:
            for name, child in sorted(node.names.items()):
                below = f"{path}/{name}" if path else name
                if child.names is None:
                    found.append(below)
                else:
                    walk(child, below)

        walk(self.root, "")
        return found

    def check_read(self, path: str) -> None:
        if path in self.bad_reads:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    def durable_bytes(self, path: str) -> bytearray | None:
        """What a power failure now would surely leave of a file; None: its name may be lost."""
        node = self.root
        for name in path.split("/"):
            if name not in node.synced_names or any(name in change for change in node.pending):
                return None
            node = node.synced_names[name]
        return node.synced

    def raw(self, path: str) -> bytearray:
        """A file's bytes as they are now, and what lies behind them."""
        return self._find(path).data

    def flip(self, path: str, position: int) -> None:
        """One bit, as the medium has it."""
        inode = self._find(path)
        for data in (inode.data, inode.synced):
            if position < len(data):
                data[position] ^= 1 << position % 8
        inode.touch(position // PAGE * PAGE, position + 1)
