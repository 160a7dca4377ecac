"""Take binary columns from Arrow: the C data interface, without importing any Arrow library."""

from typing_extensions import Buffer

class BinaryColumn:
    """One array of byte strings, kept alive as long as this or a view of it is.

    kind "offsets": `offsets` has length + 1 int32 (int64 if `large`) into `data`.
    kind "views":   `views` has 16 bytes a row into `data_buffers`.
    kind "fixed":   `data` has `width` bytes a row.
    """

    kind: str
    length: int
    null_count: int  # -1 if Arrow has not counted
    large: bool
    width: int
    offsets: Buffer
    views: Buffer
    data: Buffer
    data_buffers: tuple[Buffer, ...]
    validity: Buffer | None  # bitmap; the first row's bit is `bit_offset`
    bit_offset: int

def binary_columns(source: object) -> list[BinaryColumn]:
    """The chunks of an object with `__arrow_c_array__` or `__arrow_c_stream__`.

    Takes binary, large_binary, string, large_string, their views, and fixed_size_binary. TypeError
    names another type; ValueError if the producer reports an error.
    """
