"""`busd demo`: 336,776 real flights through a durable log, checked row by row."""

import gc
import os
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from bus.cli import demo_work
from bus.cli.connect import Connection
from bus.cli.daemon import Daemon
from bus.cli.demo_work import PARTITIONS, TOPIC, Reading, Tail
from bus.cli.failure import OK, Failure
from bus.cli.flight_check import Expected, delays_by_carrier, rows_between
from bus.cli.flights import ROW_COUNT, ZONE, DepartureTimes, Flights, airlines, load
from bus.cli.options import Namespace, Parser
from bus.cli.progress import Bars, bars
from bus.cli.table import print_table
from bus.errors import UnknownTopicOrPartition

DEFAULT_DIRECTORY = "busd-demo"
CLUSTER_DIRECTORY = "busd-demo-cluster"
WEEK = (2013, 7, 1), (2013, 7, 8)  # local dates, half-open

DURABILITY = {
    "flushed": "on the disk before it was acknowledged: it survives a power failure",
    "written": "in the page cache when it was acknowledged: it survives a crash of the broker",
    "unknown": "the broker did not say, because this filesystem is not known to keep a promise",
}

EXAMPLES = """  busd demo
  busd demo --server                 the broker runs as a process of its own
  busd demo --flush os               the page cache instead of the disk
  busd demo --data /var/tmp/flights
  busd demo --cluster                three brokers, and their leader is killed on the way

It needs the extra `demo`: pip install 'busd[demo]'.
"""


def parser() -> Parser:
    """Where, and how durable."""
    made = Parser("busd demo", f"Send {ROW_COUNT:,} flights through a durable log.", EXAMPLES)
    made.add_argument(
        "--server", action="store_true", help="run the broker as a separate `busd serve`"
    )
    made.add_argument(
        "--cluster", action="store_true", help="run three brokers, and kill the one that leads"
    )
    made.add_argument(
        "--data", metavar="DIR", help=f"where the log goes (default: ./{DEFAULT_DIRECTORY})"
    )
    made.add_argument("--flush", choices=("group", "os"), default="group")
    return made


@dataclass(slots=True)
class Outcome:
    """What happened, to be told."""

    flights: Flights
    sent_seconds: float
    durability: str  # the weakest of all batches
    tailed: Reading
    columns: Reading
    replayed: Reading
    week: range  # rows that the replay should have given


def run(args: Namespace) -> int:
    """Send, read, check and tell."""
    began = time.perf_counter()
    directory = os.path.abspath(args.data or DEFAULT_DIRECTORY)
    print(f"{ROW_COUNT:,} flights that left New York City in 2013, through a durable log\n")
    sys.stdout.flush()
    with bars() as shown:
        flights = _read(shown)
    if args.cluster:
        from bus.cli.demo_cluster import run as run_cluster

        return run_cluster(args, flights, os.path.abspath(args.data or CLUSTER_DIRECTORY))
    with ExitStack() as stack:
        shown = stack.enter_context(bars())
        connection = _start(stack, args, directory)
        _new_topic(connection, args)
        outcome = _work(connection, flights, shown)
    expected = Expected(flights.values, flights.keys, flights.timestamps)
    _check(expected, outcome)
    _tell(outcome, args, directory, time.perf_counter() - began)
    return OK


def _read(shown: Bars) -> Flights:
    gc.disable()  # a million small objects that all stay
    flights = load(shown.add("read and encode", ROW_COUNT, "rows").advance)
    gc.freeze()
    gc.enable()
    return flights


def _start(stack: ExitStack, args: Namespace, directory: str) -> Connection:
    if not args.server:
        return stack.enter_context(Connection(data=directory))
    daemon = stack.enter_context(Daemon(directory))
    return stack.enter_context(Connection(daemon.endpoint))


def _new_topic(connection: Connection, args: Namespace) -> None:
    """In our own directory the topic of an earlier run goes; elsewhere it is left alone."""
    admin = connection.admin()
    if args.data is None:
        with suppress(UnknownTopicOrPartition):
            admin.delete_topic(TOPIC)
    admin.create_topic(TOPIC, partitions=PARTITIONS, config={"flush": args.flush})


def _work(connection: Connection, flights: Flights, shown: Bars) -> Outcome:
    total = len(flights.values)
    tail_bar = shown.add("tail live", total, "records")
    tail = Tail(connection.consumer(start="earliest"), total, tail_bar.advance)
    try:
        send_bar = shown.add("produce", total, "records")
        seconds, durability = demo_work.send(connection.producer(), flights, send_bar.advance)
        tailed = tail.result()
    finally:
        tail.stop()
    bar = shown.add("read in columns", total, "records")
    columns = demo_work.read_columns(connection.consumer(start="earliest"), total, bar.advance)
    times = DepartureTimes()
    start_ms, stop_ms = (times.local_ms(*date) for date in WEEK)
    replayed = demo_work.replay(connection.consumer, start_ms, stop_ms)
    shown.add("replay a week", len(replayed.rows), "records").advance(len(replayed.rows))
    week = rows_between(flights.timestamps, start_ms, stop_ms)
    return Outcome(flights, seconds, durability, tailed, columns, replayed, week)


def _check(expected: Expected, outcome: Outcome) -> None:
    """Raises Failure, saying what was lost."""
    verdicts = {
        "The consumer that tailed": expected.compare(outcome.tailed.rows),
        "The consumer that read in columns": expected.compare(outcome.columns.rows),
        "The replay by timestamp": expected.compare(outcome.replayed.rows, outcome.week),
    }
    wrong = [f"{who} saw {v.sentence()}." for who, v in verdicts.items() if not v.good]
    if wrong:
        raise Failure("The check failed. " + " ".join(wrong))


def _tell(outcome: Outcome, args: Namespace, directory: str, seconds: float) -> None:
    _print_delays(outcome)
    flights, size = outcome.flights, sum(map(len, outcome.flights.values))
    tailed, columns = outcome.tailed, outcome.columns
    print_table(
        "",
        ["what", "records", "seconds", "records/s", "MB/s"],
        [
            _rate("produced, all acknowledged", len(flights.values), outcome.sent_seconds, size),
            _rate("tailed while it was written", len(tailed.rows), tailed.seconds, size),
            _rate("read back in columns", len(columns.rows), columns.seconds, size),
        ],
    )
    print(
        f"""
Checked   every row came back exactly once, unchanged and in order per aircraft, to both readers
Replayed  {len(outcome.replayed.rows):,} flights of the week from {_date(WEEK[0])}, by timestamp
          (scheduled departure: {ZONE} local time as UTC milliseconds)
Durable   {DURABILITY[outcome.durability]} (flush={args.flush}, acks=all)
Files     {directory} ({_size_of(directory) / 1e6:,.0f} MB)
          busd segment dump {os.path.relpath(directory)} --max 5
Done in {seconds:.1f} s"""
    )


def _print_delays(outcome: Outcome) -> None:
    names = airlines()
    delays = delays_by_carrier(value for _, value, _ in outcome.columns.rows)
    print_table(
        "Mean departure delay by carrier, from the records read in columns",
        ["carrier", "flights", "never left", "mean delay, minutes"],
        [
            [names.get(d.carrier, d.carrier), d.flights, d.cancelled, d.mean_delay_minutes]
            for d in delays
        ],
    )
    print()


def _rate(what: str, count: int, seconds: float, size: int) -> list[object]:
    return [what, count, seconds, int(count / seconds), size / seconds / 1e6]


def _date(date: tuple[int, int, int]) -> str:
    return datetime(*date, tzinfo=UTC).strftime("%-d %B %Y")


def _size_of(directory: str) -> int:
    return sum(
        os.stat(os.path.join(folder, name)).st_blocks * 512
        for folder, _, names in os.walk(directory)
        for name in names
    )
