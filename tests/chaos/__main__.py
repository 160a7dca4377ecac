"""`./run chaos [FAMILY] [--rounds N] [--seed S]`: three real brokers, something broken each round.

It says what was done in each round, and ends with 1 if anything was lost, doubled or reordered, or
if the cluster did not come back to all replicas in sync by itself.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from tests.chaos import network
from tests.chaos.families import EVERYWHERE, FAMILIES
from tests.chaos.rounds import Round, run_chaos


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(FAMILIES)
    parser.add_argument("family", nargs="?", choices=FAMILIES, default=EVERYWHERE, help=names)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--json", action="store_true", help="a line of JSON for each round")
    given = parser.parse_args()
    family = FAMILIES[given.family]
    if family.needs_site and not network.has_entered():
        if why := family.why_not():
            parser.error(why)
        command = network.entering([sys.executable, "-m", "tests.chaos", *sys.argv[1:]])
        command += ["--seed", str(given.seed)]
        os.execvp(command[0], command)
    if not given.json:
        print(f"seed {given.seed}", flush=True)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="busd-chaos-") as folder,
        closing(run_chaos(Path(folder), given.seed, given.rounds, given.family)) as rounds,
    ):
        for number, each in enumerate(rounds, 1):
            counts.update(each.done)
            where = f"{time.monotonic() - began:7.1f} s  round {number}"
            print(json.dumps(asdict(each)) if given.json else f"{where}: {told(each)}", flush=True)
            if each.problems:
                return 1
    if not given.json:
        for fault, count in counts.most_common():
            print(f"{count:>5}  {fault}")
    return 0


def told(done: Round) -> str:
    """A round in a line."""
    if done.problems:
        return "; ".join(done.problems)
    times = f"led after {done.led_seconds:.2f} s, in sync after {done.in_sync_seconds:.2f} s"
    return f"{', '.join(done.done)}: nothing lost, {times}"


if __name__ == "__main__":
    sys.exit(main())
