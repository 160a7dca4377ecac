"""As many rounds as you like: SIGKILL, power failures, or damage to files.

python -m tests.crash --rounds 100 [--seed S] [--flush group|os]
python -m tests.crash --rounds 50 --power ext4|xfs [--seed S] [--flush group|os]
python -m tests.crash --damage 5000 [--seed S]
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.crash.campaign import run_campaign
from tests.crash.power_rounds import run_power_rounds
from tests.crash.rounds import run_rounds
from tests.crash.volume import FILESYSTEMS, why_not


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--flush", choices=("group", "os"), default="group")
    parser.add_argument("--power", choices=FILESYSTEMS)
    parser.add_argument("--damage", type=int, metavar="CASES")
    given = parser.parse_args()
    print(f"seed {given.seed}, flush={given.flush}", flush=True)
    with tempfile.TemporaryDirectory(prefix="busd-crash-") as folder:
        if given.damage is not None:
            return damage(Path(folder), given.seed, given.damage)
        if given.power is None:
            rounds = run_rounds(Path(folder), given.seed, given.rounds, given.flush)
        elif reason := why_not(Path(folder) / "probe", given.power):
            print(f"No power can fail here: {reason}.", file=sys.stderr)
            return 2
        else:
            rounds = run_power_rounds(
                Path(folder) / "volume", given.seed, given.rounds, given.flush, given.power
            )
        for number, problems in enumerate(rounds, 1):
            print(f"round {number}: {problems or 'nothing lost'}", flush=True)
            if problems:
                return 1
    return 0


def damage(folder: Path, seed: int, cases: int) -> int:
    """So many damaged directories; the case of a seed alone: `--damage 1 --seed S`."""
    broken = 0
    for problems in run_campaign(folder, seed, cases):
        broken += bool(problems)
        print("\n".join(problems), end="\n" if problems else "", flush=True)
    print(f"{cases} cases, {broken} of them with problems")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
