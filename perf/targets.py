"""The table of what busd must reach, and how each row is judged.

A row names a result, a metric and a bound. `share` is a least part of the row's limit; `times` is
the most that a latency may be of the bare relay's. Of `of`, a figure of another result, `least`
is a part that this one must reach: group commit may not fall below a third of flush=os.
"""

from dataclasses import dataclass

from perf.result import Result

RATE = "records_per_second"


@dataclass(frozen=True, slots=True)
class Target:
    """One figure with its bound; rates and shares are least, times are most."""

    what: str
    result: str
    metric: str
    bound: float
    unit: str = "M/s"
    most: bool = False  # the bound is an upper one
    share: float | None = None  # of the result's limit, at least
    times: float | None = None  # of the relay's same metric, at most
    of: tuple[str, float] | None = None  # (other result, least part of its figure)


TARGETS = [
    Target("send_batch, flush=os", "produce-batch os", RATE, 10e6, share=0.5),
    Target(
        "send_batch, flush=group", "produce-batch group", RATE, 4e6, of=("produce-batch os", 1 / 3)
    ),
    Target("send(), flush=os", "produce-send os", RATE, 2.5e6),
    Target("poll_batch, columns", "consume columns", RATE, 20e6),
    Target("poll_batch, list[bytes]", "consume list", RATE, 10e6),
    Target("record by record", "consume records", RATE, 3e6),
    Target("columns, over TCP", "consume-socket columns", RATE, 7e6),
    Target("list[bytes], over TCP", "consume-socket list", RATE, 3e6),
    Target("record by record, over TCP", "consume-socket records", RATE, 3e6),
    Target("embedded send_batch, os", "embedded produce os", RATE, 10e6),
    Target("embedded send_batch, group", "embedded produce group", RATE, 4e6),
    Target("embedded send()", "embedded send os", RATE, 2.5e6),
    Target("embedded columns", "embedded columns", RATE, 20e6),
    Target("embedded list[bytes]", "embedded list", RATE, 10e6),
    Target("embedded records", "embedded records", RATE, 3e6),
    Target("10 GB in a row", "ten-gigabytes", RATE, 5e6),
    Target("10 GB, slowest second", "ten-gigabytes", "slowest_second", 2e6),
    Target("one message, os, p50", "latency os", "p50_ms", 0.3, "ms", True, times=2),
    Target("one message, os, p99", "latency os", "p99_ms", 1.5, "ms", True, times=3),
    Target("one message, group, p50", "latency group", "p50_ms", 0.8, "ms", True),
    Target("one message, group, p99", "latency group", "p99_ms", 8.0, "ms", True),
    Target("8 subscribers, at 1 M/s", "fanout 8", RATE, 0.95e6),
    Target("8 subscribers, p99", "fanout 8", "p99_ms", 20, "ms", True),
    Target("8 subscribers, unpaced", "fanout 8 unpaced", RATE, 1e6, of=("fanout lone", 1 / 3)),
    Target("200 subscribers, p99", "fanout 200", "p99_ms", 50, "ms", True),
    Target("200 subscribers, RSS", "fanout 200", "rss_mb", 250, "MB", True),
    Target("open loop at 10,000/s, p50", "open loop", "p50_ms", 0.7, "ms", True),
    Target("open loop at 10,000/s, p99", "open loop", "p99_ms", 5, "ms", True),
    Target("busd serve ready", "start busd", "ready_s", 0.3, "s", True),
    Target("busd idle, RSS", "start busd", "rss_mb", 80, "MB", True),
    Target("embedded, first record", "start embedded", "first_record_ms", 50, "ms", True),
    Target("a test's broker and its Kafka port", "start fixture", "ready_ms", 50, "ms", True),
    Target("10,000 partitions, os, of one", "many partitions os", "share", 1 / 3, ""),
    Target("1,000 partitions, group, of one", "many partitions group", "share", 1 / 3, ""),
    Target("10,000 partitions, ready", "many partitions idle", "ready_s", 5, "s", True),
    Target("the same after SIGKILL", "many partitions killed", "ready_s", 5, "s", True),
    Target("10,000 partitions, RSS", "many partitions idle", "rss_mb", 600, "MB", True),
    Target("10,000 partitions, idle CPU", "many partitions idle", "idle_percent", 1, "%", True),
    Target("100 members join", "groups join", "seconds", 3, "s", True),
    Target("one of 100 members leaves", "groups leave", "seconds", 3.5, "s", True),
    Target(
        "positions a minute, 10 a request", "groups commit 10", "positions_per_minute", 1e6, "/min"
    ),
    Target("size of __consumer_offsets at that pace", "groups log", "mb_max", 200, "MB", True),
    Target("commits of one position", "groups commit 1", "requests_per_second", 5000, "/s"),
    Target("loading a million commits", "groups load", "seconds", 1.5, "s", True),
    Target("100 of our members join", "group pause", "joined_seconds", 3, "s", True),
    Target("pause of kept partitions", "group pause", "kept_pause_ms", 100, "ms", True),
    Target("recovery of 1 GiB", "recovery", "ready_s", 1.5, "s", True),
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the report."""

    what: str
    target: str
    found: str
    share: str  # of the limit, or times the relay
    passed: bool | None  # None: not measured


def judge(target: Target, results: dict[str, Result]) -> Verdict:
    """Hold one target against what was measured."""
    bound = f"{'at most' if target.most else 'at least'} {_figure(target.bound, target.unit)}"
    result = results.get(target.result)
    if result is None or target.metric not in result.metrics:
        return Verdict(target.what, bound, "not measured", "", None)
    found = result.metrics[target.metric]
    passed = found <= target.bound if target.most else found >= target.bound
    share, share_passed = _share(target, result, found, results)
    return Verdict(target.what, bound, _figure(found, target.unit), share, passed and share_passed)


def _share(
    target: Target, result: Result, found: float, results: dict[str, Result]
) -> tuple[str, bool]:
    """How it compares with what bounds it, and whether that is enough."""
    if target.times is not None and "limit-relay" in results:
        times = found / results["limit-relay"].metrics[target.metric]
        return f"{times:.1f} x the relay (at most {target.times:g} x)", times <= target.times
    if target.of is not None and target.of[0] in results:
        part = found / results[target.of[0]].metrics[target.metric]
        return f"{part:.0%} of {target.of[0]} (at least {target.of[1]:.0%})", part >= target.of[1]
    if target.metric == RATE and result.limit in results:
        part = found / results[result.limit].metrics[RATE]
        least = f" (at least {target.share:.0%})" if target.share else ""
        return f"{part:.0%}{least}", part >= (target.share or 0)
    return "", True


def beaten_limits(results: dict[str, Result]) -> list[str]:
    """A sentence for each result above its limit: the limit was set too low."""
    sentences = []
    for result in results.values():
        limit = results.get(result.limit or "")
        if limit is None:
            continue
        rate, most = result.rate(), limit.rate()
        if rate is not None and most is not None and rate > most:
            sentences.append(
                f"{result.name} reached {rate / 1e6:.1f} M records/s, above {limit.name} with "
                f"{most / 1e6:.1f} M: the limit was measured too low, so no share of it holds."
            )
    return sentences


def _figure(value: float, unit: str) -> str:
    if unit == "M/s":
        return f"{value / 1e6:.2f} M records/s"
    return f"{value:.3g} {unit}".rstrip()
