"""What `send_batch` takes: lists, NumPy arrays and Arrow arrays, as rows that encode themselves.

    list, tuple               of bytes-like or None; any other sequence or iterable of them
    numpy S, V                one dimension; S rows end at their last byte that is not NUL
    numpy object              as a list
    Arrow                     whatever has __arrow_c_array__ or __arrow_c_stream__, of binary or
                              string, large or view, or fixed_size_binary

No row is touched by Python, but in sequences that are no lists.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from bus.errors import BadSetting
from bus.model.batch import Buffer
from bus.model.limits import BATCH_OVERHEAD, MIB
from bus.native import builder
from bus.native.arrow_in import BinaryColumn, binary_columns
from bus.native.columns import to_list, walk

if TYPE_CHECKING:
    import numpy as np

LISTED_BYTES = 16 * MIB  # opened at a time

Keys: TypeAlias = Sequence[Buffer | None] | None
Stamps: TypeAlias = int | memoryview  # one for all, or int64[n]


class Rows(Protocol):
    """Values that can be encoded from any row on."""

    def __len__(self) -> int:
        """Rows."""

    def encode(
        self, keys: Keys, stamps: Stamps, start: int, size_max: int
    ) -> tuple[memoryview, int]:
        """One batch of rows from `start`, and the row after it."""

    def listed(self) -> list[Buffer | None]:
        """The rows as a list, for what must be picked apart."""


class ListRows:
    """A list of bytes-like objects or None."""

    def __init__(self, values: list[Buffer | None]) -> None:
        self._values = values

    def __len__(self) -> int:
        """Rows."""
        return len(self._values)

    def encode(
        self, keys: Keys, stamps: Stamps, start: int, size_max: int
    ) -> tuple[memoryview, int]:
        """One batch."""
        return builder.encode_list(self._values, keys, stamps, start, size_max)

    def listed(self) -> list[Buffer | None]:
        """The list itself."""
        return self._values


class FixedRows:
    """Rows of one width in one buffer."""

    def __init__(self, data: Buffer, width: int, count: int, strip: bool) -> None:
        self._data, self._width, self._count, self._strip = data, width, count, strip

    def __len__(self) -> int:
        """Rows."""
        return self._count

    def encode(
        self, keys: Keys, stamps: Stamps, start: int, size_max: int
    ) -> tuple[memoryview, int]:
        """One batch."""
        return builder.encode_fixed(
            self._data, self._width, keys, stamps, start, size_max, self._strip
        )

    def listed(self) -> list[Buffer | None]:
        """Bytes objects."""
        width, data = self._width, bytes(self._data)
        rows = [data[row * width : (row + 1) * width] for row in range(self._count)]
        return [row.rstrip(b"\0") for row in rows] if self._strip else list(rows)


class ArrowRows:
    """One Arrow array with offsets or views."""

    def __init__(self, column: BinaryColumn) -> None:
        self._column = column

    def __len__(self) -> int:
        """Rows."""
        return self._column.length

    def encode(
        self, keys: Keys, stamps: Stamps, start: int, size_max: int
    ) -> tuple[memoryview, int]:
        """One batch."""
        c = self._column
        shared = (c.validity, c.bit_offset, keys, stamps, start, size_max)
        if c.kind == "views":
            return builder.encode_views(c.views, c.data_buffers, *shared)
        return builder.encode_offsets(c.offsets, c.large, c.data, *shared)

    def listed(self) -> list[Buffer | None]:
        """Bytes objects, by encoding and opening one batch: still no loop."""
        return _listed_natively(self)


def rows_of(values: object) -> list[Rows]:
    """The rows of what a user gave; several chunks for a chunked Arrow array."""
    if isinstance(values, list):
        return [ListRows(values)]
    if isinstance(values, str | bytes | bytearray | memoryview):
        raise TypeError("values is one value; use send, or give a list")
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(values, numpy.ndarray):
        return [_numpy_rows(values)]
    if hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__"):
        return [_arrow_rows(column) for column in binary_columns(values) if column.length]
    if isinstance(values, Iterable):
        return [ListRows(list(values))]
    raise TypeError(
        f"values must be a list, a NumPy or an Arrow array, not {type(values).__name__}"
    )


def keys_of(keys: object, count: int) -> Keys:
    """One key a row as a list, or None."""
    if keys is None:
        return None
    chunks = rows_of(keys)
    listed = chunks[0].listed() if len(chunks) == 1 else [k for c in chunks for k in c.listed()]
    if len(listed) != count:
        raise BadSetting(f"There are {len(listed)} keys for {count} values.")
    return listed


def stamps_of(timestamps: object, count: int, now_ms: int) -> Stamps:
    """One timestamp for all, or int64[count]; ms since 1970."""
    if timestamps is None:
        return now_ms
    if isinstance(timestamps, int):
        return timestamps
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(timestamps, numpy.ndarray):
        stamps = _numpy_stamps(timestamps)
    elif isinstance(timestamps, Iterable):
        stamps = memoryview(array("q", timestamps))
    else:
        raise TypeError(f"timestamps must be ms since 1970, not {type(timestamps).__name__}")
    if len(stamps) != count:
        raise BadSetting(f"There are {len(stamps)} timestamps for {count} values.")
    return stamps


def pick(items: Sequence[Any], rows: "list[int]") -> list[Any]:
    """The items of some rows, without a Python loop."""
    if len(rows) == 1:
        return [items[rows[0]]]
    return list(itemgetter(*rows)(items))


def _numpy_stamps(timestamps: "np.ndarray[Any, Any]") -> memoryview:
    if timestamps.dtype.kind == "M":
        timestamps = timestamps.astype("datetime64[ms]").view("int64")
    elif timestamps.dtype.kind not in "iu":
        raise TypeError(f"timestamps must be int64 or datetime64, not {timestamps.dtype}")
    return timestamps.astype("int64", order="C", copy=False).data


def _numpy_rows(values: "np.ndarray[Any, Any]") -> Rows:
    if values.ndim != 1:
        raise TypeError(f"values must have one dimension, not {values.ndim}")
    kind, width = values.dtype.kind, values.dtype.itemsize
    if kind == "O":
        return ListRows(values.tolist())
    if kind not in "SV":
        raise TypeError(
            f"a NumPy array of dtype S, V or object is needed, not {values.dtype}; "
            "view or encode it as bytes"
        )
    plain = values if values.flags.c_contiguous else values.copy()
    data = plain.view("uint8").data if width and len(values) else memoryview(b"")
    return FixedRows(data, width, len(values), kind == "S")


def _arrow_rows(column: BinaryColumn) -> Rows:
    if column.kind != "fixed":
        return ArrowRows(column)
    if column.validity is not None:
        raise TypeError("fixed_size_binary with nulls; cast it to binary")
    return FixedRows(memoryview(column.data), column.width, column.length, False)


def _listed_natively(rows: Rows) -> list[Buffer | None]:
    """Bytes objects of all rows: encode them as batches and open those again."""
    listed: list[Buffer | None] = []
    start = 0
    while start < len(rows):
        batch, stop = rows.encode(None, 0, start, LISTED_BYTES)
        spans = array("q", bytes(24 * (stop - start)))
        records = batch[BATCH_OVERHEAD:]
        walk(records, stop - start, 0, 0, -1, 0, 0, 0, None, None, None, spans, None)
        listed += to_list(spans, [records], 0, stop - start)
        start = stop
    return listed
