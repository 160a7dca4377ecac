"""`busd topic`: create, list, describe, alter and delete topics."""

from bus.cli.cluster_view import look
from bus.cli.connect import add_options, connect
from bus.cli.failure import OK, UserError
from bus.cli.options import Group, Namespace, Parser, assignments, positive
from bus.cli.table import print_table
from bus.cli.topic_rows import TOPICS_HEAD, topic_rows

CREATE_EXAMPLES = """  busd topic create flights --partitions 4
  busd topic create clicks --config flush=os --config retention.ms=3600000
  busd topic create flights --data ./log
"""
LIST_EXAMPLES = """  busd topic list
  busd topic list --data ./log

Beside a topic stands what it lacks: replicas, compared with what a new topic would be given by
default, and those that are not in sync.
"""
DESCRIBE_EXAMPLES = """  busd topic describe flights
  busd topic describe flights --all
"""
ALTER_EXAMPLES = """  busd topic alter flights --config retention.ms=86400000
  busd topic alter flights --reset retention.ms --partitions 8
"""
DELETE_EXAMPLES = """  busd topic delete flights
"""


def parser() -> Parser:
    """Five commands."""
    made = Parser("busd topic", "Create, list, describe, alter and delete topics.")
    group = Group(made)
    create = group.add("create", "make a topic", _create, CREATE_EXAMPLES)
    create.add_argument("topic")
    create.add_argument("--partitions", type=positive, metavar="N", help="default: the broker's")
    create.add_argument("--replication-factor", type=positive, metavar="N")
    _add_config(create)
    listing = group.add("list", "name all topics", _list, LIST_EXAMPLES)
    describe = group.add("describe", "show partitions and settings", _describe, DESCRIBE_EXAMPLES)
    describe.add_argument("topic")
    describe.add_argument("--all", action="store_true", help="also the settings left at default")
    alter = group.add("alter", "change settings, or add partitions", _alter, ALTER_EXAMPLES)
    alter.add_argument("topic")
    alter.add_argument("--partitions", type=positive, metavar="N", help="grow to so many")
    alter.add_argument(
        "--reset", metavar="NAME", action="append", default=[], help="back to the default"
    )
    _add_config(alter)
    delete = group.add("delete", "delete a topic and its records", _delete, DELETE_EXAMPLES)
    delete.add_argument("topic")
    for inner in (create, listing, describe, alter, delete):
        add_options(inner)
    return made


def _add_config(parser: Parser) -> None:
    parser.add_argument(
        "--config",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a topic setting (docs/settings.md); repeatable",
    )


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code


def _create(args: Namespace) -> int:
    config = assignments(args.config, "--config")
    with connect(args, create=True) as connection:
        connection.admin().create_topic(
            args.topic, args.partitions, args.replication_factor, config
        )
    return OK


def _list(args: Namespace) -> int:
    with connect(args) as connection:
        view = look(connection.admin())
    print_table("", TOPICS_HEAD, topic_rows(view))
    return OK


def _describe(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        starts = admin.offsets(args.topic, "earliest")
        ends = admin.offsets(args.topic, "latest")
        config = admin.describe_config(args.topic)
    print_table(
        "",
        ["partition", "start", "end"],
        [[str(p), str(start), str(ends.get(p, start))] for p, start in sorted(starts.items())],
    )
    rows = [
        [name, entry.value or "", entry.source]
        for name, entry in config.items()
        if args.all or entry.source == "topic"
    ]
    if rows:
        print()
        print_table("", ["setting", "value", "from"], rows)
    return OK


def _alter(args: Namespace) -> int:
    changes: dict[str, str | None] = dict(assignments(args.config, "--config"))
    for name in args.reset:
        if name in changes:
            raise UserError(f"{name} is both set and reset.")
        changes[name] = None
    if not changes and args.partitions is None:
        raise UserError("There is nothing to change: give --config, --reset or --partitions.")
    with connect(args) as connection:
        admin = connection.admin()
        if changes:
            admin.alter_topic(args.topic, changes)
        if args.partitions is not None:
            admin.create_partitions(args.topic, args.partitions)
    return OK


def _delete(args: Namespace) -> int:
    with connect(args) as connection:
        connection.admin().delete_topic(args.topic)
    return OK
