"""Whole brokers in simulated worlds: all rules hold, and planted bugs are found.

The fresh seeds are those of the commit; SEED=N takes others, `./run sim N` shows one.
"""

import time

import pytest

from tests.fixtures.fresh_seed import fresh_seed
from tests.sim.__main__ import simulate
from tests.sim.bugs import BUGS
from tests.sim.plan import draw
from tests.sim.shrink import shrink

FRESH_SECONDS = 10  # of CPU
FRESH_MIN = 5
SWITCHABLE = [name for name, bug in BUGS.items() if bug.switch is not None]
FINDS = {  # bug -> a seed whose world finds it
    "ack-before-flush": 1,
    "flush-journal-forgotten": 17,
    "rolled-segment-not-synced": 1,
    "producers-forgotten": 9,
    "tail-not-written-again": 7,
    "epochs-not-synced": 6,
    "sync-error-ignored": 7,
}


def test_all_rules_hold_in_fresh_worlds() -> None:
    first = seed = fresh_seed()
    until = time.process_time() + FRESH_SECONDS
    while time.process_time() < until or seed < first + FRESH_MIN:
        outcome = simulate(draw(seed, brokers=1))
        assert outcome.violation is None, f"./run sim {seed}: {outcome.violation}"
        seed += 1
    print(f"seeds {first} to {seed - 1}")


def test_the_same_seed_is_the_same_world() -> None:
    for seed in range(3):
        one, other = (simulate(draw(seed, brokers=1)) for _ in range(2))
        assert one.notes == other.notes
        assert one.digest == other.digest


@pytest.mark.parametrize("name", SWITCHABLE)
def test_a_planted_bug_is_found(name: str) -> None:
    plan = draw(FINDS[name], brokers=1)
    assert simulate(plan, name).violation is not None
    assert simulate(plan).violation is None


def test_a_world_that_breaks_a_rule_shrinks_to_what_breaks_it() -> None:
    name = "producers-forgotten"

    def is_broken(plan: object) -> bool:
        return simulate(plan, name).violation is not None

    smallest = shrink(draw(FINDS[name], brokers=1), is_broken, tries_max=150)
    assert len(smallest.work) + len(smallest.faults) <= 6


def test_a_bug_of_replication_waits_for_replication() -> None:
    for name, bug in BUGS.items():
        assert (bug.switch is not None) == (bug.brokers == 1), name
