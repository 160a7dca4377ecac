"""What three brokers reach is judged as the table says."""

from perf.cluster.table import ROWS, is_of_cluster, verdicts
from perf.kafka.table import Verdict
from perf.result import Result

PRODUCE, JAVA = ROWS[0].what, "Kafka's Java producer tool"
PACED = "5,000 records/s paced, flush=os, p99"


def rate(name: str, millions: float) -> Result:
    return Result(name, {"records_per_second": millions * 1e6})


def p99(name: str, ms: float) -> Result:
    return Result(name, {"p99_ms": ms})


def judged(*results: Result) -> dict[str, Verdict]:
    return {one.what: one for one in verdicts(list(results))}


def test_a_rate_must_reach_its_figure() -> None:
    assert judged(rate("cluster produce os", 1.5))[PRODUCE].reached
    assert not judged(rate("cluster produce os", 1.4))[PRODUCE].reached


def test_a_rate_must_be_so_many_times_that_of_kafka() -> None:
    ours = rate("cluster produce os", 2)
    assert judged(ours, rate("cluster java kafka", 0.25))[PRODUCE].reached
    assert not judged(ours, rate("cluster java kafka", 0.26))[PRODUCE].reached


def test_a_rate_must_be_a_share_of_the_raw_path() -> None:
    ours = rate("cluster produce os", 2)
    assert judged(ours, rate("limit-replicas", 4))[PRODUCE].reached
    assert not judged(ours, rate("limit-replicas", 4.1))[PRODUCE].reached


def test_a_time_must_stay_below_its_figure_and_below_half_of_kafka_s() -> None:
    ours = p99("cluster latency busd os", 9)
    assert judged(ours)[PACED].reached
    assert judged(ours, p99("cluster latency kafka os", 18))[PACED].reached
    assert not judged(ours, p99("cluster latency kafka os", 17))[PACED].reached
    assert not judged(p99("cluster latency busd os", 11))[PACED].reached


def test_a_row_tells_both_figures_and_how_they_compare() -> None:
    row = judged(rate("cluster java busd", 0.9), rate("cluster java kafka", 0.3))[JAVA]
    assert (row.busd, row.kafka, row.found) == ("0.90 M/s", "0.30 M/s", "3x Kafka")
    assert row.aim == "at least 3x Kafka"


def test_what_was_not_measured_has_no_row() -> None:
    assert not judged(rate("produce-batch os", 5))


def test_a_run_of_three_brokers_is_told_from_others() -> None:
    assert is_of_cluster([rate("cluster produce os", 1)])
    assert not is_of_cluster([rate("java produce busd", 1)])


def test_a_share_must_reach_its_figure() -> None:
    def caught_up(share: float) -> bool:
        result = Result("cluster catch-up", {"share_of_raw": share})
        return judged(result)["a broker catches up, of the disk's raw rate"].reached

    assert caught_up(0.7)
    assert not caught_up(0.5)


def test_one_failed_request_is_too_many() -> None:
    def well(failed: int) -> bool:
        result = Result("cluster restarts ours", {"failed": failed})
        return judged(result)["each broker restarted in turn, failed requests"].reached

    assert well(0)
    assert not well(1)
