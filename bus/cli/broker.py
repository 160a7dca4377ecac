"""`busd broker`: the brokers of a cluster; take the load off one, and forget one that is gone."""

import sys
import time
from collections.abc import Callable
from typing import Any

from bus.cli.cluster_view import BROKERS_HEAD, View, broker_rows, look
from bus.cli.connect import add_options, connect
from bus.cli.failure import OK, UserError
from bus.cli.options import Group, Namespace, Parser, number
from bus.cli.progress import Bar, bars
from bus.cli.table import print_table

LOOK_SECONDS = 0.5

LIST_EXAMPLES = """  busd broker list
  busd broker list --server kafka://broker-1:9092
"""
DRAIN_EXAMPLES = """  busd broker drain 3
  busd broker drain 3 --no-wait
  busd broker drain 3 --cancel

The others take over all that the broker holds, some partitions at a time, and it is given nothing
new. It goes on by itself after Ctrl-C; the same command watches it again.
"""
REMOVE_EXAMPLES = """  busd broker drain 3
  busd broker remove 3

For a broker that is stopped and holds nothing: the cluster waits for it no longer. If it is started
again, it joins as a new one.
"""


def parser() -> Parser:
    """Three commands."""
    made = Parser("busd broker", "List, drain and remove brokers.")
    group = Group(made)
    listing = group.add("list", "show the brokers and what they hold", _list, LIST_EXAMPLES)
    drain = group.add("drain", "have a broker hold nothing any more", _drain, DRAIN_EXAMPLES)
    drain.add_argument("broker", type=number)
    drain.add_argument("--no-wait", action="store_true", help="begin it, and return")
    drain.add_argument("--cancel", action="store_true", help="let it hold partitions again")
    remove = group.add("remove", "forget a broker", _remove, REMOVE_EXAMPLES)
    remove.add_argument("broker", type=number)
    for inner in (listing, drain, remove):
        add_options(inner)
    return made


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code


def _list(args: Namespace) -> int:
    with connect(args) as connection:
        view = look(connection.admin())
    print_table("", BROKERS_HEAD, broker_rows(view))
    return OK


def _drain(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        if args.cancel:
            admin.drain_broker(args.broker, draining=False)
            print(f"Broker {args.broker} may hold partitions again; what has moved stays moved.")
            return OK
        check_room(look(admin), args.broker)
        admin.drain_broker(args.broker)
        if not args.no_wait:
            _watch(admin, args.broker)
    return OK


def _watch(admin: Any, broker: int) -> None:
    try:
        with bars() as shown:
            total = held_by(look(admin), broker)
            bar = shown.add("moved", total, "partitions")
            wait_until_drained(admin, broker, bar, total, time.sleep)
    except KeyboardInterrupt:
        print(
            f"\nIt goes on by itself. `busd broker drain {broker}` watches it again, "
            "with --cancel it is taken back.",
            file=sys.stderr,
        )
        raise
    print(f"Broker {broker} holds nothing any more.")


def wait_until_drained(
    admin: Any, broker: int, bar: Bar, total: int, rest: Callable[[float], None]
) -> None:
    """Until nothing is left on it of `total`, or what came in between."""
    fewest = total
    while True:
        left = held_by(look(admin), broker)
        bar.advance(max(0, fewest - left))
        fewest = min(fewest, left)
        if left == 0:
            return
        rest(LOOK_SECONDS)


def held_by(view: View, broker: int) -> int:
    """How many partitions."""
    return sum(broker in each.replicas for _, each in view.partitions)


def check_room(view: View, broker: int) -> None:
    """UserError if the others cannot hold what it holds: it would never end."""
    others = sum(each.node != broker and not each.is_draining for each in view.cluster.brokers)
    for topic, each in view.partitions:
        if broker in each.replicas and len(each.replicas) > others:
            raise UserError(
                f"{topic}-{each.partition} has {len(each.replicas)} replicas, and without broker "
                f"{broker} there are {others} that may hold them: add one, or lower the number "
                "by `busd partition reassign --replication-factor`."
            )


def _remove(args: Namespace) -> int:
    with connect(args) as connection:
        connection.admin().remove_broker(args.broker)
    print(f"Broker {args.broker} is forgotten.")
    return OK
