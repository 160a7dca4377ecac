"""`busd produce`: lines, or the rows of a file, into a topic."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader, FileIO
from typing import Any, BinaryIO

from bus.cli.connect import add_options, connect
from bus.cli.failure import OK, UserError
from bus.cli.options import Namespace, Parser
from bus.cli.progress import Bars, bars
from bus.cli.rows import Chunk, Layout, delimited, lines, ndjson

STDIN = "-"
FORMATS = ("lines", "csv", "ndjson", "parquet")
_BY_ENDING = {
    ".csv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
_READERS: dict[str, Callable[[BinaryIO, str, Layout], Iterator[Chunk]]] = {
    "lines": lines,
    "csv": delimited,
    "ndjson": ndjson,
}

EXAMPLES = """  echo hello | busd produce greetings
  tail -f access.log | busd produce access
  busd produce flights flights.csv --key-column tailnum
  busd produce events events.ndjson --key-column user --timestamp-column at
  busd produce frames frames.parquet --value-column image --data ./log

A row of CSV or Parquet becomes a JSON object, unless --value-column names one column.
"""


def parser() -> Parser:
    """What to send, from where, and how."""
    made = Parser("busd produce", "Send lines, or the rows of a file.", EXAMPLES)
    made.add_argument("topic", help="the topic; a new one is made if the broker allows it")
    made.add_argument(
        "file", nargs="?", default=STDIN, metavar="FILE", help="default: standard input"
    )
    made.add_argument("--format", choices=FORMATS, help="default: by the file's ending, else lines")
    made.add_argument("--key-column", metavar="NAME", help="column or field that is the key")
    made.add_argument(
        "--value-column", "--value", metavar="NAME", help="column or field that is the value"
    )
    made.add_argument(
        "--timestamp-column", metavar="NAME", help="column or field: ms since 1970, or ISO 8601"
    )
    made.add_argument("--key-separator", metavar="TEXT", help="of lines: KEY, this, VALUE")
    made.add_argument("--partition", type=int, metavar="N", help="send everything there")
    made.add_argument("--acks", choices=("all", "1", "0"), default="all")
    made.add_argument(
        "--compression", choices=("none", "gzip", "snappy", "lz4", "zstd"), default="none"
    )
    add_options(made)
    return made


def run(args: Namespace) -> int:
    """Read, send, and wait until everything is acknowledged."""
    with ExitStack() as stack:
        source = open_source(args, stack)
        connection = stack.enter_context(connect(args, create=True))
        producer = connection.producer(acks=args.acks, compression=args.compression)
        shown = stack.enter_context(bars())
        count = _send(producer, source, args, shown)
    if not sys.stderr.isatty():
        print(f"{count:,} records are acknowledged in {args.topic}", file=sys.stderr)
    return OK


@dataclass(slots=True)
class Source:
    """Chunks to send, and how much there is of them."""

    chunks: Iterator[Chunk]
    total: int | None  # of what `Chunk.bytes_read` counts
    unit: str


def open_source(args: Namespace, stack: ExitStack) -> Source:
    """Open the file that the options name. UserError or OSError."""
    form = args.format or _BY_ENDING.get(os.path.splitext(args.file)[1].lower(), "lines")
    layout = _layout(args, form)
    if form == "parquet":
        from bus.cli.parquet import open_parquet, parquet

        if args.file == STDIN:
            raise UserError("Parquet is read from a file, not from standard input.")
        table = stack.enter_context(open_parquet(args.file))
        return Source(parquet(table, args.file, layout), table.metadata.num_rows, "rows")
    if args.file == STDIN:
        return Source(_READERS[form](sys.stdin.buffer, "standard input", layout), None, "bytes")
    file = stack.enter_context(BufferedReader(FileIO(args.file)))
    size = os.fstat(file.fileno()).st_size
    return Source(_READERS[form](file, args.file, layout), size or None, "bytes")


def _layout(args: Namespace, form: str) -> Layout:
    columns = (args.key_column, args.value_column, args.timestamp_column)
    if form == "lines" and any(columns):
        raise UserError("Lines have no columns; name the format: --format csv.")
    if form != "lines" and args.key_separator is not None:
        raise UserError("--key-separator is for lines; use --key-column.")
    if args.key_separator == "":
        raise UserError("--key-separator is empty.")
    separator = args.key_separator.encode() if args.key_separator else None
    return Layout(args.key_column, args.value_column, args.timestamp_column, separator)


def _send(producer: Any, source: Source, args: Namespace, shown: Bars) -> int:
    name = "standard input" if args.file == STDIN else args.file
    bar = shown.add(f"{name} to {args.topic}", source.total, source.unit)
    count = bytes_read = 0
    try:
        for chunk in source.chunks:
            if chunk.values:
                producer.send_batch(
                    args.topic,
                    chunk.values,
                    keys=chunk.keys,
                    timestamps=chunk.timestamps,
                    partition=args.partition,
                )
            count += len(chunk.values)
            bar.advance(chunk.bytes_read - bytes_read)
            bytes_read = chunk.bytes_read
    except UserError as error:
        producer.flush()
        before = f" {count:,} records before that were sent." if count else ""
        raise UserError(f"{error}{before}") from None
    producer.flush()
    return count
