"""Files as chunks of records: lines, CSV and NDJSON (`bus.cli.parquet` reads Parquet).

format    value                             key and timestamp
------    -----                             -----------------
lines     the line without its end          the text before --key-separator; none
csv       the row as a JSON object of text  columns; an empty key is no key
          or one column as it is
ndjson    the line as it is, or one field   fields

A chunk is what was there to read, so that a slow pipe is not held back. Whatever is not of the
format raises UserError with the file and the line.
"""

import csv
import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import BinaryIO

from bus.cli.failure import UserError

CHUNK_ROWS = 10_000
CHUNK_BYTES = 1 << 20
LINE_BYTES_MAX = 64 << 20

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a record's parts stand in a row; None is the default of the format."""

    key: str | None = None  # column or field
    value: str | None = None  # column or field; None is the whole row
    timestamp: str | None = None  # column or field
    key_separator: bytes | None = None  # of lines


@dataclass(slots=True)
class Chunk:
    """Records in the order of the file."""

    values: list[bytes | None]
    keys: list[bytes | None] | None
    timestamps: "array[int] | None"  # int64, ms since the epoch
    bytes_read: int  # of the file, so far


class Rows:
    """Collects records until a chunk is full."""

    def __init__(self, layout: Layout) -> None:
        self._keyed = layout.key is not None or layout.key_separator is not None
        self._timed = layout.timestamp is not None
        self.values: list[bytes | None] = []
        self.keys: list[bytes | None] = []
        self.timestamps = array("q")

    def take(self, bytes_read: int) -> Chunk:
        """What was collected; starts anew."""
        keys = self.keys if self._keyed else None
        chunk = Chunk(self.values, keys, self.timestamps if self._timed else None, bytes_read)
        self.values, self.keys, self.timestamps = [], [], array("q")
        return chunk


def lines(file: BinaryIO, name: str, layout: Layout) -> Iterator[Chunk]:
    """One record a line, as soon as it is there."""
    for found, bytes_read in _line_blocks(file, name):
        rows = Rows(layout)
        separator = layout.key_separator
        if separator is None:
            rows.values.extend(found)
        else:
            for line in found:
                key, found_it, value = line.partition(separator)
                rows.keys.append(key if found_it else None)
                rows.values.append(value if found_it else line)
        yield rows.take(bytes_read)


def _line_blocks(file: BinaryIO, name: str) -> Iterator[tuple[list[bytes], int]]:
    """Whole lines without their ends, as many as one read gave, and the bytes read so far."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    rest, bytes_read = b"", 0
    while block := read(CHUNK_BYTES):
        bytes_read += len(block)
        found = (rest + block).split(b"\n")
        rest = found.pop()
        if len(rest) > LINE_BYTES_MAX:
            raise UserError(f"{name} has a line of more than {LINE_BYTES_MAX} bytes.")
        if found:
            yield [line.removesuffix(b"\r") for line in found], bytes_read
    if rest:
        yield [rest.removesuffix(b"\r")], bytes_read


def ndjson(file: BinaryIO, name: str, layout: Layout) -> Iterator[Chunk]:
    """One JSON object a line; empty lines are skipped."""
    number = 0
    for found, bytes_read in _line_blocks(file, name):
        rows = Rows(layout)
        for line in found:
            number += 1
            if line.strip():
                _add_object(rows, line, layout, f"{name}, line {number}")
        yield rows.take(bytes_read)


def _add_object(rows: Rows, line: bytes, layout: Layout, where: str) -> None:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON: {error}.") from None
    if not isinstance(fields, dict):
        raise UserError(f"{where} is not a JSON object.")

    def field(column: str) -> object:
        if column not in fields:
            raise UserError(f"{where} has no field {column!r}.")
        return fields[column]

    rows.values.append(line if layout.value is None else as_bytes(field(layout.value)))
    if layout.key is not None:
        rows.keys.append(as_bytes(field(layout.key)))
    if layout.timestamp is not None:
        rows.timestamps.append(timestamp_ms(field(layout.timestamp), where))


def as_bytes(value: object) -> bytes | None:
    """A JSON value as a record's key or value: text as UTF-8, null as null, the rest as JSON."""
    if value is None or isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else _encode(value)).encode()


def timestamp_ms(value: object, where: str) -> int:
    """Milliseconds since the epoch: a whole number of them, or ISO 8601 (UTC if it has no zone)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if text.removeprefix("-").isdecimal() and len(text) < 19:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"{where}: {text[:40]!r} is no timestamp; it must be milliseconds since 1970 or like "
            "2026-01-31T12:00:00Z."
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds_and_us = aware - _EPOCH
    return (seconds_and_us.days * 86_400 + seconds_and_us.seconds) * 1000 + (
        seconds_and_us.microseconds // 1000
    )


def delimited(file: BinaryIO, name: str, layout: Layout) -> Iterator[Chunk]:
    """The rows of a CSV file whose first line names the columns."""
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, None)
        columns = _columns(header, name, layout)
        yield from _delimited_rows(reader, columns, file, name, layout)
    except UnicodeDecodeError:
        raise UserError(f"{name} is not CSV: it is not UTF-8 text.") from None
    except csv.Error as error:
        raise UserError(f"{name} is not CSV: line {reader.line_num}: {error}.") from None
    finally:
        text.detach()


def _columns(header: list[str] | None, name: str, layout: Layout) -> list[str]:
    if not header:
        raise UserError(f"{name} is not CSV: it has no header line that names the columns.")
    if any("\0" in column for column in header):
        raise UserError(f"{name} is not CSV: its first line holds binary data.")
    if len(set(header)) != len(header):
        raise UserError(f"{name} has two columns of the same name.")
    for wanted in (layout.key, layout.value, layout.timestamp):
        if wanted is not None and wanted not in header:
            listed = ", ".join(header[:20])[:200]
            raise UserError(f"{name} has no column {wanted!r}; it has {listed}.")
    return header


def _delimited_rows(
    reader: Iterator[list[str]], columns: list[str], file: BinaryIO, name: str, layout: Layout
) -> Iterator[Chunk]:
    index = {column: place for place, column in enumerate(columns)}
    width = len(columns)
    rows = Rows(layout)
    for number, row in enumerate(reader, 1):
        if len(row) != width:
            if not row:
                continue
            raise UserError(
                f"{name} is not CSV: row {number} has {len(row)} columns, the header {width}."
            )
        if layout.value is None:
            rows.values.append(_encode(dict(zip(columns, row, strict=True))).encode())
        else:
            rows.values.append(row[index[layout.value]].encode())
        if layout.key is not None:
            rows.keys.append(row[index[layout.key]].encode() or None)
        if layout.timestamp is not None:
            where = f"{name}, row {number}"
            rows.timestamps.append(timestamp_ms(row[index[layout.timestamp]], where))
        if len(rows.values) >= CHUNK_ROWS:
            yield rows.take(_position(file))
    if rows.values:
        yield rows.take(_position(file))


def _position(file: BinaryIO) -> int:
    return file.tell() if file.seekable() else 0
