"""Whole brokers in simulated worlds: all rules hold, and planted bugs are found.

The fresh seeds are those of the commit; SEED=N takes others, `./run sim N` shows one.
"""

import time

import pytest

from tests.fixtures.fresh_seed import fresh_seed
from tests.sim.__main__ import simulate
from tests.sim.bugs import BUGS
from tests.sim.plan import Plan, Producer, Step, Topic, draw
from tests.sim.shrink import shrink

FRESH_SECONDS = {1: 4, 3: 20, 5: 8}  # of CPU, by the number of brokers
FRESH_MIN = 3
TRIES = 40  # worlds from the one that has found it on: what brokers do changes with them
HELD = [  # seeds and brokers
    (198, 3),  # one that was paused leads for a moment in an epoch that is over
    (50025, 3),  # a follower that was away holds next what stands far below the leader's end
    (2237077180, 5),  # a replica is deleted that had held what is committed
    (9013, 3),  # the last flush of a stop commits what others have acknowledged
    (573125343, 3),  # one that was cut off from the store leads in an epoch that is over
    (69, 3),  # flush=os: who leads after a blackout has deleted what others would hold
    (531, 3),  # of a log without files, deleted up to an offset, that offset is told (R30)
    (1161, 3),  # who has left the in-sync set of an idle partition comes back
    (1385, 3),  # one that hears late acknowledges what is for a topic that is deleted
    (2525502353, 1),  # a directory begins on a full disk, and a bit of its first batch flips
    (3750953797, 5),  # a leader that is cut off from the store counts a disk that was lost since
    (900298350, 3),  # a broker that takes its leave has stopped when the world is over
    (536, 3),  # a late question of a follower begins a session that the follower does not know
]
FINDS = {  # bug -> a seed whose world finds it
    "ack-before-flush": 1,
    "flush-journal-forgotten": 17,
    "rolled-segment-not-synced": 1,
    "producers-forgotten": 9,
    "tail-not-written-again": 7,
    "epochs-not-synced": 6,
    "sync-error-ignored": 7,
    "truncate-to-high-watermark": 3,
    "unknown-epoch-answered": 3,
    "smaller-isr-at-once": 1,
    "expansion-not-counted": 11,
    "broker-epoch-not-compared": 1,  # of `who_joins_too_late`
    "fenced-broker-joins": 26,
    "commits-below-min-isr": 3,
    "no-eligible-leaders": 5,
    "end-told-too-early": 5,
    "fetch-not-fenced": 1167,
    "old-command-obeyed": 77,
    "controller-not-fenced": 64,
    "topic-known-by-name": 19,
    "unclean-election": 5,
    "suspect-replica-kept": 74,
    "shortest-log-recovers": 6,
    "recovers-without-waiting": 6,
    "follower-halts-at-a-loss": 62,
    "followers-tell-before-flush": 1,
    "cut-index-kept": 5,
    "intact-replica-removed": 1,
}


@pytest.mark.parametrize("brokers", FRESH_SECONDS)
def test_all_rules_hold_in_fresh_worlds(brokers: int) -> None:
    first = seed = fresh_seed()
    until = time.process_time() + FRESH_SECONDS[brokers]
    while time.process_time() < until or seed < first + FRESH_MIN:
        outcome = simulate(draw(seed, brokers))
        where = f"./run sim {seed} --brokers {brokers}"
        assert outcome.violation is None, f"{where}: {outcome.violation}"
        seed += 1
    print(f"{brokers} broker(s), seeds {first} to {seed - 1}")


@pytest.mark.parametrize(("seed", "brokers"), HELD)
def test_no_rule_is_seen_broken_where_none_is(seed: int, brokers: int) -> None:
    assert simulate(draw(seed, brokers)).violation is None


@pytest.mark.parametrize("seed", range(1, 7))
def test_what_the_last_flush_of_a_stop_commits_is_seen(seed: int) -> None:
    """Else the next leader, which begins with it, is taken for the one that committed it (I6)."""
    topic = Topic("topic-0", 1, "group", 65536, replicas=3, min_isr=2)
    produces = Step(500, "produce", (0, 5, 10)), Step(1000, "produce", (0, 5, 10))
    slow, one = Step(900, "slow", (0, 200, 600)), Step(1030, "stop", (1, 2000))
    leader, last = Step(1060, "stop", (0, 150)), Step(1130, "stop", (2, 1200))
    faults = slow, one, leader, last
    plan = Plan(seed, 3, 3000, (topic,), (Producer(0, 0, -1, True),), (), produces, faults)
    assert simulate(plan).violation is None


@pytest.mark.parametrize("brokers", [1, 3])
def test_the_same_seed_is_the_same_world(brokers: int) -> None:
    one, other = (simulate(draw(2, brokers)) for _ in range(2))
    assert one.notes == other.notes
    assert one.digest == other.digest


def who_joins_too_late(seed: int, brokers: int) -> Plan:
    """A follower comes back to a leader that lost it, and starts anew before it is added.

    The leader has lost the controller since, and cannot take back what it has asked for.
    """
    topic = Topic("topic-0", 3, "group", 65536, replicas=3, min_isr=2)
    producers = tuple(Producer(0, index, -1, True) for index in range(3))
    produces = tuple(Step(500, "produce", (index, 5, 10)) for index in range(3))
    lost, silent = Step(1500, "cut", (1, 2, 2, 2000)), 3550 + seed * 10 % 200
    faults = lost, Step(3300, "strike", (0, 20, 100)), Step(silent, "cut", (1, 0, 2, 4000))
    return Plan(seed, brokers, 9000, (topic,), producers, (), produces, faults)


DIRECTED = {"broker-epoch-not-compared": who_joins_too_late}  # chance comes to it too rarely


@pytest.mark.parametrize("name", sorted(FINDS))
def test_a_planted_bug_is_found(name: str) -> None:
    first, brokers = FINDS[name], BUGS[name].brokers
    for seed in range(first, first + TRIES):
        plan = DIRECTED.get(name, draw)(seed, brokers)
        if simulate(plan, name).violation is not None:
            assert simulate(plan).violation is None
            return
    pytest.fail(f"{name} was not found by {TRIES} worlds")


def test_a_world_that_breaks_a_rule_shrinks_to_what_breaks_it() -> None:
    name = "producers-forgotten"

    def is_broken(plan: Plan) -> bool:
        return simulate(plan, name).violation is not None

    smallest = shrink(draw(FINDS[name], brokers=1), is_broken, tries_max=150)
    assert len(smallest.work) + len(smallest.faults) <= 6
