"""What has happened to a disk's partitions since the checkpoint: a small file of sealed blocks.

The file has a fixed size and two halves. A checkpoint names the generation that began with it:
blocks of that generation and of later ones count, older ones are in the checkpoint. Generations
take the halves in turn, so that nothing is overwritten before a checkpoint that holds it is
durable. A block, little endian, back to back from the start of a half:

    byte  size  field
       0     4  crc             CRC-32C of all that follows, the payload included
       4     4  size            of the payload, at least 1
       8     8  generation
      16     .  payload         entries of the journal's user

A half is valid from its start up to the first block that is torn, of another generation, or of one
that has its place in the other half.
"""

import struct
from dataclasses import dataclass, field

from bus.errors import DiskFull
from bus.model.batch import Buffer
from bus.native.batch import crc32c
from bus.native.segment import first_nonzero
from bus.ports import Disk, Region

_HEAD = struct.Struct("<IIQ")
_BODY = struct.Struct("<IQ")  # what the checksum covers before the payload
_PIECE_BYTES = 64 * 1024
_SHORT = 4  # less than this part of a half is left


@dataclass(slots=True)
class _Half:
    """The valid blocks of a half."""

    generation: int = 0
    size: int = 0  # bytes
    payloads: list[bytes] = field(default_factory=list)


class Journal:
    """One journal file; `allocate` comes between `read` and the first block.

    Invariant: no block needs another byte of the disk, so a full one keeps none from being written.
    """

    def __init__(self, disk: Disk, path: str, half_bytes: int) -> None:
        self.path = path
        self.region: Region | None = None
        self.is_dirty = False  # blocks were appended since the last commit took the region
        self._disk = disk
        self._half_bytes = half_bytes
        self._generation = 0
        self._position = 0  # in the file
        self._exists = False  # before this life
        self._found = _Half()  # the newest half that `read` saw

    def read(self, generation_min: int) -> tuple[list[bytes], int]:
        """What an earlier life left: the payloads that count, and the newest generation seen."""
        try:
            halves = [_parse_half(self._read_half(index), index) for index in (0, 1)]
        except FileNotFoundError:
            return [], 0
        halves.sort(key=lambda half: half.generation)
        payloads = [
            p for half in halves if half.generation >= generation_min for p in half.payloads
        ]
        self._exists, self._found = True, halves[1]
        return payloads, halves[1].generation

    def allocate(self) -> None:
        """Have all of the file, whatever is there of it. Raises DiskFull or OSError."""
        if self.region is None:
            size = 2 * self._half_bytes
            try:
                self.region = self._disk.create(self.path, size, size)
            except FileExistsError:
                region = self._disk.open(self.path, size)
                try:
                    region.grow(size)
                except BaseException:
                    region.close()
                    raise
                self.region = region

    @property
    def is_short(self) -> bool:
        """Is the half of this generation nearly full?"""
        end = self._half_bytes * (1 + (self._generation & 1))
        return end - self._position < self._half_bytes // _SHORT

    @property
    def has_blocks(self) -> bool:
        """Were any appended since this generation began, or found of it?"""
        return self._position > self._half_bytes * (self._generation & 1)

    def begin(self, generation: int) -> None:
        """Start a generation, in the half that is its own."""
        assert generation > self._generation, "generations only rise, from 1"
        self._generation = generation
        self._position = self._half_bytes * (generation & 1)

    def resume(self, generation: int, is_clean: bool) -> None:
        """Begin after `read`, behind what was found of this very generation.

        Unless the stop was clean, what stands behind it is zeroed: blocks of the same generation
        that a crash left there must not seem to follow ours.
        """
        self.begin(generation)
        end = self._position + self._half_bytes
        if self._found.generation == generation:
            self._position += self._found.size
        if is_clean or not self._exists:
            return
        self.allocate()
        region = self.region
        assert region is not None, "it is allocated"
        for start in range(self._position, end, _PIECE_BYTES):
            piece = region.buffer[start : min(start + _PIECE_BYTES, end)]
            if first_nonzero(piece, 0) < len(piece):
                region.write(start, b"", bytes(len(piece)))

    def append(self, payload: Buffer) -> bool:
        """Write a block, durable with the next commit of `region`.

        False: the half is full, or the journal is closed.
        """
        assert len(payload) > 0, "an empty block would look like the end of a half"
        start = self._position
        end = start + _HEAD.size + len(payload)
        if self.region is None or end > self._half_bytes * (1 + (self._generation & 1)):
            return False
        body = _BODY.pack(len(payload), self._generation)
        crc = crc32c(payload, crc32c(body))
        try:
            head = _HEAD.pack(crc, len(payload), self._generation)
            self.region.write(start, head, payload)
        except DiskFull:
            return False
        self._position = end
        self.is_dirty = True
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self.region is not None:
            self.region.close()
            self.region = None

    def _read_half(self, index: int) -> bytes:
        """Its bytes, up to a piece that is all zero."""
        data, start = bytearray(), index * self._half_bytes
        while len(data) < self._half_bytes:
            size = min(_PIECE_BYTES, self._half_bytes - len(data))
            piece = self._disk.read(self.path, start + len(data), size)
            data += piece
            if first_nonzero(piece, 0) == len(piece):
                break
        return bytes(data)


def _parse_half(data: bytes, index: int) -> _Half:
    half = _Half()
    while half.size + _HEAD.size <= len(data):
        crc, size, generation = _HEAD.unpack_from(data, half.size)
        start = half.size + _HEAD.size
        payload = data[start : start + size]
        if size == 0 or len(payload) < size or generation & 1 != index:
            break
        if half.payloads and generation != half.generation:
            break
        if crc != crc32c(payload, crc32c(_BODY.pack(size, generation))):
            break
        half.generation = generation
        half.payloads.append(payload)
        half.size = start + size
    return half


def whole_entries(payloads: list[bytes], entry: struct.Struct) -> list[bytes]:
    """Those that are entries of this kind: another journal's file may stand under the name."""
    return [payload for payload in payloads if len(payload) % entry.size == 0]
