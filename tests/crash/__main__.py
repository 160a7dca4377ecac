"""`python -m tests.crash --rounds N [--seed S] [--flush group|os]`: as many rounds as you like."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.crash.rounds import run_rounds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--flush", choices=("group", "os"), default="group")
    given = parser.parse_args()
    print(f"seed {given.seed}, flush={given.flush}", flush=True)
    with tempfile.TemporaryDirectory(prefix="busd-crash-") as data:
        rounds = run_rounds(Path(data), given.seed, given.rounds, given.flush)
        for number, problems in enumerate(rounds, 1):
            print(f"round {number}: {problems or 'nothing lost'}", flush=True)
            if problems:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
