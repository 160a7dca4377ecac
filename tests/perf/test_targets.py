"""Figures are held against their targets and limits as the table says."""

from perf.result import Result
from perf.targets import TARGETS, beaten_limits, judge


def rate(name: str, records: float, limit: str | None = None) -> Result:
    return Result(name, {"records_per_second": records}, limit=limit)


def verdict(what: str, *results: Result):
    target = next(target for target in TARGETS if target.what == what)
    return judge(target, {result.name: result for result in results})


def test_a_rate_must_reach_its_bound() -> None:
    assert verdict("send(), flush=os", rate("produce-send os", 2.6e6)).passed
    assert not verdict("send(), flush=os", rate("produce-send os", 2.4e6)).passed


def test_what_was_not_measured_is_neither_passed_nor_failed() -> None:
    assert verdict("send(), flush=os").passed is None


def test_a_rate_may_also_have_to_reach_a_share_of_its_limit() -> None:
    result = rate("produce-batch os", 11e6, "limit-produce")
    assert verdict("send_batch, flush=os", result, rate("limit-produce", 20e6)).passed
    assert not verdict("send_batch, flush=os", result, rate("limit-produce", 30e6)).passed


def test_group_commit_may_not_fall_below_a_third_of_the_page_cache() -> None:
    group = rate("produce-batch group", 5e6)
    assert verdict("send_batch, flush=group", group, rate("produce-batch os", 14e6)).passed
    assert not verdict("send_batch, flush=group", group, rate("produce-batch os", 16e6)).passed


def test_a_latency_is_bounded_and_compared_with_the_relay() -> None:
    result = Result("latency os", {"p50_ms": 0.25})
    fast, slow = (Result("limit-relay", {"p50_ms": ms}) for ms in (0.1, 0.2))
    assert verdict("one message, os, p50", result, slow).passed
    assert not verdict("one message, os, p50", result, fast).passed


def test_a_result_above_its_limit_is_told() -> None:
    results = [rate("consume list", 3e6, "limit-list"), rate("limit-list", 2e6)]
    (sentence,) = beaten_limits({result.name: result for result in results})
    assert "consume list" in sentence
    assert "too low" in sentence
