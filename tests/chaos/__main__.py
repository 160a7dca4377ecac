"""`./run chaos [--rounds N] [--seed S]`: three real brokers, one thing broken a round.

It says what was done in each round, and ends with 1 if anything was lost, doubled or reordered, or
if the cluster did not come back to all replicas in sync by itself.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.rounds import run_chaos


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="busd-chaos-") as folder:
        for number, each in enumerate(run_chaos(Path(folder), given.seed, given.rounds), 1):
            counts[each.fault] += 1
            told = "; ".join(each.problems) or "nothing lost"
            print(f"{time.monotonic() - began:7.1f} s  round {number}: {each.fault}: {told}")
            sys.stdout.flush()
            if each.problems:
                return 1
    for fault, count in counts.most_common():
        print(f"{count:>5}  {fault}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
