"""Hand rows to Arrow: the C data interface over span columns, without copying record bytes."""

from collections.abc import Sequence

from typing_extensions import Buffer

class ArrayOut:
    """Rows of one partition that are to be seen as an Arrow struct array.

    Columns: topic (utf8 view), partition (int32), offset (int64), timestamp (ms, UTC), key and
    value (binary view). The views lead into `buffers`, which stay alive as long as Arrow does.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        offsets: Buffer,
        timestamps: Buffer,
        key_spans: Buffer,
        value_spans: Buffer,
        buffers: Sequence[Buffer],
    ) -> None:
        """Contiguous int64[n] and int64[n, 3], as `bus.native.columns` writes them.

        ValueError if the columns differ in length, a span leads out of its buffer, or a buffer is
        of 2 GiB or more.
        """

def struct_schema() -> object:
    """A PyCapsule "arrow_schema"."""

def struct_array(rows: ArrayOut) -> object:
    """A PyCapsule "arrow_array"."""

def struct_stream(rows: ArrayOut) -> object:
    """A PyCapsule "arrow_array_stream" of that one array."""
