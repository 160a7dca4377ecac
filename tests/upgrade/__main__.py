"""`./run upgrade [--rounds N]`: three brokers of the version before this one become this one.

One after the other, while records are written; then the cluster's level is raised. It ends with 1
if a record was lost, doubled, reordered or had an error.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.upgrade.earlier import ABSENT, earlier_version, is_there
from tests.upgrade.rolling import NODES, upgrade


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run upgrade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    if not is_there():
        print(f"./run: {ABSENT}; fetch all of it: git fetch --unshallow --tags", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True)

    tree = earlier_version()
    for number in range(1, given.rounds + 1):
        with tempfile.TemporaryDirectory(prefix="busd-upgrade-") as folder:
            problems = upgrade(Path(folder), tree, range(1, NODES + 1), say)
        say(f"round {number}: {'; '.join(problems) or 'nothing lost, no request failed'}")
        if problems:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
