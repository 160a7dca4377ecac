"""`busd group`: list, describe, reset and delete consumer groups."""

from typing import Any

from bus.cli.connect import add_options, connect
from bus.cli.failure import OK
from bus.cli.options import Group, Namespace, Parser, topics_and_partitions
from bus.cli.rows import timestamp_ms
from bus.cli.table import print_table

LIST_EXAMPLES = """  busd group list
  busd group list --state Stable --state Empty
  busd group list --server kafka://broker-1:9092
"""
DESCRIBE_EXAMPLES = """  busd group describe billing
  busd group describe billing --members
"""
RESET_EXAMPLES = """  busd group reset-offsets billing --to-earliest
  busd group reset-offsets billing --to-time 2026-01-31T12:00:00Z --topic flights --execute
  busd group reset-offsets billing --shift-by -100 --topic flights:0,3 --execute
  busd group reset-offsets billing --to-offset 5000 --topic flights:1 --execute

It shows what would change; with --execute it changes it. The group may have no members meanwhile.
What lies outside a partition is brought to its start or its end.
"""
DELETE_EXAMPLES = """  busd group delete billing
"""


def parser() -> Parser:
    """Four commands."""
    made = Parser("busd group", "List, describe, reset and delete consumer groups.")
    group = Group(made)
    listing = group.add("list", "name all groups", _list, LIST_EXAMPLES)
    listing.add_argument(
        "--state",
        action="append",
        metavar="STATE",
        help="only groups in this state: Stable, Empty, PreparingRebalance, CompletingRebalance; "
        "repeatable",
    )
    describe = group.add(
        "describe", "show how far a group is, and who is in it", _describe, DESCRIBE_EXAMPLES
    )
    describe.add_argument("group")
    describe.add_argument("--members", action="store_true", help="members instead of partitions")
    reset = group.add("reset-offsets", "set where a group goes on", _reset, RESET_EXAMPLES)
    reset.add_argument("group")
    _add_destinations(reset)
    delete = group.add("delete", "delete groups and their positions", _delete, DELETE_EXAMPLES)
    delete.add_argument("group", nargs="+")
    for inner in (listing, describe, reset, delete):
        add_options(inner)
    return made


def _add_destinations(reset: Parser) -> None:
    where = reset.add_mutually_exclusive_group(required=True)
    where.add_argument("--to-earliest", action="store_true", help="to the first records")
    where.add_argument("--to-latest", action="store_true", help="to the end")
    where.add_argument(
        "--to-time", metavar="TIME", help="to the first record at or after 2026-01-31T12:00:00Z"
    )
    where.add_argument("--to-offset", type=int, metavar="N")
    where.add_argument("--shift-by", type=int, metavar="N", help="so many on; back if negative")
    reset.add_argument(
        "--topic",
        action="append",
        metavar="TOPIC[:N,...]",
        help="a topic, or partitions of it; repeatable; default: all that the group has committed",
    )
    reset.add_argument("--execute", action="store_true", help="do it, and not only show it")


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code


def _list(args: Namespace) -> int:
    with connect(args) as connection:
        groups = connection.admin().list_groups(args.state)
    rows = [[group.name, group.state or "-", group.protocol_type or "-"] for group in groups]
    print_table("", ["group", "state", "type"], rows)
    return OK


def _describe(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        group = admin.describe_group(args.group)
        lags = [] if args.members else admin.group_lag(args.group)
    assignor = f", assignor {group.assignor}" if group.assignor else ""
    count = len(group.members)
    members = f"{count} member{'' if count == 1 else 's'}"
    print(f"{group.name}: {group.state}, {members}{assignor}\n")
    if args.members:
        _print_members(group)
    else:
        _print_lags(lags)
    return OK


def _print_members(group: Any) -> None:
    rows = [
        [m.member_id, m.instance_id or "-", m.client_id, m.host, _spelt(m.partitions) or "-"]
        for m in group.members
    ]
    print_table("", ["member", "instance", "client", "host", "partitions"], rows)


def _print_lags(lags: list[Any]) -> None:
    rows = [
        [
            entry.topic,
            str(entry.partition),
            _offset(entry.position),
            _offset(entry.end),
            "-" if entry.lag is None else str(entry.lag),
            entry.member.client_id if entry.member else "-",
            entry.member.host if entry.member else "-",
        ]
        for entry in lags
    ]
    print_table("", ["topic", "partition", "position", "end", "lag", "client", "host"], rows)
    known = [entry.lag for entry in lags if entry.lag is not None]
    print(f"\nlag in all: {sum(known)}")


def _reset(args: Namespace) -> int:
    to: str | int | None = None
    if args.to_time is not None:
        to = timestamp_ms(args.to_time, "--to-time")
    elif args.to_earliest or args.to_latest:
        to = "earliest" if args.to_earliest else "latest"
    topics, partitions = topics_and_partitions(args.topic)
    with connect(args) as connection:
        changes = connection.admin().reset_group_offsets(
            args.group,
            to,
            offset=args.to_offset,
            shift=args.shift_by,
            topics=topics,
            partitions=partitions,
            dry_run=not args.execute,
        )
    rows = [
        [p.topic, str(p.partition), _offset(change.before), str(change.after)]
        for p, change in changes.items()
    ]
    print_table("", ["topic", "partition", "before", "after"], rows)
    if not args.execute:
        print("\nNothing was changed; --execute does it.")
    return OK


def _delete(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        for name in args.group:
            admin.delete_group(name)
    return OK


def _spelt(partitions: tuple[Any, ...]) -> str:
    """Partitions as --topic takes them: flights:0,1 clicks:2."""
    by_topic: dict[str, list[str]] = {}
    for topic, index in partitions:
        by_topic.setdefault(topic, []).append(str(index))
    return " ".join(f"{topic}:{','.join(numbers)}" for topic, numbers in by_topic.items())


def _offset(offset: int) -> str:
    return "-" if offset < 0 else str(offset)
