"""`busd cluster start`: a cluster of this machine for trying things out, with a live table."""

import signal
import sys
import time
from contextlib import ExitStack
from typing import Any

from bus.cli.cluster_view import (
    BROKERS_HEAD,
    PARTITIONS_HEAD,
    View,
    broker_rows,
    look,
    partition_rows,
    summary,
)
from bus.cli.failure import INTERRUPTED, OK
from bus.cli.local_cluster import LocalBroker, LocalCluster
from bus.cli.options import Namespace
from bus.cli.supervision import Keeper
from bus.cli.table import as_table, print_table
from bus.client.admin import Admin
from bus.errors import BusError

LOOK_SECONDS = 1.0
RESTART_SECONDS = 5.0  # after a broker has ended: long enough to see what the others do
PARTITIONS_MAX = 16  # that the live table shows
ASK_MS = 2000


def start(args: Namespace) -> int:
    """Run it until a signal comes."""
    print(f"starting {args.nodes} brokers in {args.dir} ...", flush=True)
    stopped: list[int] = []
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.signal(number, lambda number, _: stopped.append(number))
            stack.callback(signal.signal, number, before)
        cluster = stack.enter_context(
            LocalCluster(args.dir, args.nodes, known_ports=not args.any_ports)
        )
        print(_how_to_reach(cluster), flush=True)
        admin = stack.enter_context(Admin(cluster.urls, timeout_ms=ASK_MS))
        shown = stack.enter_context(_Screen())
        keeper = Keeper(cluster.start, RESTART_SECONDS, RESTART_SECONDS)
        while not stopped:
            running = {number: broker.is_running for number, broker in cluster.brokers.items()}
            keeper.look(running, time.monotonic())
            shown.update(cluster, _look(admin))
            _pause(stopped)
        print("stopping ...", flush=True)
    return INTERRUPTED if stopped[0] == signal.SIGINT else OK


def _pause(stopped: list[int]) -> None:
    until = time.monotonic() + LOOK_SECONDS
    while not stopped and time.monotonic() < until:
        time.sleep(LOOK_SECONDS / 20)


def _look(admin: Admin) -> View | None:
    """None while nobody answers."""
    try:
        return look(admin)
    except BusError:
        return None


def _how_to_reach(cluster: LocalCluster) -> str:
    pids = ", ".join(
        f"{number} is process {broker.process.pid}"
        for number, broker in cluster.brokers.items()
        if broker.process is not None
    )
    return (
        f"for busd's clients    {','.join(cluster.urls)}\n"
        f"for Kafka's clients   {cluster.kafka}\n"
        f"brokers               {pids}; kill one and see\n"
    )


class _Screen:
    """The table: drawn anew in its place on a terminal, printed when it changes elsewhere."""

    def __init__(self) -> None:
        self._live: Any = None
        self._last = ""

    def __enter__(self) -> "_Screen":
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, cluster: LocalCluster, view: View | None) -> None:
        """Show how it is now."""
        ended = [each for each in cluster.brokers.values() if not each.is_running]
        head = _headline(ended, view)
        if self._live is not None:
            self._live.update(_drawn(head, view), refresh=True)
        elif head != self._last:
            self._last = head
            print(head)
            if view is not None:
                print_table("", BROKERS_HEAD, broker_rows(view))
            sys.stdout.flush()


def _headline(ended: list[LocalBroker], view: View | None) -> str:
    told = summary(view) if view is not None else "no broker answers"
    gone = ", ".join(f"broker {each.number}" for each in ended)
    return f"{told}; {gone} ended and is started again soon" if gone else told


def _drawn(head: str, view: View | None) -> Any:
    from rich.console import Group

    if view is None:
        return head
    partitions = partition_rows(view.partitions[:PARTITIONS_MAX])
    more = len(view.partitions) - PARTITIONS_MAX
    return Group(
        head,
        as_table("", BROKERS_HEAD, broker_rows(view)),
        as_table("", PARTITIONS_HEAD, partitions),
        *([f"and {more:,} more partitions"] if more > 0 else []),
    )
