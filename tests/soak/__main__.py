"""`./run soak [KIND...] [--hours H]`: every way to break it in turn, counted over all sittings.

Each turn takes new seeds of the kind that is farthest from its goal; what was done is added to
docs/results/KIND.json at once, by commit. Without `--hours` it prints where things stand.
"""

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.soak.results import Results, commit, load, save
from tests.soak.turns import KINDS, facts

SEED_SECONDS_MAX = 1800  # of one seed: longer is a hang


def one_seed(name: str, seed: int) -> None:
    """In a process of its own: what was found, as one line of JSON."""
    found = list(KINDS[name].run(seed))
    print(json.dumps([len(found), [problems for problems in found if problems], facts]))


def turn(name: str, results: Results, until: float, cores: int) -> None:
    """Some seeds of one kind, as many at once as there are cores; saved when they are done."""
    for _ in range(0, KINDS[name].seeds, cores):
        if time.time() >= until:
            return
        first = results.next_seed
        with ThreadPoolExecutor(cores) as pool:
            done = list(pool.map(partial(_outcome, name), range(first, first + cores)))
        for seed, (count, problems, counted, seconds) in enumerate(done, first):
            results.add(commit(), count, seconds, problems, counted)
            state = f"{results.done} of {results.goal} {results.unit}"
            print(f"{name:<18} seed {seed:>5}  {seconds:7.1f} s  {state}", flush=True)
            for found in problems:
                print("\n".join(found), file=sys.stderr, flush=True)
        save(name, results)


def _outcome(name: str, seed: int) -> tuple[int, list[list[str]], dict[str, float], float]:
    """Units, problems, what else was counted, seconds."""
    command = [sys.executable, "-m", "tests.soak", name, "--seed", str(seed)]
    started = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SEED_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return 0, [[f"it hung for {SEED_SECONDS_MAX} seconds"]], {}, SEED_SECONDS_MAX
    seconds = time.monotonic() - started
    if done.returncode:
        return 0, [[done.stderr[-1800:]]], {}, seconds
    return *json.loads(done.stdout.splitlines()[-1]), seconds


def table(all_results: dict[str, Results]) -> None:
    print(f"{'kind':<18} {'done':>7} {'goal':>7} {'broken':>7}  unit")
    for name, results in all_results.items():
        numbers = f"{results.done:>7} {results.goal:>7} {results.broken:>7}"
        print(f"{name:<18} {numbers}  {results.unit}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", metavar="KIND", nargs="*", help=", ".join(KINDS))
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--cores", type=int, default=1, help="so many seeds at once")
    parser.add_argument("--seed", type=int, help="one seed of one kind again; nothing is saved")
    given = parser.parse_args()
    names = given.kinds or list(KINDS)
    if unknown := set(names) - set(KINDS):
        parser.error(f"no kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if given.seed is not None:
        one_seed(names[0], given.seed)
        return 0
    all_results = {name: load(name, KINDS[name]) for name in names}
    able = [name for name in names if not given.hours or not KINDS[name].why_not()]
    for name in set(names) - set(able):
        print(f"{name} is left out: {KINDS[name].why_not()}.", file=sys.stderr)
    before = sum(results.broken for results in all_results.values())
    until = time.time() + given.hours * 3600
    while able and time.time() < until:
        name = min(able, key=lambda name: all_results[name].done / all_results[name].goal)
        turn(name, all_results[name], until, given.cores)
    table(all_results)
    return 0 if sum(results.broken for results in all_results.values()) == before else 1


if __name__ == "__main__":
    sys.exit(main())
