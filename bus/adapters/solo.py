"""The Coordination port of a single node: a few keys in one file, replaced as a whole.

    byte  size  field
       0     8  magic            "busdmeta"
       8     4  format version   1
      12     8  revision         of the last change; rises by one with each change
      20     4  count            of entries
      24     4  CRC-32 (zlib's)  of bytes 0 to 24 and of all from 28 on
      28        entries, keys ascending, back to back up to the end of the file

    entry: 8 bytes revision at which it was last written, 4 bytes length of the key, the key in
    UTF-8, 4 bytes length of the value, the value. All numbers are big endian and unsigned.

The file is valid if the CRC agrees and the entries end where the file ends. One that is not is
refused, whole, and left as it is: it may name topics whose data is still here (S8). An absent
file is an empty store at revision 0. A change is written aside and renamed (S5), so a crash
leaves the old content or the new. After a failed write the file is read again before the next
use: nothing is known about it.

All is answered within the call, but for what is asked from inside a callback: that is answered when
the callback has returned, so that everybody sees changes in their order. Sessions live as long as
the process; their keys are not in the file, though the revision that they were written at is.

With several data directories each has a copy, and the newest valid one wins (S1a). A change
stands once one copy has it: a directory that failed, or was away, is older from then on.
"""

import struct
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bus.adapters.store_limits import objection
from bus.errors import BusError, CorruptLog, StorageError
from bus.model.limits import METADATA_BYTES_MAX
from bus.model.store_errors import SessionEnded
from bus.ports import Changes, Disk, Entry, Session, Snapshot, Watch, Write, revision_of

MAGIC = b"busdmeta"
VERSION = 1
PATH = "metadata"

_HEADER = struct.Struct(">8sIQI")  # magic, version, revision, count
_CRC = struct.Struct(">I")
_HEADER_SIZE = _HEADER.size + _CRC.size
_REVISION = struct.Struct(">QI")  # revision, length of the key
_LENGTH = struct.Struct(">I")

Entries = dict[str, Entry]


@dataclass(slots=True, eq=False)
class SoloSession:
    """Keys that vanish with it, or with the process."""

    store: "Solo"
    ttl_ms: int
    keys: set[str] = field(default_factory=set)
    is_open: bool = True

    def close(self) -> None:
        """End it now, and its keys with it."""
        self.store.end(self)


@dataclass(slots=True, eq=False)
class SoloWatch:
    """Somebody who is told of changes."""

    prefix: str
    on_news: Callable[[Snapshot | Changes], None]
    is_open: bool = True

    def close(self) -> None:
        """No more of them."""
        self.is_open = False


class Solo:
    """One node's metadata; keeps all of it in memory and writes through."""

    def __init__(self, *disks: Disk, path: str = PATH) -> None:
        """Reads the file. Raises CorruptLog if it is damaged, and no copy is sound."""
        self._disks = disks
        self._path = path
        self._stale = True
        self._entries: Entries = {}
        self._revision = 0
        self._owners: dict[str, SoloSession] = {}  # of the keys of sessions, which are in no file
        self._watches: list[SoloWatch] = []
        self._calls: deque[Callable[[], None]] = deque()  # that callers and watchers wait for
        self._is_calling = False
        self._refresh()

    @property
    def revision(self) -> int:
        """Of the last change; 0 if there was none."""
        return self._revision

    def get(self, key: str, done: Callable[[Entry | BusError | None], None]) -> None:
        """As of the port."""
        try:
            self._refresh()
        except (CorruptLog, OSError) as error:
            self._call(partial(done, _error(error)))
            return
        self._call(partial(done, self._entries.get(key)))

    def list(self, prefix: str, done: Callable[[Snapshot | BusError], None]) -> None:
        """As of the port."""
        try:
            self._refresh()
        except (CorruptLog, OSError) as error:
            self._call(partial(done, _error(error)))
            return
        self._call(partial(done, self._snapshot(prefix)))

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        done: Callable[[int | BusError | None], None],
    ) -> None:
        """As of the port; the new revision is durable."""
        try:
            outcome: int | BusError | None = self._transact(writes, guards)
        except (BusError, OSError) as error:
            outcome = _error(error)
        self._call(partial(done, outcome))

    def watch(self, prefix: str, on_news: Callable[[Snapshot | Changes], None]) -> Watch:
        """As of the port."""
        watch = SoloWatch(prefix, on_news)
        self._watches = [each for each in self._watches if each.is_open]
        self._watches.append(watch)
        self._tell(watch, self._snapshot(prefix))
        self._call()
        return watch

    def open_session(
        self,
        ttl_ms: int,
        on_lost: Callable[[], None],
        done: Callable[[Session | BusError], None],
    ) -> None:
        """As of the port; it is never lost."""
        self._call(partial(done, SoloSession(self, ttl_ms)))

    def end(self, session: SoloSession) -> None:
        """Delete its keys, in one change."""
        session.is_open = False
        writes = [Write(key, None, self._entries[key].revision) for key in sorted(session.keys)]
        if writes:
            self._transact(writes, {})
            self._call()

    def close(self, done: Callable[[], None]) -> None:
        """As of the port."""
        for watch in self._watches:
            watch.close()
        self._call(done)

    def _call(self, *calls: Callable[[], None]) -> None:
        """Do what others wait for, in order, and never one inside another."""
        self._calls.extend(calls)
        if self._is_calling:
            return
        self._is_calling = True
        try:
            while self._calls:
                self._calls.popleft()()
        finally:
            self._is_calling = False

    def _tell(self, watch: SoloWatch, news: Snapshot | Changes) -> None:
        self._calls.append(lambda: watch.on_news(news) if watch.is_open else None)

    def _snapshot(self, prefix: str) -> Snapshot:
        found = {key: entry for key, entry in self._entries.items() if key.startswith(prefix)}
        return Snapshot(self._revision, found)

    def _transact(self, writes: Sequence[Write], guards: Mapping[str, int]) -> int | None:
        """Raises StoreRefused, StorageError, or what reading the file anew raises."""
        refusal = objection(writes, guards)
        if refusal is not None:
            raise refusal
        self._refresh()
        expected = {write.key: write.expected for write in writes} | dict(guards)
        if any(revision_of(self._entries.get(key)) != at for key, at in expected.items()):
            return None
        sessions = {write.key: _session_of(write, self) for write in writes}
        revision = self._revision + 1
        entries = dict(self._entries)
        for write in writes:
            if write.value is None:
                del entries[write.key]
            else:
                entries[write.key] = Entry(bytes(write.value), revision)
        entries = dict(sorted(entries.items()))
        owners = {key: owner for key, owner in self._owners.items() if key not in sessions}
        owners |= {key: owner for key, owner in sessions.items() if owner is not None}
        self._write({key: e for key, e in entries.items() if key not in owners}, revision)
        for key in sessions.keys() & self._owners.keys():
            self._owners[key].keys.discard(key)
        for key, owner in sessions.items():
            if owner is not None:
                owner.keys.add(key)
        self._entries, self._revision, self._owners = entries, revision, owners
        self._tell_all({write.key: write.value for write in writes})
        return revision

    def _tell_all(self, values: dict[str, bytes | None]) -> None:
        for watch in self._watches:
            seen = {key: value for key, value in values.items() if key.startswith(watch.prefix)}
            if seen:
                self._tell(watch, Changes(self._revision, seen))

    def _write(self, entries: Entries, revision: int) -> None:
        data = encode(entries, revision)
        if len(data) > METADATA_BYTES_MAX:
            raise StorageError(
                f"The metadata would grow to {len(data)} bytes; {METADATA_BYTES_MAX} are allowed."
            )
        failures: list[OSError] = []
        for disk in self._disks:
            try:
                disk.write(self._path, data)
            except OSError as error:
                failures.append(error)
        if len(failures) == len(self._disks):
            self._stale = True
            raise StorageError(f"{self._path} could not be written: {failures[0]}.")

    def _refresh(self) -> None:
        if not self._stale:
            return
        copies: list[tuple[Entries, int]] = []
        damaged: CorruptLog | None = None
        for disk in self._disks:
            try:
                copies.append(self._read(disk))
            except FileNotFoundError:
                continue
            except CorruptLog as error:
                damaged = error
        if not copies and damaged is not None:
            raise damaged
        nothing: Entries = {}
        newest = max(copies, key=lambda copy: copy[1], default=(nothing, 0))
        if any(copy[1] == newest[1] and copy[0] != newest[0] for copy in copies):
            raise CorruptLog(
                f"The data directories hold different contents of {self._path!r} at the same "
                "revision: they belong to different brokers. Leave out what is not this one's."
            )
        kept = {key: self._entries[key] for key in self._owners}
        self._entries = dict(sorted((newest[0] | kept).items()))
        has_moved = self._revision != newest[1]
        self._revision = newest[1]
        self._stale = False
        if has_moved:  # a write that failed was done after all
            for watch in self._watches:
                self._tell(watch, self._snapshot(watch.prefix))

    def _read(self, disk: Disk) -> tuple[Entries, int]:
        """One copy. Raises FileNotFoundError or CorruptLog."""
        size = disk.size(self._path)
        if size > METADATA_BYTES_MAX:
            raise _corrupt(self._path, f"it has {size} bytes, {METADATA_BYTES_MAX} are allowed")
        return decode(disk.read(self._path, 0, size), self._path)


def encode(entries: Entries, revision: int) -> bytes:
    """The file's bytes."""
    head = _HEADER.pack(MAGIC, VERSION, revision, len(entries))
    parts = []
    for key, (value, changed) in entries.items():
        name = key.encode()
        parts += [_REVISION.pack(changed, len(name)), name, _LENGTH.pack(len(value)), value]
    body = b"".join(parts)
    return head + _CRC.pack(zlib.crc32(body, zlib.crc32(head))) + body


def decode(data: bytes, path: str = PATH) -> tuple[Entries, int]:
    """Entries and revision of a file's bytes. Raises CorruptLog, naming `path`."""
    if len(data) < _HEADER_SIZE or not data.startswith(MAGIC):
        raise _corrupt(path, "it does not begin like one")
    head, body = data[: _HEADER.size], data[_HEADER_SIZE:]
    _, version, revision, count = _HEADER.unpack(head)
    if version != VERSION:
        raise _corrupt(path, f"its format is {version}, and this busd knows {VERSION}")
    if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(body, zlib.crc32(head)):
        raise _corrupt(path, "its checksum is wrong")
    try:
        return _entries(body, count), revision
    except (struct.error, UnicodeDecodeError, ValueError):
        raise _corrupt(path, "its entries contradict each other") from None


def _entries(body: bytes, count: int) -> Entries:
    """Raises one of three errors if the entries do not fill `body` exactly."""
    entries: Entries = {}
    at = 0
    for _ in range(count):
        changed, length = _REVISION.unpack_from(body, at)
        at += _REVISION.size
        key = body[at : at + length].decode()
        at += length
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        entries[key] = Entry(body[at : at + length], changed)
        at += length
    if at != len(body) or len(entries) != count:
        raise ValueError
    return entries


def _corrupt(path: str, why: str) -> CorruptLog:
    return CorruptLog(
        f"The metadata file {path!r} of the data directory is damaged: {why}. Nothing was changed; "
        "restore it from a copy, or move it away together with the topics folder."
    )


def _session_of(write: Write, store: Solo) -> SoloSession | None:
    session = write.session
    if session is None:
        return None
    assert isinstance(session, SoloSession), "it was opened here"
    assert session.store is store, "it was opened here"
    if not session.is_open:
        raise SessionEnded
    return session


def _error(error: BusError | OSError) -> BusError:
    return error if isinstance(error, BusError) else StorageError(f"{PATH} cannot be read: {error}")
