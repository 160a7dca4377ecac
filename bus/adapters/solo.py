"""The Coordination port of a single node: a few keys in one file, replaced as a whole.

    byte  size  field
       0     8  magic            "busdmeta"
       8     4  format version   1
      12     8  revision         of the last change; rises by one with each `put_if`
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

With several data directories each has a copy, and the newest valid one wins (S1a). A change
stands once one copy has it: a directory that failed, or was away, is older from then on.
"""

import struct
import zlib
from collections.abc import Sequence

from bus.errors import CorruptLog, StorageError
from bus.model.limits import METADATA_BYTES_MAX
from bus.ports import Disk

MAGIC = b"busdmeta"
VERSION = 1
PATH = "metadata"

_HEADER = struct.Struct(">8sIQI")  # magic, version, revision, count
_CRC = struct.Struct(">I")
_HEADER_SIZE = _HEADER.size + _CRC.size
_REVISION = struct.Struct(">QI")  # revision, length of the key
_LENGTH = struct.Struct(">I")

Entries = dict[str, tuple[bytes, int]]


class Solo:
    """One node's metadata; keeps all of it in memory and writes through."""

    def __init__(self, *disks: Disk, path: str = PATH) -> None:
        """Reads the file. Raises CorruptLog if it is damaged, and no copy is sound."""
        self._disks = disks
        self._path = path
        self._stale = True
        self._entries: Entries = {}
        self._revision = 0
        self._refresh()

    @property
    def revision(self) -> int:
        """Of the last change; 0 if there was none."""
        self._refresh()
        return self._revision

    def get(self, key: str) -> tuple[bytes, int] | None:
        """Value and revision, or None if the key is absent."""
        self._refresh()
        return self._entries.get(key)

    def list(self, prefix: str) -> Entries:
        """All keys that begin with `prefix`, sorted."""
        self._refresh()
        return {key: entry for key, entry in self._entries.items() if key.startswith(prefix)}

    def put_if(self, changes: Sequence[tuple[str, bytes | None, int]]) -> int | None:
        """Write all of (key, value or None to delete, expected revision), or nothing.

        The new revision, durable; None if one of the keys had moved. Raises StorageError.
        """
        self._refresh()
        entries = dict(self._entries)
        for key, _, expected in changes:
            if self._entries.get(key, (b"", 0))[1] != expected:
                return None
        revision = self._revision + 1
        for key, value, _ in changes:
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = (value, revision)
        entries = dict(sorted(entries.items()))
        self._write(entries, revision)
        self._entries, self._revision = entries, revision
        return revision

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
        newest = max(copies, key=lambda copy: copy[1], default=({}, 0))
        if any(copy[1] == newest[1] and copy[0] != newest[0] for copy in copies):
            raise CorruptLog(
                f"The data directories hold different contents of {self._path!r} at the same "
                "revision: they belong to different brokers. Leave out what is not this one's."
            )
        self._entries, self._revision = newest
        self._stale = False

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
        entries[key] = (body[at : at + length], changed)
        at += length
    if at != len(body) or len(entries) != count:
        raise ValueError
    return entries


def _corrupt(path: str, why: str) -> CorruptLog:
    return CorruptLog(
        f"The metadata file {path!r} of the data directory is damaged: {why}. Nothing was changed; "
        "restore it from a copy, or move it away together with the topics folder."
    )
