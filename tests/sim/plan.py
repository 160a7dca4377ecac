"""What happens in one world, as data: its topics, its clients, its work and its faults.

A plan is drawn from a seed and may be thinned out by hand or by `shrink.py`: every step can be left
out, as all other chance is drawn for each part of the world by itself. Only what a broker promises
to survive is drawn. What each kind of step does, `faults.py` and `workload.py` say.
"""

from dataclasses import dataclass, replace
from random import Random

SECONDS_MIN, SECONDS_MAX = 4, 14
OS_EVERY = 7  # one of so many worlds of a cluster has topics of flush=os


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done to the world at a time."""

    at_ms: int
    kind: str
    args: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.at_ms / 1000:8.3f}  {self.kind}{self.args or ''}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One that is there from the beginning."""

    name: str
    partitions: int
    flush: str
    segment_bytes: int
    retention_bytes: int = -1
    replicas: int = 1
    min_isr: int = 1


@dataclass(frozen=True, slots=True)
class Producer:
    """One client that writes to one partition."""

    topic: int
    partition: int
    acks: int
    idempotent: bool


@dataclass(frozen=True, slots=True)
class Consumer:
    """One client that reads one partition."""

    topic: int
    partition: int
    checks_epochs: bool  # it tells what it read last, so that it learns of a truncation


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it."""

    seed: int
    brokers: int
    length_ms: int
    topics: tuple[Topic, ...]
    producers: tuple[Producer, ...]
    consumers: tuple[Consumer, ...]
    work: tuple[Step, ...]
    faults: tuple[Step, ...]

    def but(self, work: tuple[Step, ...], faults: tuple[Step, ...]) -> "Plan":
        """The same world with other things happening."""
        return replace(self, work=work, faults=faults)

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {self.brokers} broker(s), {self.length_ms / 1000:.1f} s"]
        for title, things in (
            ("topics", self.topics),
            ("producers", self.producers),
            ("consumers", self.consumers),
            ("work", self.work),
            ("faults", self.faults),
        ):
            lines.append(f"{title}:")
            lines += [f"  {number:3}  {thing}" for number, thing in enumerate(things)]
        return "\n".join(lines)


# kind -> (how often, arguments after the broker: lowest and highest)
ONE_BROKER: dict[str, tuple[float, tuple[tuple[int, int], ...]]] = {
    "kill": (3, ((1, 1500),)),
    "power": (4, ((1, 1500),)),
    "stop": (1.5, ((1, 1500),)),
    "pause": (1, ((5, 3000),)),
    "wall": (0.5, ((-3_000_000, 3_000_000),)),
    "sync_error": (1, ((50, 2000),)),
    "write_error": (0.7, ((0, 1),)),
    "full": (0.7, ((0, 300_000), (50, 2000))),
    "slow": (1, ((2, 200), (50, 2000))),
    "unreadable": (0.7, ((50, 1500),)),
    "flip": (0.7, ((1, 1500), (0, 1 << 30))),
    "reset": (1.5, ()),
}
CLUSTER: dict[str, tuple[float, tuple[tuple[int, int], ...]]] = {
    **{kind: ONE_BROKER[kind] for kind in ("kill", "power", "stop", "pause", "slow", "reset")},
    "cut": (2, ((0, 8), (0, 2), (20, 4000))),  # from or to another broker, or both; for how long
    "break": (2, ((0, 8),)),
    "blackout": (0.5, ((1, 2000),)),
    "store_away": (1, ((50, 4000),)),
    "store_rough": (1, ((50, 4000),)),
    "expire": (1, ()),
    "lag": (2, ((50, 3000), (500, 6000))),
    "strike": (2, ((50, 2000), (1, 1500))),
    "wipe": (1, ((1, 1500),)),
}
OPERATIONS: dict[str, tuple[float, tuple[tuple[int, int], ...]]] = {
    "leave": (2, ((1, 1500),)),
    "elect": (1, ()),
    "reassign": (2, ((0, 8), (0, 24), (2, 3))),
    "cancel": (0.5, ((0, 8),)),
    "drain": (0.5, ((500, 5000),)),
}  # what operators of a cluster do; from chance of their own, in half of the worlds


def draw(seed: int, brokers: int) -> Plan:
    """The plan of this seed."""
    chance = Random(f"plan {brokers} {seed}")
    length_ms = chance.randrange(SECONDS_MIN, SECONDS_MAX) * 1000
    topics = tuple(_topic(chance, number, brokers) for number in range(chance.randint(1, 2)))
    places = [(t, p) for t, topic in enumerate(topics) for p in range(topic.partitions)]
    producers = tuple(_producer(chance, topics, places) for _ in range(chance.randint(2, 4)))
    readers = [chance.choice(places) for _ in range(chance.randint(1, 2))]
    consumers = tuple(Consumer(*place, chance.random() < 0.5) for place in readers)
    work = _work(chance, length_ms, len(producers), places)
    if brokers > 1:
        own = tuple(step for step in work if step.kind not in ("create", "delete"))
        work = tuple(sorted((*own, *_churn(chance, length_ms)), key=lambda step: step.at_ms))
    faults = _faults(chance, length_ms, brokers)
    if brokers > 1 and seed % OS_EVERY == OS_EVERY - 1:
        topics, darkness = _without_flushes(Random(f"flush {brokers} {seed}"), topics, length_ms)
        faults += darkness
    if brokers > 1:
        faults += _operations(Random(f"operations {brokers} {seed}"), length_ms, brokers)
    return Plan(seed, brokers, length_ms, topics, producers, consumers, work, faults)


def _without_flushes(
    chance: Random, topics: tuple[Topic, ...], length_ms: int
) -> tuple[tuple[Topic, ...], tuple[Step, ...]]:
    """Topics of flush=os, and power failures that take what only they were promised (R30)."""
    changed = tuple(
        replace(topic, flush="os") if number == 0 or chance.random() < 0.5 else topic
        for number, topic in enumerate(topics)
    )
    steps: list[Step] = []
    at = chance.randrange(1000, length_ms)
    for _ in range(chance.randint(1, 4)):
        kind = chance.choice(["power", "power", "blackout"])
        args = chance.randrange(topics[0].replicas), chance.randint(1, 2500)
        steps.append(Step(min(at, length_ms - 1), kind, args))
        at += chance.choice([20, 300, 2000])
    return changed, tuple(steps)


def _topic(chance: Random, number: int, brokers: int) -> Topic:
    replicas = min(3, brokers)
    return Topic(
        f"topic-{number}",
        chance.choice([1, 1, 2]),
        chance.choice(["group", "group", "os"]) if brokers == 1 else "group",
        chance.choice([2048, 8192, 65536]),
        chance.choice([-1, -1, -1, 20_000]),
        replicas,
        replicas // 2 + 1,
    )


def _producer(chance: Random, topics: tuple[Topic, ...], places: list[tuple[int, int]]) -> Producer:
    topic, partition = chance.choice(places)
    idempotent = chance.random() < 0.6
    acks = -1 if idempotent or chance.random() < 0.6 else chance.choice([1, 1, 0])
    return Producer(topic, partition, acks, idempotent)


def _work(
    chance: Random, length_ms: int, producers: int, places: list[tuple[int, int]]
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for producer in range(producers):
        at = chance.randrange(50, 500)
        gap = chance.choice([80, 250, 800])
        while at < length_ms:
            count, size = chance.randint(1, 8), chance.choice([10, 60, 200])
            steps.append(Step(at, "produce", (producer, count, size)))
            burst = chance.random() < 0.3
            at += chance.randint(0, 3) if burst else int(chance.expovariate(1 / gap)) + 1
    for _ in range(chance.choice([0, 0, 1, 3])):
        place = chance.choice(places)
        steps.append(Step(chance.randrange(length_ms), "trim", (*place, chance.randint(1, 100))))
    for number in range(chance.choice([0, 0, 1, 2])):  # a short life beside the others
        at = chance.randrange(length_ms)
        steps.append(Step(at, "create", (number,)))
        steps.append(Step(at + chance.randrange(3000), "delete", (number,)))
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _churn(chance: Random, length_ms: int) -> list[Step]:
    """Lives of one topic, each under the same name, and what is written in each."""
    steps: list[Step] = []
    at = chance.randrange(500, length_ms)
    for number in range(chance.choice([0, 0, 2, 3])):
        end = at + chance.choice([50, 500, 2000]) + chance.randrange(500)
        steps.append(Step(at, "create", (number,)))
        for _ in range(chance.randint(0, 8)):
            size = chance.choice([10, 60, 200])
            steps.append(Step(chance.randrange(at, end), "fill", (chance.randint(1, 8), size)))
        if chance.random() < 0.8:
            steps.append(Step(end, "delete", (number,)))
        at = end + chance.choice([1, 30, 300, 1000])
    return [step for step in steps if step.at_ms < length_ms]


def _without(kinds: list[str], weights: list[float], kind: str) -> tuple[list[str], list[float]]:
    left = [(each, weight) for each, weight in zip(kinds, weights, strict=True) if each != kind]
    return [each for each, _ in left] or ["kill"], [weight for _, weight in left] or [1.0]


def _faults(chance: Random, length_ms: int, brokers: int) -> tuple[Step, ...]:
    """Some kinds only, so that each gets worlds of its own; often several in a row."""
    table = ONE_BROKER if brokers == 1 else CLUSTER
    kinds = [kind for kind in table if chance.random() < 0.5] or ["power"]
    weights = [table[kind][0] for kind in kinds]
    steps: list[Step] = []
    at = first = 100 if brokers == 1 else 1000  # a cluster is up by then
    for _ in range(chance.randint(1, 7)):
        is_apart = chance.random() < 0.6
        at = chance.randrange(first, length_ms) if is_apart else at + chance.randint(1, 50)
        kind = chance.choices(kinds, weights)[0]
        bounds = table[kind][1]
        args = (chance.randrange(brokers), *(chance.randint(low, high) for low, high in bounds))
        if kind == "wipe":
            kinds, weights = _without(kinds, weights, kind)  # one disk can be done without
        steps.append(Step(min(at, length_ms - 1), kind, args))
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _operations(chance: Random, length_ms: int, brokers: int) -> tuple[Step, ...]:
    if chance.random() < 0.5:
        return ()
    weights = [each[0] for each in OPERATIONS.values()]
    steps = []
    for kind in chance.choices(list(OPERATIONS), weights, k=chance.randint(1, 4)):
        args = (chance.randint(low, high) for low, high in OPERATIONS[kind][1])
        at = chance.randrange(1000, length_ms)
        steps.append(Step(at, kind, (chance.randrange(brokers), *args)))
    return tuple(steps)
