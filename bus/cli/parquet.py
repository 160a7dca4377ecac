"""Parquet files as chunks of records; needs the extra `arrow`.

The value is one column of text or bytes, or the whole row as a JSON object.
"""

import os
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from json import JSONEncoder
from typing import Any

from bus.cli.failure import UserError
from bus.cli.rows import CHUNK_ROWS, Chunk, Layout, Rows, as_bytes, timestamp_ms


def _plain(value: object) -> str:
    """What JSON has no form for: times as ISO 8601, bytes as text, the rest as it prints."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


_encode = JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_plain).encode


def open_parquet(path: str) -> Any:
    """A pyarrow ParquetFile. UserError if it is none, or if pyarrow is not installed."""
    try:
        arrow = import_module("pyarrow")
        arrow_parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise UserError("Reading Parquet needs pyarrow: pip install 'busd[arrow]'.") from None
    os.stat(path)  # says so in our words if it is not there
    try:
        return arrow_parquet.ParquetFile(path)
    except arrow.ArrowInvalid as error:
        raise UserError(f"{path} is not Parquet: {str(error).splitlines()[0]}") from None


def parquet(file: Any, name: str, layout: Layout) -> Iterator[Chunk]:
    """The rows of an open file; `bytes_read` counts rows here, as `row_count` does."""
    columns: list[str] = file.schema_arrow.names
    for wanted in (layout.key, layout.value, layout.timestamp):
        if wanted is not None and wanted not in columns:
            raise UserError(f"{name} has no column {wanted!r}; it has {', '.join(columns)[:200]}.")
    needed = None if layout.value is None else sorted(_needed(layout))
    rows_read = 0
    for batch in file.iter_batches(CHUNK_ROWS, columns=needed):
        rows = Rows(layout)
        _fill(rows, batch, layout, name)
        rows_read += batch.num_rows
        yield rows.take(rows_read)


def _needed(layout: Layout) -> set[str]:
    return {c for c in (layout.key, layout.value, layout.timestamp) if c is not None}


def _fill(rows: Rows, batch: Any, layout: Layout, name: str) -> None:
    if layout.value is None:
        rows.values.extend(_encode(row).encode() for row in batch.to_pylist())
    else:
        rows.values.extend(map(_as_bytes, batch.column(layout.value).to_pylist()))
    if layout.key is not None:
        rows.keys.extend(map(_as_bytes, batch.column(layout.key).to_pylist()))
    if layout.timestamp is not None:
        moments = batch.column(layout.timestamp).to_pylist()
        rows.timestamps = array("q", [_moment(moment, name) for moment in moments])


def _as_bytes(value: object) -> bytes | None:
    return as_bytes(_plain(value) if isinstance(value, datetime) else value)


def _moment(value: object, name: str) -> int:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1000)
    return timestamp_ms(value, name)
