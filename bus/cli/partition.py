"""`busd partition`: which brokers hold partitions, and which of them leads."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from bus.cli.connect import add_options, connect
from bus.cli.failure import OK, Failure, UserError
from bus.cli.moving import Moving, carry_out, refusals
from bus.cli.options import Group, Namespace, Parser, numbers, positive, topics_and_partitions
from bus.cli.plan import Held, Wish, count_of, from_json, name_of, planned, settled, to_json
from bus.cli.progress import bars
from bus.cli.table import print_table
from bus.cli.unclean import elect_unclean, print_states
from bus.client.admin_calls import TopicDescription
from bus.client.admin_replicas import Reassignment
from bus.errors import BusError
from bus.model.ids import TopicPartition

SHOWN_MAX = 100  # partitions of a plan; --save has all
RATE = "follower.replication.throttled.rate"
TOPIC_HELP = "a topic, or partitions of it; repeatable; default: all"
Moves = dict[TopicPartition, Reassignment]

REASSIGN_EXAMPLES = """  busd partition reassign --topic flights --replication-factor 3
  busd partition reassign --topic flights:0,1 --broker 2,3,4 --execute
  busd partition reassign --plan moves.json --execute --at-a-time 2
  busd partition reassign
  busd partition reassign --topic flights --cancel --execute

It shows what would change; with --execute it changes it, and waits. Without a wish it shows what is
under way. After Ctrl-C what has begun goes on by itself; the same command takes up the rest.

Brokers copy at most `follower.replication.throttled.rate` bytes a second each, and at most
`reassignment.partitions.max` partitions move at a time; --at-a-time makes that fewer.
"""
ELECT_EXAMPLES = """  busd partition elect
  busd partition elect --topic flights --topic clicks:0,3
  busd partition elect --topic flights:0 --unclean --lost 1,2

Each partition is led by the first of its replicas again, if that is in sync.

With --unclean, a partition that nobody leads is led by a broker that may lack records that were
acknowledged. It shows what would be lost; with --accept-data-loss it does it, which is noted for
good: see `busd partition describe`. While a broker that has all may come back it is refused; name
by --lost those that never will.
"""
DESCRIBE_EXAMPLES = """  busd partition describe --topic flights
  busd partition describe --topic flights:0

It shows how far the log of each replica goes, as its broker tells it, and each time that a leader
was elected that may lack records.
"""


def parser() -> Parser:
    """Two commands."""
    made = Parser("busd partition", "Choose which brokers hold partitions, and which leads.")
    group = Group(made)
    reassign = group.add(
        "reassign", "have other brokers hold partitions", _reassign, REASSIGN_EXAMPLES
    )
    reassign.add_argument("--topic", action="append", metavar="TOPIC[:N,...]", help=TOPIC_HELP)
    reassign.add_argument("--replication-factor", type=positive, metavar="N")
    reassign.add_argument(
        "--broker", type=numbers, metavar="1,2,3", help="these, and no others, hold them"
    )
    reassign.add_argument("--plan", metavar="FILE", help="a plan in the JSON of Kafka's tool")
    reassign.add_argument("--save", metavar="FILE", help="write the plan to a file")
    reassign.add_argument(
        "--at-a-time", type=positive, metavar="N", help="partitions that move at once"
    )
    reassign.add_argument("--cancel", action="store_true", help="take back what is under way")
    reassign.add_argument("--execute", action="store_true", help="do it, and not only show it")
    elect = group.add("elect", "have the first replicas lead again", _elect, ELECT_EXAMPLES)
    elect.add_argument("--topic", action="append", metavar="TOPIC[:N,...]", help=TOPIC_HELP)
    elect.add_argument(
        "--unclean",
        action="store_true",
        help="where nobody leads, let one lead that may lack records",
    )
    elect.add_argument("--to", type=int, metavar="BROKER", help="that one; default: who has most")
    elect.add_argument(
        "--lost", type=numbers, metavar="1,2", help="brokers that will never come back"
    )
    elect.add_argument(
        "--accept-data-loss", action="store_true", help="do it, and not only show what is lost"
    )
    describe = group.add(
        "describe", "show replicas' logs, and what was lost", _describe, DESCRIBE_EXAMPLES
    )
    describe.add_argument(
        "--topic", action="append", required=True, metavar="TOPIC[:N,...]", help=TOPIC_HELP
    )
    for inner in (reassign, elect, describe):
        add_options(inner)
    return made


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code


def _reassign(args: Namespace) -> int:
    has_wish = args.replication_factor is not None or args.broker is not None
    if has_wish + (args.plan is not None) + args.cancel > 1:
        raise UserError(
            "Give one of --plan, --cancel, or a wish (--replication-factor and --broker)."
        )
    with connect(args) as connection:
        admin = connection.admin()
        topics = admin.describe_topics()
        moving = admin.list_reassignments()
        if args.cancel:
            return _cancel(args, admin, topics, moving)
        if args.plan is None and not has_wish:
            _print_moving(moving)
            return OK
        return _plan(args, admin, topics, moving)


def _plan(args: Namespace, admin: Any, topics: Sequence[TopicDescription], moving: Moves) -> int:
    held = settled(topics, moving)
    chosen = _chosen(args.topic, held)
    if args.plan is not None:
        asked = from_json(args.plan)
        _check_known(asked, held)
        plan = {p: to for p, to in asked.items() if p in chosen and held[p] != to}
        chosen = {p: each for p, each in chosen.items() if p in asked}
    else:
        wish = Wish(args.replication_factor, args.broker)
        plan = planned(wish, chosen, held, admin.describe_cluster().brokers)
    under_way = {p: held[p] for p in chosen if p in moving and p not in plan}
    _print_plan(held, plan, under_way)
    if args.save is not None:
        with open(args.save, "w", encoding="ascii") as file:
            file.write(to_json(plan | under_way))
    if not args.execute:
        if plan:
            _print_rate(admin, plan, held)
            print("\nNothing was changed; --execute does it.")
        return OK
    _execute(admin, plan | under_way, args.at_a_time)
    return OK


def _execute(admin: Any, plan: Held, at_a_time: int | None) -> None:
    if not plan:
        return
    try:
        with bars() as shown:
            bar = shown.add("moved", len(plan), "partitions")
            carry_out(Moving(admin, plan, at_a_time), bar, time.sleep)
    except KeyboardInterrupt:
        print(
            "\nWhat has begun goes on by itself. The same command takes up the rest; "
            "with --cancel in place of the wish it is taken back.",
            file=sys.stderr,
        )
        raise


def _cancel(args: Namespace, admin: Any, topics: Sequence[TopicDescription], moving: Moves) -> int:
    chosen = _chosen(args.topic, settled(topics, moving))
    found = {partition: move for partition, move in moving.items() if partition in chosen}
    _print_moving(found)
    if not found:
        return OK
    if not args.execute:
        print("\nNothing was changed; --execute takes these back.")
        return OK
    refused = admin.cancel_reassignments(found)
    if refused:
        raise Failure(refusals(refused))
    print(f"\n{len(found):,} taken back.")
    return OK


def _elect(args: Namespace) -> int:
    if args.unclean and args.topic is None:
        raise UserError("Name by --topic what may lose records.")
    if not args.unclean and (args.lost or args.accept_data_loss or args.to is not None):
        raise UserError("--to, --lost and --accept-data-loss are for --unclean.")
    with connect(args) as connection:
        admin = connection.admin()
        chosen: list[TopicPartition] | None = None
        if args.topic is not None:
            chosen = list(_chosen(args.topic, settled(admin.describe_topics(), {})))
        if args.unclean:
            return elect_unclean(admin, chosen or [], args)
        refused = admin.elect_leaders(chosen)
    if refused:
        raise Failure(refusals(refused))
    return OK


def _describe(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        chosen = list(_chosen(args.topic, settled(admin.describe_topics(), {})))
        print_states(admin.describe_replicas(chosen))
    return OK


def _chosen(given: list[str] | None, held: Held) -> Held:
    """Of all partitions those that --topic names. UserError if there is no such."""
    topics, partitions = topics_and_partitions(given)
    if topics is None or partitions is None:
        return dict(held)
    known = {partition.topic for partition in held}
    for name in (*topics, *(topic for topic, _ in partitions)):
        if name not in known:
            raise UserError(f"There is no topic {name!r}.")
    named = {TopicPartition(*each) for each in partitions}
    _check_known(dict.fromkeys(named, ()), held)
    return {p: each for p, each in held.items() if p.topic in topics or p in named}


def _check_known(asked: Held, held: Held) -> None:
    for partition in asked:
        if partition not in held:
            raise UserError(f"There is no partition {name_of(partition)}.")


def _print_plan(held: Held, plan: Held, under_way: Held) -> None:
    if not plan and not under_way:
        print("All is as it should be: nothing moves.")
        return
    rows: list[list[object]] = [
        [name_of(p), _spelt(held[p]), _spelt(to), _what(held[p], to)] for p, to in plan.items()
    ]
    rows += [[name_of(p), "", _spelt(to), "is under way"] for p, to in under_way.items()]
    print_table("", ["partition", "now on", "to be on", ""], rows[:SHOWN_MAX])
    if len(rows) > SHOWN_MAX:
        print(f"and {len(rows) - SHOWN_MAX:,} more; --save FILE writes all")
    copies = sum(len(set(to) - set(held[p])) for p, to in plan.items())
    print(f"\n{count_of(len(plan), 'partition')} to change, {count_of(copies, 'replica')} to copy")


def _what(before: Sequence[int], after: Sequence[int]) -> str:
    added, gone = len(set(after) - set(before)), len(set(before) - set(after))
    told = [f"{added} added" if added else "", f"{gone} removed" if gone else ""]
    if before[0] != after[0]:
        told.append(f"{after[0]} leads")
    return ", ".join(filter(None, told)) or "another order"


def _print_rate(admin: Any, plan: Held, held: Held) -> None:
    """How fast those copy that are given something, as far as they say it."""
    takers = sorted({b for p, to in plan.items() for b in to if b not in held[p]})
    rates = set()
    for broker in takers:
        try:
            value = admin.describe_broker_config(broker)[RATE].value
        except (BusError, KeyError):
            continue
        rates.add(int(value or 0))
    if rates:
        slowest = min(rates) / 1e6
        print(f"each broker copies at most {slowest:,.0f} MB/s ({RATE})")


def _print_moving(moving: Moves) -> None:
    if not moving:
        print("Nothing is under way.")
        return
    rows = [
        [name_of(p), _spelt(each.target), _spelt(each.adding), _spelt(each.removing)]
        for p, each in moving.items()
    ]
    print_table("", ["partition", "to be on", "added", "removed"], rows[:SHOWN_MAX])
    if len(rows) > SHOWN_MAX:
        print(f"and {len(rows) - SHOWN_MAX:,} more")


def _spelt(brokers: Sequence[int]) -> str:
    return ",".join(map(str, brokers)) or "-"
