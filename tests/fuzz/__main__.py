"""`./run fuzz [TARGET...] [--seconds N] [--seed S] [--keep]`: hostile bytes, as long as you like.

All targets without a name, each for its share of the seconds, one after the other.
"""

import argparse
import random
import sys

from tests.fuzz import instrumented
from tests.fuzz.fuzzing import BROKEN, NAMES, Outcome, fuzz, gathered, why_not
from tests.fuzz.inputs import keep


def tell(outcome: Outcome) -> None:
    print(f"{outcome.name:<12} seed {outcome.seed:>10}  {outcome.executions:>10} inputs", end="")
    print("  BROKEN" if outcome.failure else "", flush=True)
    if outcome.failure:
        print(f"{outcome.failure}\nThe input is in {BROKEN}.", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", metavar="TARGET", nargs="*", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=180, help="in all (default: 180)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument("--keep", action="store_true", help="write the corpora anew afterwards")
    given = parser.parse_args()
    names = given.targets or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if reason := why_not():
        print(f"Nothing can be fuzzed here: {reason}.", file=sys.stderr)
        return 2
    instrumented.built()
    broken = 0
    for name in names:
        outcome = fuzz(name, max(1, given.seconds // len(names)), given.seed)
        tell(outcome)
        broken += bool(outcome.failure)
        if given.keep and not outcome.failure:
            print(f"{name:<12} {keep(name, gathered(name))} inputs kept", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
