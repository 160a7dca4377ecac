"""Encode rows of lists and arrays into batches; `bus.native.builder` offers these names."""

from collections.abc import Sequence

from typing_extensions import Buffer

# Each encodes rows from `start` into one batch of at most `size_max` bytes (the first row always
# fits) and returns (batch, next start). Timestamps: one for all, or int64[n] in ms. Unsealed.
# `keys` has one for each row. The batch is writable and contiguous; its memory is used again when
# the last view of it is released. ValueError if arrays do not fit together.

def encode_list(
    values: Sequence[Buffer | None],
    keys: Sequence[Buffer | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """Fastest for a list of bytes. TypeError names what is not bytes-like."""

def encode_fixed(
    values: Buffer,
    width: int,
    keys: Sequence[Buffer | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
    strip: bool = False,
) -> tuple[memoryview, int]:
    """NumPy V: rows of `width` bytes in one contiguous buffer; S with `strip`: without the NULs
    at the end of a row, as NumPy reads them."""

def encode_offsets(
    offsets: Buffer,
    large: bool,
    data: Buffer,
    validity: Buffer | None,
    bit_offset: int,
    keys: Sequence[Buffer | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """Arrow binary or string (`large`: int64 offsets), with its validity bitmap.

    n + 1 offsets from the array's first row on; `bit_offset` is that row's place in the bitmap.
    """

def encode_views(
    views: Buffer,
    buffers: Sequence[Buffer],
    validity: Buffer | None,
    bit_offset: int,
    keys: Sequence[Buffer | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """Arrow binary_view or string_view: 16-byte views and their buffers."""

def partition_list(keys: Sequence[Buffer | None], partitions: int) -> memoryview:
    """int32[n]: murmur2 partition of each key as Kafka's default partitioner; -1 for null."""
