"""`busd segment`: look into the files of a log, and check them.

dump     prints batches or records; reads only, also beside a running broker
verify   checks every checksum, offset and index; reads only, unless --accept-loss is given
"""

from bus.cli.options import Group, Namespace, Parser, positive
from bus.cli.segment import dump, verify

DUMP_EXAMPLES = """  busd segment dump ./log
  busd segment dump ./log --topic flights --partition 2 --from 1000 --max 5 --records
  busd segment dump 00000000000000000000.log
"""
VERIFY_EXAMPLES = """  busd segment verify ./log
  busd segment verify ./log --accept-loss

Exit code 1 says that something is damaged. With --accept-loss a partition that is damaged below
what was known to be durable takes writes again; the damaged bytes are kept aside. No broker may
run on the directory then.
"""


def parser() -> Parser:
    """Two commands over a path."""
    made = Parser("busd segment", "Look into the files of a log, and check them.")
    group = Group(made)
    dumping = group.add("dump", "print batches, or their records", dump.run, DUMP_EXAMPLES)
    _add_where(dumping)
    dumping.add_argument(
        "--from",
        dest="start",
        type=int,
        default=0,
        metavar="OFFSET",
        help="leave out what ends at or below it",
    )
    dumping.add_argument("--max", type=positive, metavar="COUNT", help="stop after so many lines")
    dumping.add_argument("--records", action="store_true", help="each record as a line of JSON")
    checking = group.add(
        "verify", "check checksums, offsets and indexes", verify.run, VERIFY_EXAMPLES
    )
    _add_where(checking)
    checking.add_argument(
        "--accept-loss", action="store_true", help="give up damaged records, keep their bytes aside"
    )
    return made


def _add_where(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", help="a data directory, or files within")
    parser.add_argument("--topic", metavar="NAME", help="of a data directory: only this topic")
    parser.add_argument("--partition", type=int, metavar="N", help="only this partition")


def run(args: Namespace) -> int:
    """The chosen one."""
    code: int = args.run(args)
    return code
