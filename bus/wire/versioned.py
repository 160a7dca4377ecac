"""Structs that begin with a version of their own: in records, and in what members tell each other.

int16 version, then the struct at that version
"""

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.native.decoder import Decoder
from bus.native.encoder import Encoder
from bus.wire.schema import EVER, program

VERSION_SIZE = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """How one table is written and read."""

    table: type[T]
    newest: int
    flexible_since: int = EVER
    open_ended: bool = False  # a newer version only adds at the end, which is passed over

    def encode(self, value: T, version: int) -> bytes:
        """The version and the struct."""
        assert 0 <= version <= self.newest, f"{self.table.__name__} has no version {version}"
        encoder = Encoder()
        encoder.write(program(self.table, version, version >= self.flexible_since), value)
        return version.to_bytes(VERSION_SIZE, "big") + encoder.joined()

    def decode(self, data: Buffer) -> T:
        """The struct. Raises FrameError, also for a version that is not known."""
        version = version_of(data)
        if self.open_ended:
            version = min(version, self.newest)
        if not 0 <= version <= self.newest:
            raise FrameError(f"{self.table.__name__}: version {version} is not known.")
        return self.decode_at(memoryview(data)[VERSION_SIZE:], version)

    def decode_at(self, body: Buffer, version: int) -> T:
        """The struct without a version before it."""
        decoder = Decoder(body)
        value = decoder.read(program(self.table, version, version >= self.flexible_since))
        if not self.open_ended:
            decoder.finish()
        return cast(T, value)


def version_of(data: Buffer) -> int:
    """The version that `data` begins with. Raises FrameError."""
    head = memoryview(data)[:VERSION_SIZE]
    if len(head) < VERSION_SIZE:
        raise FrameError("There are too few bytes for a version.")
    return int.from_bytes(head, "big", signed=True)
