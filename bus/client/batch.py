"""What `poll_batch` hands out: rows of one partition, as columns, lists, records or Arrow.

Columns are views, lists are made when they are asked for, and nothing is copied before that. The
batch keeps what it was fetched in alive.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bus.client.decode import Columns
from bus.client.lists import listed
from bus.model.batch import Buffer
from bus.native.arrow_out import ArrayOut, struct_array, struct_schema, struct_stream
from bus.native.columns import Record, headers_at, iterate

Longs = npt.NDArray[np.int64]
ReadRecord: TypeAlias = Record  # for layers that do not know the native one


class Batch:
    """Rows [start, stop) of what was fetched; `len` may be 0.

    offsets, timestamps     int64[n]; timestamps in ms since 1970
    values, keys, headers   lists
    value_spans, key_spans  int64[n, 3]: buffer, start, end in `buffers`; null is (-1, -1, -1)
    """

    def __init__(
        self, columns: Columns | None, start: int = 0, stop: int = 0, generation: int = -1
    ) -> None:
        """Rows of `columns`; None is the empty batch of a poll that timed out."""
        self.generation = generation  # of the seek that it was read after
        self._columns = columns
        self._start, self._stop = start, stop

    def __len__(self) -> int:
        """Records."""
        return self._stop - self._start

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._stop > self._start

    def __repr__(self) -> str:
        """For people."""
        if self._columns is None:
            return "Batch(empty)"
        return f"Batch({self.topic}/{self.partition}, {len(self)} records from {self.first_offset})"

    def __iter__(self) -> Iterator[Record]:
        """Record by record."""
        columns = self._columns
        if columns is None:
            return iter(())
        return iterate(
            columns.partition.topic,
            columns.partition.partition,
            columns.offsets,
            columns.timestamps,
            columns.key_spans,
            columns.value_spans,
            columns.header_spans,
            columns.buffers,
            self._start,
            self._stop,
        )

    def rest(self, count: int) -> tuple[Columns, int] | None:
        """The columns, and the row at which the last `count` begin; None if there are none."""
        return None if self._columns is None or count == 0 else (self._columns, self._stop - count)

    @property
    def topic(self) -> str:
        """Its topic; "" for the empty batch."""
        return self._columns.partition.topic if self._columns is not None else ""

    @property
    def partition(self) -> int:
        """Its partition; -1 for the empty batch."""
        return self._columns.partition.partition if self._columns is not None else -1

    @property
    def first_offset(self) -> int:
        """Offset of the first record; -1 if there is none."""
        return int(self.offsets[0]) if self else -1

    @property
    def high_watermark(self) -> int:
        """End of what was committed when this was fetched; -1 if unknown."""
        return self._columns.high_watermark if self._columns is not None else -1

    @property
    def offsets(self) -> Longs:
        """int64[n], strictly ascending."""
        return self._column("offsets")

    @property
    def timestamps(self) -> Longs:
        """int64[n], ms since 1970."""
        return self._column("timestamps")

    @property
    def value_spans(self) -> Longs:
        """int64[n, 3] into `buffers`."""
        return self._column("value_spans")

    @property
    def key_spans(self) -> Longs:
        """int64[n, 3] into `buffers`."""
        return self._column("key_spans")

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """What the spans lead into."""
        return self._columns.buffers if self._columns is not None else ()

    @cached_property
    def values(self) -> list[bytes | None]:
        """The records' values."""
        columns = self._columns
        if columns is None:
            return []
        return listed(columns.value_spans, columns.buffers, self._start, self._stop)

    @cached_property
    def keys(self) -> list[bytes | None]:
        """The records' keys."""
        columns = self._columns
        if columns is None:
            return []
        return listed(columns.key_spans, columns.buffers, self._start, self._stop)

    @cached_property
    def headers(self) -> list[list[tuple[str, bytes | None]]]:
        """The records' headers."""
        columns = self._columns
        if columns is None:
            return []
        spans = self._column("header_spans").tolist()
        return [headers_at(tuple(span), columns.buffers) for span in spans]

    def __arrow_c_schema__(self) -> object:
        """A PyCapsule with the schema of `__arrow_c_array__`."""
        return struct_schema()

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """PyCapsules of a struct array; keys and values are binary_view into `buffers`."""
        return struct_schema(), struct_array(self._arrow())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A PyCapsule of a stream of the one array: what data frames ask for."""
        return struct_stream(self._arrow())

    def _arrow(self) -> ArrayOut:
        return ArrayOut(
            self.topic,
            self.partition,
            self.offsets.data,
            self.timestamps.data,
            self.key_spans.data,
            self.value_spans.data,
            self.buffers,
        )

    def _column(self, name: str) -> Longs:
        if self._columns is None:
            return np.empty((0, 3) if name.endswith("spans") else 0, np.int64)
        return self._columns.array(name, self._start, self._stop)


EMPTY = Batch(None)
