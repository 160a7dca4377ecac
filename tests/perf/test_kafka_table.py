"""What Kafka's clients reach is judged as the table says, and a run is told from other runs."""

from perf.kafka.table import ROWS, is_of_clients, verdicts
from perf.result import Result


def rate(name: str, millions: float, cpu: float = 0.1) -> Result:
    return Result(
        name,
        {"records_per_second": millions * 1e6},
        [millions * 1e6],
        {"broker": {"cpu_seconds_per_million": cpu}},
        {"private_mb": 40.0, "steal": 0.0},
    )


def three(name: str, busd: float, kafka: float, null: float) -> list[Result]:
    return [
        rate(f"{name} {side}", n)
        for side, n in zip(("busd", "kafka", "null"), (busd, kafka, null), strict=True)
    ]


def reached(*results: Result) -> dict[str, bool]:
    return {one.what: one.reached for one in verdicts(list(results))}


JAVA = "Java producer tool, acks=all"


def test_so_many_times_kafka_is_enough() -> None:
    assert reached(*three("java produce", 1.5, 1.0, 3.0))[JAVA]


def test_most_of_what_a_null_broker_allows_is_enough() -> None:
    assert reached(*three("java produce", 1.1, 1.0, 1.3))[JAVA]


def test_less_than_both_is_not() -> None:
    assert not reached(*three("java produce", 1.4, 1.0, 1.8))[JAVA]


def test_cpu_counts_a_million_in_and_out_again() -> None:
    ours = [rate("java produce busd", 1, 0.2), rate("java consume busd", 1, 0.1)]
    dear = [rate("java produce kafka", 1, 0.6), rate("java consume kafka", 1, 0.1)]
    cheap = [rate("java produce kafka", 1, 0.2), rate("java consume kafka", 1, 0.3)]
    what = "CPU of the broker, a million in and out, Java"
    assert reached(*ours, *dear)[what]
    assert not reached(*ours, *cheap)[what]


def test_a_latency_of_nothing_is_no_worse_than_nothing() -> None:
    told = [Result(f"end to end {side}", {"p50_ms": 0.0}) for side in ("busd", "kafka")]
    assert reached(*told) == {"EndToEndLatency, p50 in whole ms": True}


def test_what_was_not_measured_has_no_row() -> None:
    assert list(verdicts([])) == []


def test_groups_alone_are_no_run_of_clients() -> None:
    groups = Result("groups join", {"seconds": 1.0})
    assert not is_of_clients([groups])
    assert is_of_clients([groups, rate("java produce busd", 1)])


def test_no_row_says_the_same_as_another() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
