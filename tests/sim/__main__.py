"""`./run sim SEED` shows one world; `./run sim --seeds N` runs many and counts.

A seed that breaks a rule is run again with less and less of its plan, until nothing can be left
out; `--no-shrink` leaves that away. With `--flag BUG` a planted bug has to be found. Many run on as
many cores as `--cores` says, one world on one core.
"""

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

from tests.sim.bugs import BUGS, switched
from tests.sim.plan import Plan, draw
from tests.sim.plane import table
from tests.sim.shrink import shrink
from tests.sim.world import Outcome, World

PROGRESS_SECONDS = 10


def simulate(plan: Plan, bug: str | None = None) -> Outcome:
    """One world."""
    with switched(bug):
        return World(plan).run()


def smallest(outcome: Outcome, bug: str | None) -> Outcome:
    """The same rule broken by as little as possible."""
    assert outcome.violation is not None
    rule = outcome.violation.rule

    def is_broken(plan: Plan) -> bool:
        violation = simulate(plan, bug).violation
        return violation is not None and violation.rule == rule

    return simulate(shrink(outcome.plan, is_broken), bug)


def show(outcome: Outcome, trace: bool = True) -> None:
    """The plan and what happened."""
    print(outcome.plan)
    if trace:
        print("what happened:")
        for at_ms, text in outcome.notes:
            print(f"  {(at_ms - 1000) / 1000:9.4f}  {text}")
    if outcome.violation is None:
        print(f"all rules held; digest {outcome.digest:08x}")
    else:
        print(f"broken at {outcome.time_ms / 1000:.4f} s: {outcome.violation}")


def one(given: argparse.Namespace) -> int:
    outcome = simulate(draw(given.seed, given.brokers), given.flag)
    if outcome.violation is not None and not given.no_shrink:
        print(f"seed {given.seed} breaks {outcome.violation}; looking for the least of it")
        outcome = smallest(outcome, given.flag)
    show(outcome)
    return int(outcome.violation is not None)


class Tally:
    """What many worlds came to."""

    def __init__(self) -> None:
        self.cpu = 0.0  # seconds, on all cores
        self.led_ms = self.in_sync_ms = 0.0  # the slowest, after the faults
        self.seeds = self.acknowledged = 0
        self.time_ms = 0.0
        self.faults: Counter[str] = Counter()
        self.broken: list[Outcome] = []

    def add(self, outcome: Outcome, cpu: float) -> None:
        self.seeds += 1
        self.cpu += cpu
        self.led_ms = max(self.led_ms, outcome.led_ms)
        self.in_sync_ms = max(self.in_sync_ms, outcome.in_sync_ms)
        self.time_ms += outcome.time_ms
        self.acknowledged += outcome.acknowledged
        self.faults += outcome.faults
        if outcome.violation is not None:
            self.broken.append(outcome)

    def line(self) -> str:
        minutes = max(self.cpu, 0.001) / 60
        return (
            f"{self.seeds} seeds, {self.time_ms / 3.6e6:.2f} simulated hours, "
            f"{sum(self.faults.values())} faults, {self.acknowledged} batches acknowledged, "
            f"{self.seeds / minutes:.0f} seeds a minute of CPU, {len(self.broken)} broken"
        )

    def table(self) -> None:
        for kind, count in self.faults.most_common():
            print(f"  {kind:<12} {count:>7}")
        if self.in_sync_ms:
            led, in_sync = self.led_ms / 1000, self.in_sync_ms / 1000
            print(f"after the faults: led within {led:.1f} s, in sync within {in_sync:.1f} s")
        print(self.line())


def one_of_many(bug: str | None, brokers: int, seed: int) -> tuple[Outcome, float]:
    """With the CPU seconds that it took; what happened stays behind."""
    before = time.process_time()
    outcome = simulate(draw(seed, brokers), bug)
    outcome.notes.clear()
    return outcome, time.process_time() - before


def outcomes(given: argparse.Namespace) -> Iterator[tuple[Outcome, float]]:
    """Of all seeds, in their order."""
    seeds = range(given.start, given.start + given.seeds)
    run = partial(one_of_many, given.flag, given.brokers)
    if given.cores == 1:
        yield from map(run, seeds)
        return
    with multiprocessing.get_context("fork").Pool(given.cores) as pool:
        yield from pool.imap(run, seeds, chunksize=4)


def many(given: argparse.Namespace) -> int:
    tally, shown = Tally(), time.monotonic()
    for outcome, cpu in outcomes(given):
        tally.add(outcome, cpu)
        if outcome.violation is not None:
            print(f"seed {outcome.plan.seed}: {outcome.violation}", flush=True)
            if given.flag or given.stop:
                break
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            print(tally.line(), flush=True)
    tally.table()
    if tally.broken and not given.no_shrink:
        show(smallest(tally.broken[0], given.flag), trace=False)
    if given.flag:
        found = f"found after {tally.seeds} seeds" if tally.broken else "NOT found"
        print(f"{given.flag}: {found}")
        return int(not tally.broken)
    return int(bool(tally.broken))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run sim", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seed", type=int, nargs="?", help="one world, shown step by step")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="so many worlds")
    parser.add_argument("--from", type=int, default=1, metavar="S", dest="start")
    parser.add_argument("--brokers", type=int, default=1, choices=[1, 3, 5])
    parser.add_argument("--cores", type=int, default=1, metavar="C", help="at once")
    parser.add_argument("--flag", choices=sorted(BUGS), metavar="BUG", help=", ".join(BUGS))
    parser.add_argument("--stop", action="store_true", help="at the first that breaks a rule")
    parser.add_argument("--no-shrink", action="store_true")
    sizes = ("BROKERS", "PARTITIONS")
    parser.add_argument("--control-plane", type=int, nargs=2, metavar=sizes)
    given = parser.parse_args()
    if given.control_plane is not None:
        return table.main(*given.control_plane)
    if given.seed is None and not given.seeds:
        parser.error("name a seed, or how many: --seeds N")
    if given.flag is not None:
        if BUGS[given.flag].switch is None:
            parser.error(f"{given.flag} is a bug of what is not there yet")
        given.brokers = max(given.brokers, BUGS[given.flag].brokers)
    logging.disable()
    return many(given) if given.seed is None else one(given)


if __name__ == "__main__":
    sys.exit(main())
