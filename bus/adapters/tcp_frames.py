"""Length-prefixed frames out of a stream of bytes; pure, for both ends of a connection.

    byte  size  field
       0     4  size of the frame, int32, big endian
       4     -  the frame

Who owns the socket asks for `space`, receives into it, and tells how much came by `received`.
Frames that are complete then wait in `frames`. The first bytes of a frame arrive in a scratch
buffer that all connections of a thread may share; a frame that is not complete gets a buffer of its
own, into which the rest of it is received. So a frame's bytes are copied at most once, and what was
read of a long one is not copied at all.

A client that has chosen its server believes a length, and takes the memory of a frame at once: it
is not touched before bytes for it have come. A server does not (`growth`).

Invariant: with a growth, the memory held is at most so many times the bytes that have arrived,
whatever length is claimed. Invariant: between two calls of `space` and `received` nothing is left
in the scratch buffer.
"""

from collections import deque

from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.model.limits import KIB
from bus.native.blocks import take

PREFIX = 4  # bytes of a frame's length
SCRATCH_BYTES = 64 * KIB
GROWTH = 16  # an incomplete frame's buffer has at most so many times the bytes that came
LEAST_BYTES = 1 * KIB


def prefixed(chunks: list[Buffer]) -> list[Buffer]:
    """A frame in pieces with its length before it; the first piece is copied."""
    size = sum(map(len, chunks))
    return [b"".join((size.to_bytes(PREFIX, "big"), chunks[0])), *chunks[1:]]


class FrameReader:
    """The frames of one connection."""

    __slots__ = (
        "_buffer",
        "_filled",
        "_growth",
        "_prefix",
        "_scratch",
        "_size",
        "bytes_max",
        "frames",
    )

    def __init__(
        self, bytes_max: int, scratch: memoryview | None = None, growth: int | None = GROWTH
    ) -> None:
        """`scratch` may be shared by readers that are used on one thread."""
        self.bytes_max = bytes_max  # of one frame; may change
        self.frames: deque[Buffer] = deque()  # complete, not taken yet
        self._scratch = scratch if scratch is not None else new_scratch()
        self._growth = growth
        self._buffer: memoryview | None = None  # of the frame that is not complete
        self._filled = 0  # bytes of it that are there
        self._size = 0  # what it will have
        self._prefix = b""  # of a frame whose length is not complete

    @property
    def held_bytes(self) -> int:
        """Memory of the frame that is not complete."""
        return len(self._buffer) if self._buffer is not None else 0

    @property
    def missing(self) -> int:
        """Bytes of the frame that is not complete which have not come."""
        return self._size - self._filled if self._buffer is not None else 0

    @property
    def is_between_frames(self) -> bool:
        """Nothing of another frame has come."""
        return self._buffer is None and not self._prefix

    def space(self) -> memoryview:
        """Where to receive into; to be used before anything else is called."""
        if self._buffer is None:
            return self._scratch
        return self._buffer[self._filled :]

    def received(self, count: int) -> None:
        """So many bytes are in the space. Raises FrameError for a length that cannot be."""
        if self._buffer is None:
            self._split(count)
            return
        self._filled += count
        if self._filled == self._size:
            self._finish()
        elif self._filled == len(self._buffer):
            self._grow()

    def forget(self) -> None:
        """Nobody will take these frames any more."""
        self.frames.clear()
        self._buffer = None

    def _split(self, count: int) -> None:
        """Take the scratch buffer's first bytes apart."""
        at = 0
        scratch = self._scratch
        if self._prefix:
            at = PREFIX - len(self._prefix)
            head = self._prefix + bytes(scratch[: min(at, count)])
            if count < at:
                self._prefix = head
                return
            self._prefix = b""
            at = self._take(head, at, count)
        while count - at >= PREFIX:
            at = self._take(scratch[at : at + PREFIX], at + PREFIX, count)
        if at < count:
            self._prefix = bytes(scratch[at:count])

    def _take(self, prefix: Buffer, at: int, count: int) -> int:
        """One frame, of which the scratch buffer has all or the first part; where it ends."""
        size = int.from_bytes(prefix, "big", signed=True)
        if not 0 <= size <= self.bytes_max:
            raise FrameError(f"A frame of {size} bytes is announced; {self.bytes_max} are allowed.")
        end = at + size
        if end <= count:
            self.frames.append(bytes(self._scratch[at:end]))
            return end
        self._size, self._filled = size, count - at
        self._move(self._scratch[at:count])
        return count

    def _grow(self) -> None:
        assert self._buffer is not None, "only an incomplete frame grows"
        self._move(self._buffer)

    def _move(self, start: memoryview) -> None:
        """Give the frame memory, or more of it; `start` is what is there of it."""
        room = self._size
        if self._growth is not None:
            room = min(room, max(self._growth * self._filled, LEAST_BYTES))
        self._buffer = take(room)
        self._buffer[: self._filled] = start

    def _finish(self) -> None:
        assert self._buffer is not None, "only an incomplete frame is finished"
        self.frames.append(self._buffer)
        self._buffer = None


def new_scratch() -> memoryview:
    """A scratch buffer for the readers of one thread."""
    return memoryview(bytearray(SCRATCH_BYTES))
