"""What Kafka's clients must reach on busd, beside Kafka and beside a broker that does nothing.

A rate must be so many times Kafka's, or 80 % of the null broker's: no broker can help a client
that is busy with itself. The other rows bound a figure of busd by one of Kafka's, or by a number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from perf.kafka.sides import BUSD, KAFKA, NULL
from perf.result import Result
from perf.targets import RATE

SHARE_OF_NULL = 0.8
OF_CLIENTS = {  # a result of each part that is measured here alone
    f"java produce {BUSD}",
    f"confluent produce {BUSD}",
    f"end to end {BUSD}",
    f"own list {KAFKA}",
    f"connections {BUSD}",
}
Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row with its figures as text; an empty one does not apply."""

    what: str
    busd: str
    kafka: str
    null: str  # what nothing can exceed
    found: str  # how they compare
    aim: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """Records a second, at least `times` Kafka's or a share of the null broker's."""

    what: str
    name: str
    times: float

    def judge(self, results: Results) -> Verdict | None:
        """None where it was not measured."""
        rates = [_metric(results, f"{self.name} {side}", RATE) for side in (BUSD, KAFKA, NULL)]
        if None in rates:
            return None
        ours, kafka, null = (rate or 0.0 for rate in rates)
        times, share = ours / kafka, ours / null
        return Verdict(
            self.what,
            *(f"{rate / 1e6:.2f} M/s" for rate in (ours, kafka, null)),
            f"{times:.2f}x, {share:.0%} of null",
            f"{self.times:g}x or {SHARE_OF_NULL:.0%} of null",
            times >= self.times or share >= SHARE_OF_NULL,
        )


@dataclass(frozen=True, slots=True)
class Share:
    """A figure that may be at most a part of Kafka's same one."""

    what: str
    figure: Callable[[Results, str], float | None]  # of that side
    most: float
    unit: str

    def judge(self, results: Results) -> Verdict | None:
        """None where it was not measured."""
        ours, kafka = self.figure(results, BUSD), self.figure(results, KAFKA)
        if ours is None or kafka is None:
            return None
        null = self.figure(results, NULL)
        return Verdict(
            self.what,
            f"{ours:.3g} {self.unit}",
            f"{kafka:.3g} {self.unit}",
            "" if null is None else f"{null:.3g} {self.unit}",
            f"{ours / kafka:.2f}x" if kafka else "",
            f"at most {self.most:g}x",
            ours <= kafka * self.most,
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure of busd with a bound of its own; Kafka's is told where it was measured."""

    what: str
    figure: Callable[[Results, str], float | None]
    bound: float
    unit: str
    least: bool = False

    def judge(self, results: Results) -> Verdict | None:
        """None where it was not measured."""
        ours, kafka = self.figure(results, BUSD), self.figure(results, KAFKA)
        if ours is None:
            return None
        return Verdict(
            self.what,
            f"{ours:,.3g} {self.unit}" if ours < 1e4 else f"{ours:,.0f} {self.unit}",
            "" if kafka is None else f"{kafka:,.3g} {self.unit}",
            "",
            "",
            f"{'at least' if self.least else 'at most'} {self.bound:,g} {self.unit}",
            ours >= self.bound if self.least else ours <= self.bound,
        )


@dataclass(frozen=True, slots=True)
class Own:
    """Our client's rate on Kafka, so many times that of confluent-kafka there."""

    what: str
    ours: str
    theirs: str
    times: float

    def judge(self, results: Results) -> Verdict | None:
        """None where it was not measured."""
        ours, theirs = (_metric(results, f"{n} {KAFKA}", RATE) for n in (self.ours, self.theirs))
        if ours is None or theirs is None:
            return None
        return Verdict(
            self.what,
            "",
            f"{ours / 1e6:.2f} M/s, {theirs / 1e6:.2f} M/s",
            "",
            f"{ours / theirs:.1f}x",
            f"{self.times:g}x",
            ours >= theirs * self.times,
        )


def _metric(results: Results, name: str, metric: str) -> float | None:
    result = results.get(name)
    return None if result is None else result.metrics.get(metric)


def _cpu_seconds(client: str) -> Callable[[Results, str], float | None]:
    """The broker's, for a million records in and out again."""

    def figure(results: Results, side: str) -> float | None:
        both = [results.get(f"{client} {way} {side}") for way in ("produce", "consume")]
        used = [one.processes["broker"]["cpu_seconds_per_million"] for one in both if one]
        return sum(used) if len(used) == 2 else None

    return figure


def _private_mb(results: Results, side: str) -> float | None:
    found = [
        float(result.facts["private_mb"])
        for name, result in results.items()
        if "private_mb" in result.facts and name.endswith(f" {side}")
    ]
    return max(found, default=None)


def _of(name: str, metric: str) -> Callable[[Results, str], float | None]:
    return lambda results, side: _metric(results, f"{name} {side}", metric)


def _of_busd(name: str, metric: str) -> Callable[[Results, str], float | None]:
    return lambda results, side: _metric(results, name, metric) if side == BUSD else None


ROWS = [
    Rate("Java producer tool, acks=all", "java produce", 1.5),
    Rate("Java consumer tool", "java consume", 1.2),
    Rate("confluent-kafka produce()", "confluent produce", 1.3),
    Rate("confluent-kafka consume()", "confluent consume", 1.0),
    Share("CPU of the broker, a million in and out, Java", _cpu_seconds("java"), 0.5, "s"),
    Share("the same, confluent-kafka", _cpu_seconds("confluent"), 0.5, "s"),
    Share("EndToEndLatency, p50 in whole ms", _of("end to end", "p50_ms"), 1.0, "ms"),
    Share("EndToEndLatency, p99 in whole ms", _of("end to end", "p99_ms"), 0.5, "ms"),
    Share("EndToEndLatency, mean", _of("end to end", "mean_ms"), 1.0, "ms"),
    Bound("RSS of the broker under load, private pages", _private_mb, 150, "MB"),
    Own(
        "our client on Kafka: send_batch, produce_batch()", "own send_batch", "own produce_batch", 4
    ),
    Own("poll_batch as columns, consume()", "own columns", "own consume", 4),
    Own("poll_batch as list[bytes], consume()", "own list", "own consume", 4),
    Bound(
        "1,000 idle and 100 active clients: RSS", _of_busd("connections busd", "rss_mb"), 250, "MB"
    ),
    Bound(
        "p99 of the active ones, of a lone one's",
        _of_busd("connections busd", "times_lone_p99"),
        3,
        "x",
    ),
    Bound("100 members join", _of_busd("groups join", "seconds"), 3, "s"),
    Bound("100 of our members join", _of_busd("group pause", "joined_seconds"), 3, "s"),
    Bound(
        "one leaves: pause of what others keep", _of_busd("group pause", "kept_pause_ms"), 100, "ms"
    ),
    Bound(
        "positions committed a minute, 10 a request",
        _of_busd("groups commit 10", "positions_per_minute"),
        1e6,
        "/min",
        least=True,
    ),
    Bound(
        "commits of one position",
        _of_busd("groups commit 1", "requests_per_second"),
        5_000,
        "/s",
        least=True,
    ),
]


def is_of_clients(results: list[Result]) -> bool:
    """Was this run (also) about Kafka's clients? Groups are measured elsewhere, too."""
    return any(result.name in OF_CLIENTS for result in results)


def verdicts(results: list[Result]) -> Iterator[Verdict]:
    """Every row that was measured."""
    by_name = {result.name: result for result in results}
    for row in ROWS:
        verdict = row.judge(by_name)
        if verdict is not None:
            yield verdict
