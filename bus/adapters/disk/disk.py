"""The Disk port over a real directory.

Blocking calls are plain system calls. What may take long goes to native threads (worker.pyx) and
comes back through one descriptor. Whoever owns the disk watches it:

    loop.add_reader(disk.fileno(), disk.on_readable)

and without an event loop `disk.wait()` does the same by sleeping. `on_readable` calls the `done`
functions, so they run on the thread that calls it. A disk belongs to one thread; `read` alone may
be called from any.

Invariant: after an error of a sync every further commit and write fails with that error (S4).
"""

import contextlib
import errno
import os
from collections.abc import Iterable, Sequence

from bus.adapters.disk.facts import is_own_filesystem, read_facts
from bus.adapters.disk.foreign_file import identity_of
from bus.adapters.disk.holes import last_data, tells_holes
from bus.adapters.disk.job import Job, let_go_job, sync_job, write_back_job, write_job
from bus.adapters.disk.lock import DirectoryLock
from bus.adapters.disk.pread import read_fully
from bus.adapters.disk.region import File, MappedRegion
from bus.adapters.disk.warm import view_in_memory
from bus.adapters.disk.worker import Engine
from bus.model.batch import Buffer
from bus.ports import DiskFacts, Done, Region

FLUSHER, ALLOCATOR, WRITER, CLEANER = 0, 1, 2, 3  # the engine's threads


class RealDisk:
    """One data directory of this machine, locked for this process."""

    def __init__(self, path: str) -> None:
        """Make the directory if need be. Raises DirectoryInUse, or OSError naming the path."""
        self.path = os.path.abspath(path)
        os.makedirs(self.path, exist_ok=True)
        self._lock = DirectoryLock(self.path)
        self._engine = Engine()
        self._new_dirs: set[str] = set()  # made, but their names are not yet known to be durable
        self._shared_filesystem = not is_own_filesystem(self.path)
        self._tells_holes = tells_holes(self.path)
        self._refused: list[Done] = []  # commits after a failure, to be told at the next turn
        self.failed: OSError | None = None  # the sync error that ended this disk (S4)

    # --- regions ---------------------------------------------------------------------------

    def create(self, path: str, capacity: int, limit: int) -> MappedRegion:
        """A new mapped file, zero-filled, that may grow to `limit`. FileExistsError if present."""
        full = self._full(path)
        fd = os.open(full, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            region = MappedRegion(fd, path, 0, limit, True)
            region.grow(capacity)
        except BaseException:
            os.unlink(full)
            raise
        return region

    def open(self, path: str, limit: int) -> MappedRegion:
        """Map an existing file for appends; it may grow to `limit`."""
        fd = os.open(self._full(path), os.O_RDWR | os.O_CLOEXEC)
        return MappedRegion(fd, path, os.fstat(fd).st_size, limit, False)

    def prepare(self, region: Region, capacity: int) -> None:
        """Allocate up to `capacity` in the background; a later `grow` finds it done."""
        assert isinstance(region, MappedRegion), "a disk serves its own regions"
        job = region.allocation(capacity)
        if job is not None:
            self._engine.submit(ALLOCATOR, job)

    def write_back(self, region: Region, start: int, stop: int) -> None:
        """Start writing a range in the background, without waiting for it: no promise."""
        assert isinstance(region, MappedRegion), "a disk serves its own regions"
        if region.file is not None:
            job = write_back_job(region.file.fd, start, stop, region.file)
            self._engine.submit(CLEANER, job)

    def let_go(self, path: str, start: int, stop: int, region: Region | None) -> None:
        """Write a range in the background and give its memory back; `region` if it is mapped."""
        assert region is None or isinstance(region, MappedRegion), "a disk serves its own regions"
        with contextlib.suppress(FileNotFoundError):
            file = region.file if region is not None else self._open_to_read(path)
            if file is None:
                return
            job = let_go_job(file.fd, start, stop, file)
            if region is not None:
                region.unmap(job)
            self._engine.submit(CLEANER, job)

    # --- durability ------------------------------------------------------------------------

    def commit(self, regions: Sequence[Region], done: Done) -> None:
        """Make `regions` and the names of new ones durable in the background (S3)."""
        if self.failed is not None:
            self._refused.append(done)
            self._engine.wake()
            return
        job = self._sync_job(regions, done)
        if not self._engine.submit(FLUSHER, job):
            raise BlockingIOError("too many commits are under way on one disk")

    def sync_dir_later(self, path: str, done: Done) -> None:
        """As `sync_dir`, in the background; an error fails the disk as one of `commit` does."""
        if self.failed is not None:
            self._refused.append(done)
            self._engine.wake()
            return
        directory = self._open_to_read(path)
        job = sync_job([], [directory.fd], [directory], done, self._shared_filesystem)
        if not self._engine.submit(FLUSHER, job):
            self._finish(job, job.run_now())

    def sync(self, regions: Iterable[Region]) -> None:
        """As `commit`, but blocking: for recovery and a clean stop."""
        self._check()
        job = self._sync_job(regions, None)
        error = job.run_now()
        self._finish(job, error)
        if error is not None:
            raise error

    def write(self, path: str, data: Buffer) -> None:
        """Replace the file by `data`, durably: aside, fsync, rename, fsync the directory (S5)."""
        self._check()
        job = write_job(self._full(path), data, True, None)
        error = job.run_now()
        self._finish(job, error)
        if error is not None:
            raise error

    def write_later(self, path: str, data: Buffer, done: Done | None, durable: bool) -> None:
        """As `write`, in the background. Not `durable`: in place and unsynced, for derived data."""
        job = write_job(self._full(path), data, durable, done)
        if not self._engine.submit(WRITER, job):
            self._finish(job, job.run_now())

    def fileno(self) -> int:
        """Readable when `on_readable` has something to do."""
        return self._engine.fileno()

    def on_readable(self) -> None:
        """Tell what has finished; never blocks."""
        for job in self._engine.drain():
            self._finish(job, job.error)
        refused, self._refused = self._refused, []
        for done in refused:
            done(self.failed)

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until something has finished, tell it, and say whether there was anything."""
        ready = self._engine.wait(timeout)
        if ready:
            self.on_readable()
        return ready

    def close(self) -> None:
        """Finish the background work, tell it, and release the lock; harmless when done before."""
        self._engine.join()
        with contextlib.suppress(OSError):
            self.on_readable()
        self._engine.stop()
        self._lock.release()

    # --- files and directories -------------------------------------------------------------

    def size(self, path: str) -> int:
        """Length in bytes; FileNotFoundError if absent."""
        return os.stat(self._full(path)).st_size

    def data_end(self, path: str) -> int:
        """Behind it the file is allocated at most; its length where that cannot be told."""
        fd = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return last_data(fd) if self._tells_holes else os.fstat(fd).st_size
        finally:
            os.close(fd)

    def read(self, path: str, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position`, fewer only at the end of the file."""
        fd = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            wanted = min(size, max(0, os.fstat(fd).st_size - position))
            data = os.pread(fd, wanted, position)
            while len(data) < wanted:
                more = os.pread(fd, wanted - len(data), position + len(data))
                if not more:
                    break
                data += more
            return data
        finally:
            os.close(fd)

    def read_into(self, path: str, position: int, buffer: memoryview) -> int:
        """As `read`, into memory of the caller's; how many bytes were read (any thread)."""
        fd = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_fully(fd, position, buffer)
        finally:
            os.close(fd)

    def view(self, path: str, start: int, stop: int) -> memoryview | None:
        """Bytes of a file in a mapping of their own; None if not all of them are in memory."""
        fd = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return view_in_memory(fd, start, stop)
        finally:
            os.close(fd)

    def cut(self, path: str, size: int) -> None:
        """Shorten a file that is not mapped, durably."""
        fd = os.open(self._full(path), os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def identify(self, path: str) -> tuple[str, str]:
        """A file's absolute path, and what tells it from any other file of this machine."""
        full = self._full(path)
        return full, identity_of(os.stat(full))

    def rename(self, old: str, new: str) -> None:
        """Atomic within the directory; durable after `sync_dir`."""
        os.rename(self._full(old), self._full(new))

    def unlink(self, path: str) -> None:
        """Remove a file; views of it stay valid."""
        os.unlink(self._full(path))

    def make_dir(self, path: str) -> None:
        """Make a directory and its parents; existing ones are fine.

        Durable with the first commit of a new region inside, or by `sync_dir` of its parent.
        """
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._full(name))
                self._new_dirs.add(name)

    def remove_dir(self, path: str) -> None:
        """Remove an empty directory."""
        os.rmdir(self._full(path))
        self._new_dirs.discard(path)

    def list(self, path: str) -> list[str]:
        """Names in a directory, sorted; FileNotFoundError if absent."""
        return sorted(os.listdir(self._full(path)))

    def sync_dir(self, path: str) -> None:
        """Make creations, renames and removals in a directory durable."""
        fd = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def facts(self) -> DiskFacts:
        """What this disk promises, and how full it is now."""
        return read_facts(self.path)

    def space(self) -> tuple[int, int]:
        """Bytes that may yet be written, and bytes in all."""
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize

    # --- inside ----------------------------------------------------------------------------

    def _full(self, path: str) -> str:
        return f"{self.path}/{path}" if path else self.path

    def _check(self) -> None:
        if self.failed is not None:
            raise OSError(self.failed.errno, self.failed.strerror, self.path)

    def _sync_job(self, regions: Iterable[Region], done: Done | None) -> Job:
        files: list[File] = []
        directories: set[str] = set()
        for region in regions:
            assert isinstance(region, MappedRegion), "a disk serves its own regions"
            assert region.file is not None, "a region is committed before it is closed"
            files.append(region.file)
            if region.fresh:
                directories |= self._directories_of(region.path)
                region.fresh = False
        opened = [self._open_to_read(path) for path in sorted(directories)]
        return sync_job(
            [file.fd for file in files],
            [directory.fd for directory in opened],
            files + opened,
            done,
            self._shared_filesystem,
        )

    def _directories_of(self, path: str) -> set[str]:
        """The directories to sync so that the name `path` is durable; they count as synced."""
        directories = {os.path.dirname(path)}
        for name in tuple(directories):
            while name in self._new_dirs:
                self._new_dirs.discard(name)
                name = os.path.dirname(name)
                directories.add(name)
        return directories

    def _open_to_read(self, path: str) -> File:
        return File(os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC), path, 0)

    def _finish(self, job: Job, error: OSError | None) -> None:
        if error is not None and (job.is_sync or error.errno == errno.EIO):
            self.failed = self.failed or error
        if job.done is not None:
            job.done(self.failed or error if job.is_sync else error)
