"""What the deciding code asks of the world: clock, disk, coordination, randomness, transport.

Each is a contract without mechanism. The real one lives in `bus.adapters`; the simulated twin
lives with the tests. Nothing else in `model`, `wire`, `control`, `log`, `broker` or `client` may
read the time, open a file or draw a random number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from bus.errors import BusError
from bus.model.batch import Buffer

Done: TypeAlias = Callable[[OSError | None], None]  # called once, on the event loop's thread


class Clock(Protocol):
    """Time, in whole milliseconds."""

    def now_ms(self) -> int:
        """Monotonic: for timers and time-outs; its zero means nothing."""

    def wall_ms(self) -> int:
        """Since the Unix epoch: for record timestamps; it may jump."""


class Random(Protocol):
    """Randomness that a seed can replace."""

    def below(self, limit: int) -> int:
        """A whole number in [0, limit)."""

    def uuid_bytes(self) -> bytes:
        """16 random bytes for a topic id or an incarnation."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What a disk can promise, read once when it is opened."""

    filesystem: str  # "ext4", "xfs", "tmpfs", ... as the kernel names it
    durable: bool  # fdatasync survives a power failure here (S14)
    boot_id: str  # the kernel's boot id; equal ids mean that the page cache survived
    free_bytes: int
    total_bytes: int


class Region(Protocol):
    """A file for appends and its mapping: `buffer[:capacity]` is allocated and may be written.

    A view taken from `buffer` stays valid after `grow` and `close`; the mapping goes when the
    last view is released. The file's length on disk is its capacity, never the log's end (S2).
    """

    @property
    def path(self) -> str:
        """Relative to the disk's directory."""

    @property
    def capacity(self) -> int:
        """Bytes allocated on disk behind the buffer."""

    @property
    def buffer(self) -> memoryview:
        """Writable bytes; take it anew after `grow`."""

    def write(self, position: int, head: Buffer, body: Buffer) -> None:
        """Put two pieces one behind the other; OSError or DiskFull, and then they do not count."""

    def view(self, start: int, stop: int) -> memoryview:
        """Bytes for a reader: not writable, valid for as long as they are held."""

    @property
    def is_shared(self) -> bool:
        """Does anyone hold a view?"""

    def is_resident(self, start: int, stop: int) -> bool:
        """Are all pages of a range in memory, so that reading them cannot wait for the disk?"""

    def grow(self, capacity: int) -> None:
        """Make at least `capacity` bytes writable. Raises DiskFull, and then nothing changed."""

    def close(self, end: int | None = None, cached: bool = True) -> None:
        """Let go. With `end`, the file is cut to it once nobody maps it (S2).

        Not `cached`: its pages, once written back, leave the page cache.
        """


class Disk(Protocol):
    """One data directory. Paths are relative to it and use '/'. Every call may raise OSError."""

    @property
    def path(self) -> str:
        """The directory, as people know it."""

    @property
    def failed(self) -> OSError | None:
        """The error that ended this disk (S4); nothing is written any more."""

    def create(self, path: str, capacity: int, limit: int) -> Region:
        """A new mapped file, zero-filled, that may grow to `limit`. FileExistsError if present."""

    def open(self, path: str, limit: int) -> Region:
        """Map an existing file for appends; it may grow to `limit`."""

    def prepare(self, region: Region, capacity: int) -> None:
        """Allocate up to `capacity` in the background; a later `grow` finds it done."""

    def write_back(self, region: Region, start: int, stop: int) -> None:
        """Start writing a range in the background, without waiting for it: no promise."""

    def size(self, path: str) -> int:
        """Length in bytes; FileNotFoundError if absent."""

    def data_end(self, path: str) -> int:
        """Behind it there is nothing but zeroes, as far as is known; else as `size`."""

    def read(self, path: str, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position`, fewer only at the end of the file."""

    def read_into(self, path: str, position: int, buffer: memoryview) -> int:
        """As `read`, into memory of the caller's; how many bytes were read (any thread)."""

    def view(self, path: str, start: int, stop: int) -> memoryview | None:
        """Bytes of a file, not writable, valid for as long as they are held.

        None if not all of them are in memory: to look at them could wait for the disk.
        """

    def write(self, path: str, data: Buffer) -> None:
        """Replace the file by `data`, durably: aside, fsync, rename, fsync the directory (S5)."""

    def let_go(self, path: str, start: int, stop: int, region: Region | None) -> None:
        """Write a range in the background and give its memory back; `region` if it is mapped."""

    def write_later(self, path: str, data: Buffer, done: Done | None, durable: bool) -> None:
        """As `write`, in the background. Not `durable`: in place and unsynced, for derived data."""

    def cut(self, path: str, size: int) -> None:
        """Shorten a file that is not mapped, durably."""

    def identify(self, path: str) -> tuple[str, str]:
        """A file's absolute path, and what tells it from any other file of this machine."""

    def rename(self, old: str, new: str) -> None:
        """Atomic within the directory; durable after `sync_dir`."""

    def unlink(self, path: str) -> None:
        """Remove a file; views of it stay valid."""

    def make_dir(self, path: str) -> None:
        """Make a directory and its parents; existing ones are fine.

        Durable with the first commit of a new region inside, or by `sync_dir` of its parent.
        """

    def remove_dir(self, path: str) -> None:
        """Remove an empty directory."""

    def list(self, path: str) -> list[str]:
        """Names in a directory, sorted; FileNotFoundError if absent."""

    def sync_dir(self, path: str) -> None:
        """Make creations, renames and removals in a directory durable."""

    def sync_dir_later(self, path: str, done: Done) -> None:
        """As `sync_dir`, in the background; an error fails the disk as one of `commit` does."""

    def commit(self, regions: Sequence[Region], done: Done) -> None:
        """Make all bytes written so far to `regions` durable, in the background (S3).

        The names of new files are durable with them. A region may be closed meanwhile.
        `done(None)` on success; `done(error)` once and for all otherwise: after an error the
        disk is failed and every further commit fails with the same error (S4).
        """

    def sync(self, regions: Iterable[Region]) -> None:
        """As `commit`, but blocking: for recovery and a clean stop."""

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until background work has finished and call its `done`; False after `timeout` s."""

    def facts(self) -> DiskFacts:
        """What this disk promises, and how full it is now."""

    def space(self) -> tuple[int, int]:
        """Bytes that may yet be written, and bytes in all; cheap enough for twice a second."""

    def close(self) -> None:
        """Stop the background threads and release the lock. Regions must be closed before."""


class Timer(Protocol):
    """What `Later` has been asked for."""

    def cancel(self) -> None:
        """It is not done any more; without effect once it was."""


Later: TypeAlias = Callable[[float, Callable[[], None]], Timer]  # run after so many seconds


class Entry(NamedTuple):
    """What a key holds."""

    value: bytes
    revision: int  # of the transaction that wrote it


def revision_of(entry: Entry | None) -> int:
    """Of what a key holds, as a transaction expects it; 0 if the key is absent."""
    return entry.revision if entry is not None else 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries under a prefix, at one moment."""

    revision: int  # of the newest transaction that it may hold something of
    entries: dict[str, Entry]  # keys ascending


@dataclass(frozen=True, slots=True)
class Changes:
    """All that one transaction, or the end of a session, did under a prefix."""

    revision: int
    values: dict[str, bytes | None]  # None: the key was deleted


@dataclass(frozen=True, slots=True)
class Write:
    """One part of a transaction: a key, what it shall hold, and what it must hold before."""

    key: str
    value: bytes | None  # None deletes
    expected: int = 0  # the revision of its entry; 0: it is absent, which no deletion can ask for
    session: "Session | None" = None  # with whose end the key vanishes


class Session(Protocol):
    """Keys that live as long as this process does, and its way to the store."""

    @property
    def ttl_ms(self) -> int:
        """After so long without a word from us the store ends it."""

    def close(self) -> None:
        """End it now, and its keys with it, as far as the store can be reached."""


class Watch(Protocol):
    """News under a prefix."""

    def close(self) -> None:
        """No more of them."""


class Coordination(Protocol):
    """A small linearizable store of keys and values, with sessions and watches.

    Each transaction that changes something has a revision: positive, and higher than all before.
    A key's revision is that of the transaction that wrote it; 0 stands for an absent key.

    `done` is called once, on the event loop's thread, possibly before the call returns. It is given
    StoreUnreachable if nobody answered in time (nothing is known then: what was asked may be done,
    now or soon), StorageError if that is so because a disk failed, or StoreRefused if what was
    asked can never be done (SessionEnded: by that session).
    """

    def get(self, key: str, done: Callable[[Entry | BusError | None], None]) -> None:
        """The entry of one key, None if it is absent."""

    def list(self, prefix: str, done: Callable[[Snapshot | BusError], None]) -> None:
        """All entries whose keys begin with `prefix`."""

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        done: Callable[[int | BusError | None], None],
    ) -> None:
        """Write all of it, at least one key, each once, or nothing.

        `guards` are keys that are not written, and the revisions at which they must be. Gives the
        new revision; None if a key had moved, and then nothing was or will be written.
        Transactions are carried out in the order in which they are asked for.
        """

    def watch(self, prefix: str, on_news: Callable[[Snapshot | Changes], None]) -> Watch:
        """A Snapshot first, then all Changes under `prefix`, in order, none left out.

        If some could not be had, another Snapshot comes in their place.
        """

    def open_session(
        self,
        ttl_ms: int,
        on_lost: Callable[[], None],
        done: Callable[[Session | BusError], None],
    ) -> None:
        """A session; `on_lost` if the store ended it, and so its keys are gone."""

    def close(self, done: Callable[[], None]) -> None:
        """End all watches and sessions; once `done` is called, nothing else is any more."""


class Conversation(Protocol):
    """One peer's side of a transport, as the broker sees it."""

    name: str  # for logs: where the peer comes from

    def reply(self, frames: Sequence[Buffer]) -> None:
        """Send one message; frames may be views of a mapping and are held until sent."""

    def close(self, reason: str) -> None:
        """End the conversation; `reason` is logged."""


class Transport(Protocol):
    """A listener that hands requests to the broker."""

    endpoint: str

    def close(self) -> None:
        """Stop listening and drop the peers."""
