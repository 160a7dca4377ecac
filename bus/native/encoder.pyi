"""Writes messages by a compiled table; RECORDS stay outside, uncopied, until the end."""

from bus.native.codec import Program

class Encoder:
    """Writes structs one after the other; their RECORDS stay outside until the end.

    Raises TypeError or ValueError, naming the field, for a value that its field cannot hold.
    """

    def write(self, program: Program, message: object) -> None:
        """Append one struct."""

    def write_no_tags(self) -> None:
        """Append an empty tag section."""

    def frames(self) -> list[bytes | bytearray | memoryview]:
        """The bytes, where RECORDS are only lengths, then each RECORDS buffer as it was given."""

    def chunks(self) -> list[bytes | bytearray | memoryview]:
        """The bytes cut where RECORDS belong, and those between: in order, the whole message."""

    def joined(self) -> bytes:
        """The whole message in one piece."""
