"""`busd consume`: records as values, keys or JSON on standard output."""

import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

from bus.cli.connect import Connection, add_options, connect
from bus.cli.failure import OK, UserError
from bus.cli.json_lines import as_json
from bus.cli.options import Namespace, Parser, positive
from bus.cli.rows import timestamp_ms

POLL_ROWS = 10_000
POLL_S = 0.5  # how long a poll waits, so that Ctrl-C is heard
FORMATS = ("value", "key", "key-value", "json")

EXAMPLES = """  busd consume greetings
  busd consume flights --end --format json
  busd consume flights --from 2013-07-01T00:00:00-04:00 --max 10
  busd consume flights --partition 2 --from 1000 --max 5 --data ./log
  busd consume flights --group billing
  busd consume flights --server kafka://127.0.0.1:9092

It waits for further records, unless --end or --max says otherwise, or --data is given.
"""


def parser() -> Parser:
    """Which records, and how to print them."""
    made = Parser("busd consume", "Print records.", EXAMPLES)
    made.add_argument("topic")
    made.add_argument(
        "--from",
        dest="start",
        default="earliest",
        metavar="WHERE",
        help="earliest (default), latest, an offset, or a time as 2026-01-31T12:00:00Z",
    )
    made.add_argument(
        "--partition", type=int, action="append", metavar="N", help="repeatable; default: all"
    )
    made.add_argument(
        "--group",
        metavar="NAME",
        help="share the topic with the group's other members, and go on where it left off",
    )
    made.add_argument("--max", type=positive, metavar="COUNT", help="stop after so many records")
    made.add_argument("--end", action="store_true", help="stop at what is the end now")
    made.add_argument("--format", choices=FORMATS, default="value")
    made.add_argument(
        "--key-separator", default="\t", metavar="TEXT", help="of key-value (default: a tab)"
    )
    add_options(made)
    return made


def run(args: Namespace) -> int:
    """Print until the end that was asked for."""
    with connect(args) as connection:
        if args.group is not None:
            _share(connection, args)
            return OK
        bounds = _bounds(connection, args)
        consumer = connection.consumer()
        consumer.assign([(args.topic, partition) for partition in bounds])
        _seek(consumer, args.topic, bounds, args.start)
        ends = {p: end for p, (_, end) in bounds.items()} if _stops(args, connection) else None
        _print_all(consumer, args, ends)
    return OK


def _share(connection: Connection, args: Namespace) -> None:
    """Print what a group gives us. What is printed is committed; what Ctrl-C cuts off is not."""
    if args.partition or args.end:
        raise UserError("A group shares partitions out by itself: leave out --partition and --end.")
    if args.start not in ("earliest", "latest"):
        raise UserError(
            "In a group --from says only where a partition begins of which nothing is committed: "
            "earliest or latest. To move a group use `busd group reset-offsets`."
        )
    consumer = connection.consumer(group=args.group, start=args.start)
    consumer.subscribe(args.topic)
    try:
        _print_all(consumer, args, None)
    except BaseException:
        consumer.finished = False
        raise


def _stops(args: Namespace, connection: Connection) -> bool:
    return args.end or connection.embedded


def _bounds(connection: Connection, args: Namespace) -> dict[int, tuple[int, int]]:
    """Partition to (start, end) as of now, of those that were asked for."""
    admin = connection.admin()
    starts, ends = admin.offsets(args.topic, "earliest"), admin.offsets(args.topic, "latest")
    found = {partition: (start, ends[partition]) for partition, start in sorted(starts.items())}
    for partition in args.partition or ():
        if partition not in found:
            raise UserError(
                f"The topic {args.topic} has {len(found)} partitions; "
                f"there is no partition {partition}."
            )
    return {p: found[p] for p in args.partition} if args.partition else found


def _seek(consumer: Any, topic: str, bounds: dict[int, tuple[int, int]], start: str) -> None:
    for partition, (first, end) in bounds.items():
        if start == "earliest":
            consumer.seek(topic, partition, first)
        elif start == "latest":
            consumer.seek(topic, partition, end)
        elif start.isdecimal():
            if not first <= int(start) <= end:
                raise UserError(
                    f"Partition {partition} of {topic} has the offsets {first} to {end}; "
                    f"--from {start} is outside."
                )
            consumer.seek(topic, partition, int(start))
        else:
            consumer.seek(topic, partition, timestamp=timestamp_ms(start, "--from"))


def _print_all(consumer: Any, args: Namespace, ends: dict[int, int] | None) -> None:
    left: int = args.max or sys.maxsize
    out = sys.stdout.buffer
    while left > 0 and not _is_over(consumer, args.topic, ends):
        batch = consumer.poll_batch(max_records=min(left, POLL_ROWS), timeout=POLL_S)
        count = len(batch)
        if ends is not None and count and batch.offsets[-1] >= ends[batch.partition]:
            count = int(batch.offsets.searchsorted(ends[batch.partition]))
            consumer.pause((args.topic, batch.partition))
        if count:
            write(out, batch, count, args)
            out.flush()
            left -= count


def _is_over(consumer: Any, topic: str, ends: dict[int, int] | None) -> bool:
    """Whether every partition was read up to its end."""
    if ends is None:
        return False
    return all(consumer.position(topic, partition) >= end for partition, end in ends.items())


def write(out: BinaryIO, batch: Any, count: int, args: Namespace) -> None:
    """The first `count` records of a batch, one a line; null is an empty line."""
    keys: Sequence[bytes | None] = batch.keys[:count]
    values: Sequence[bytes | None] = batch.values[:count]
    if args.format == "json":
        rows = zip(batch.offsets, batch.timestamps, keys, values, strict=False)
        out.writelines(
            as_json(batch.topic, batch.partition, int(offset), int(timestamp), key, value)
            for offset, timestamp, key, value in rows
        )
    elif args.format == "key-value":
        separator = args.key_separator.encode()
        pairs = zip(keys, values, strict=True)
        out.writelines(b"%b%b%b\n" % (k or b"", separator, v or b"") for k, v in pairs)
    else:
        column = keys if args.format == "key" else values
        out.write(b"\n".join([cell or b"" for cell in column]) + b"\n")
