"""`busd cluster`: the brokers, who leads, and who is in sync; and a cluster to try things out."""

import sys
import time

from bus.cli.cluster_level import level_line
from bus.cli.cluster_view import (
    BROKERS_HEAD,
    PARTITIONS_HEAD,
    View,
    broker_rows,
    growing,
    look,
    partition_rows,
    summary,
    trouble,
)
from bus.cli.connect import add_options, connect
from bus.cli.failure import FAILED, OK, UserError
from bus.cli.options import Group, Namespace, Parser, positive
from bus.cli.table import print_table

SHOWN_MAX = 20  # partitions that `status` names
DEFAULT_DIRECTORY = "busd-cluster"
CLEAR = "\x1b[H\x1b[2J"

START_EXAMPLES = """  busd cluster start
  busd cluster start --nodes 5 --dir /var/tmp/five

Three brokers on this machine, each a process of its own with a member of etcd beside it, until
Ctrl-C. Kill one of the processes and see: it is started again after five seconds. They find their
records again at the next start; --dir DIR is all that there is of them.
"""
STATUS_EXAMPLES = """  busd cluster status
  busd cluster status --watch 1

It ends with 1 if a partition has no leader, or not all of its replicas are in sync.
"""
UPGRADE_EXAMPLES = """  busd cluster upgrade --dry-run
  busd cluster upgrade
  busd cluster upgrade --to 2

After the last broker runs a newer version: from then on brokers use what is new in it, and an older
version can be started no more. It is refused while one of the brokers is of an older version.
"""
DESCRIBE_EXAMPLES = """  busd cluster describe
  busd cluster describe --topic flights --server kafka://broker-1:9092
"""


def parser() -> Parser:
    """What is to be seen."""
    made = Parser("busd cluster", "Look at a cluster of brokers, or try one out.")
    group = Group(made)
    begin = group.add("start", "run a cluster on this machine", _start, START_EXAMPLES)
    begin.add_argument("--nodes", type=positive, default=3, metavar="N", help="default: 3")
    begin.add_argument("--dir", default=DEFAULT_DIRECTORY, metavar="DIR", help="where all of it is")
    begin.add_argument(
        "--any-ports", action="store_true", help="not 7901, 9092 and 7921 on, if they are free"
    )
    status = group.add("status", "show the brokers, and what is not well", _status, STATUS_EXAMPLES)
    status.add_argument("--watch", type=positive, metavar="SECONDS", help="again and again")
    describe = group.add(
        "describe", "show who leads and who holds each partition", _describe, DESCRIBE_EXAMPLES
    )
    describe.add_argument("--topic", action="append", metavar="TOPIC", help="repeatable")
    upgrade = group.add(
        "upgrade", "use what is new in the version that runs", _upgrade, UPGRADE_EXAMPLES
    )
    upgrade.add_argument("--to", type=positive, metavar="LEVEL", help="default: as far as it goes")
    upgrade.add_argument("--dry-run", action="store_true", help="only say what would be done")
    for inner in (status, describe, upgrade):
        add_options(inner)
    return made


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code


def _start(args: Namespace) -> int:
    from bus.cli.cluster_start import start

    return start(args)


def _status(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        while args.watch is not None:
            view = look(admin)
            if sys.stdout.isatty():
                print(CLEAR, end="")
            show_status(view)
            sys.stdout.flush()
            time.sleep(args.watch)
        view = look(admin)
    show_status(view)
    return FAILED if any(trouble(each) for _, each in view.partitions) else OK


def show_status(view: View) -> None:
    """Brokers, and the first of the partitions that are not well."""
    print(summary(view))
    _show_level(view)
    print()
    print_table("", BROKERS_HEAD, broker_rows(view))
    if line := growing(view):
        print(f"\n{line}")
    wrong = [entry for entry in view.partitions if trouble(entry[1])]
    if wrong:
        print()
        print_table("", PARTITIONS_HEAD, partition_rows(wrong[:SHOWN_MAX]))
    if len(wrong) > SHOWN_MAX:
        print(f"and {len(wrong) - SHOWN_MAX:,} more; `busd cluster describe` shows all")


def _show_level(view: View) -> None:
    line = level_line(view.cluster)
    if line:
        print(line)


def _upgrade(args: Namespace) -> int:
    with connect(args) as connection:
        admin = connection.admin()
        cluster = admin.describe_cluster()
        level, wanted = cluster.level, args.to or cluster.level_max
        if level is None or wanted is None:
            raise UserError("The servers do not tell a level; ask a busd, by --server tcp://...")
        if wanted == level:
            print(f"The cluster stands at level {level} already.")
            return OK
        admin.raise_level(wanted, validate_only=args.dry_run)
    if args.dry_run:
        print(f"The cluster can go from level {level} to level {wanted}.")
    else:
        print(f"The cluster stands at level {wanted} now; there is no way back to level {level}.")
    return OK


def _describe(args: Namespace) -> int:
    with connect(args) as connection:
        view = look(connection.admin())
    known = {topic.name for topic in view.topics}
    for name in args.topic or ():
        if name not in known:
            raise UserError(f"There is no topic {name!r}.")
    wanted = [entry for entry in view.partitions if not args.topic or entry[0] in args.topic]
    if not args.topic:
        _show_level(view)
        print()
    print_table("", PARTITIONS_HEAD, partition_rows(wanted))
    return OK
