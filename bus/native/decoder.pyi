"""Reads the bytes of a peer by a compiled table, and cannot be led past their end."""

from typing import TypeAlias

from typing_extensions import Buffer

from bus.native.codec import Program

_Frame: TypeAlias = bytes | bytearray | memoryview

class Decoder:
    """Reads structs from one frame, from its first byte to its last.

    RECORDS are views of `data`, or of the frames that follow it if `frames` are given (then each
    field holds only a length). `elements_max` bounds what all arrays together may hold. Whatever
    is wrong with the bytes raises FrameError.
    """

    def __init__(
        self, data: Buffer, frames: list[_Frame] | None = None, elements_max: int = 1_000_000
    ) -> None: ...
    def read(self, program: Program) -> object:
        """The next struct, as an object of the program's type."""

    def peek_int16(self) -> int:
        """The next two bytes, which stay unread."""

    def skip_tags(self) -> None:
        """Pass over a tag section of which nothing is known."""

    def finish(self) -> None:
        """Raise FrameError unless every byte and every frame was read."""
