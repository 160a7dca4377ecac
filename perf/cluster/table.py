"""What three brokers must reach, in records a second and milliseconds, and beside Kafka's.

Rates and shares must reach a figure, so many times Kafka's, and a share of the raw path; times and
failures must stay below a figure and below a share of Kafka's. A row that was not measured is left
out, and so is a comparison whose other side was not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perf.kafka.table import Verdict
from perf.result import Result
from perf.targets import RATE

Results = Mapping[str, Result]
Beside = tuple[str, float]  # a result of the same metric, and how many times that it must be


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its bounds: least ones for what is in LEAST, most for all others."""

    what: str
    result: str
    metric: str = RATE
    bound: float | None = None
    unit: str = "M/s"
    kafka: Beside | None = None
    limit: Beside | None = None

    def judge(self, results: Results) -> Verdict | None:
        """None where it was not measured."""
        found = self._figure(results, self.result)
        if found is None:
            return None
        aims, compared, reached = [], [], [True]
        if self.bound is not None:
            aims.append(_text(self.bound, self.unit))
            reached.append(self._holds(found, self.bound))
        for name, beside in (("Kafka", self.kafka), ("the raw path", self.limit)):
            other = self._figure(results, beside[0]) if beside else None
            if beside is None or other is None:
                continue
            aims.append(f"{beside[1]:g}x {name}")
            compared.append(f"{found / other:.2g}x {name}")
            reached.append(self._holds(found, other * beside[1]))
        others = [
            self._figure(results, one[0]) if one else None for one in (self.kafka, self.limit)
        ]
        return Verdict(
            self.what,
            _text(found, self.unit),
            *("" if other is None else _text(other, self.unit) for other in others),
            ", ".join(compared),
            f"{'at least' if self.metric in LEAST else 'at most'} {', '.join(aims)}",
            all(reached),
        )

    def _holds(self, found: float, bound: float) -> bool:
        return found >= bound if self.metric in LEAST else found <= bound

    def _figure(self, results: Results, name: str) -> float | None:
        result = results.get(name)
        return None if result is None else result.metrics.get(self.metric)


LEAST = (RATE, "share_of_raw")
PRODUCE, JAVA, LIMIT = "cluster produce", "cluster java", "limit-replicas"
LATENCY, PACED = "cluster latency", "5,000 records/s paced"
RESTARTS, IN_TURN = "cluster restarts", "each broker restarted in turn"
FAILOVER, KILLED = "cluster failover", "leader killed, longest gap"
ROWS = [
    Row(
        "send_batch, flush=os; Kafka: its Java producer",
        f"{PRODUCE} os",
        bound=1.5e6,
        kafka=(f"{JAVA} kafka", 8),
        limit=(LIMIT, 0.5),
    ),
    Row("send_batch, flush=group", f"{PRODUCE} group", bound=0.8e6),
    Row("Kafka's Java producer tool", f"{JAVA} busd", kafka=(f"{JAVA} kafka", 3)),
    Row(f"{PACED}, flush=os, p50", f"{LATENCY} busd os", "p50_ms", 1.5, "ms"),
    Row(
        f"{PACED}, flush=os, p99",
        f"{LATENCY} busd os",
        "p99_ms",
        10,
        "ms",
        (f"{LATENCY} kafka os", 0.5),
    ),
    Row(f"{PACED}, flush=group, p50", f"{LATENCY} busd group", "p50_ms", 3, "ms"),
    Row(
        f"{PACED}, flush=group, p99; Kafka: no fsync",
        f"{LATENCY} busd group",
        "p99_ms",
        20,
        "ms",
        (f"{LATENCY} kafka os", 0.5),
    ),
    Row(f"{KILLED}, p50", FAILOVER, "p50_ms", 400, "ms"),
    Row(f"{KILLED}, p99", FAILOVER, "p99_ms", 1000, "ms"),
    Row(
        f"{KILLED}, controller or etcd's leader as well, p99",
        f"{FAILOVER} control",
        "p99_ms",
        2500,
        "ms",
    ),
    Row(
        f"{KILLED}, librdkafka tuned, p99",
        f"{FAILOVER} librdkafka",
        "p99_ms",
        1500,
        "ms",
        (f"{FAILOVER} kafka", 1),
    ),
    Row(f"{IN_TURN}, failed requests", f"{RESTARTS} ours", "failed", 0, ""),
    Row(f"{IN_TURN}, longest gap", f"{RESTARTS} ours", "all_max_ms", 100, "ms"),
    Row(f"{IN_TURN}, confluent-kafka's failed requests", f"{RESTARTS} confluent", "failed", 0, ""),
    Row(
        "all killed at once, 100 partitions led again after",
        "cluster all killed",
        "led_max_ms",
        10_000,
        "ms",
    ),
    Row("a broker catches up, of the disk's raw rate", "cluster catch-up", "share_of_raw", 0.6, ""),
]


def is_of_cluster(results: list[Result]) -> bool:
    """Was this run about three brokers?"""
    return any(result.name.startswith("cluster ") for result in results)


def verdicts(results: list[Result]) -> Iterator[Verdict]:
    """Every row that was measured."""
    by_name = {result.name: result for result in results}
    for row in ROWS:
        verdict = row.judge(by_name)
        if verdict is not None:
            yield verdict


def _text(value: float, unit: str) -> str:
    if unit == "M/s":
        return f"{value / 1e6:.2f} M/s"
    return (f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}").rstrip()
