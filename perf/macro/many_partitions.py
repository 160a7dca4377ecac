"""Very many partitions on one broker: start, memory, idling, and writing in 64 KiB batches.

Each produce scenario writes the same batches twice, in turns: to one partition, and spread over
all of them; `share` is the second rate as a part of the first one of the same repeat.
"""

import time

import bus
from perf.bench import Bench
from perf.daemon import Daemon
from perf.result import Result
from perf.stats import median
from perf.usage import cpu_seconds, memory_mb

PARTITIONS = 10_000
GROUP_PARTITIONS = 1000
VALUE = b"v" * 1000
RECORDS = 64  # of a batch: 64 KiB
UNANSWERED_MAX = 256  # batches
ROUNDS = 2  # batches to each partition in one stretch
SETTLE_SECONDS = 65.0  # after it, idle partitions rest
IDLE_SECONDS = 20.0


def run(bench: Bench) -> list[Result]:
    """many partitions os, many partitions group, many partitions killed, many partitions idle."""
    partitions = max(100, int(PARTITIONS * bench.scale))
    group = max(100, int(GROUP_PARTITIONS * bench.scale))
    with bench.fresh_directory() as directory:
        data = directory / "data"
        with Daemon(data) as daemon:
            spread = _produce(bench, daemon, "os", partitions)
            grouped = _produce(bench, daemon, "group", group)
            daemon.kill()
        killed = _killed(bench, data, partitions + group)
        return [spread, grouped, killed, _idle(bench, data, partitions + group)]


def _produce(bench: Bench, daemon: Daemon, flush: str, partitions: int) -> Result:
    topic, alone = f"many-{flush}", f"one-{flush}"
    with bus.Admin(daemon.endpoint, timeout_ms=60_000) as admin:
        admin.create_topic(topic, partitions, config={"flush": flush})
        admin.create_topic(alone, 1, config={"flush": flush})
    rates, ones = [], []
    with bus.Producer(daemon.endpoint, delivery_timeout_ms=120_000) as producer:
        _write(producer, topic, partitions)  # makes the files
        for _ in range(bench.repeats):
            ones.append(_write(producer, alone, 1, ROUNDS * partitions))
            rates.append(_write(producer, topic, partitions, ROUNDS * partitions))
    share = median([many / one for many, one in zip(rates, ones, strict=True)])
    rate = median(rates)
    bench.say(f"{partitions} partitions, flush={flush}: {rate / 1e6:.1f} MB/s, {share:.2f}")
    return Result(
        f"many partitions {flush}",
        {"bytes_per_second": rate, "one_partition": median(ones), "share": share},
        runs=rates,
        facts={"partitions": partitions, "batch_bytes": RECORDS * len(VALUE)},
    )


def _write(producer: bus.Producer, topic: str, partitions: int, batches: int = 0) -> float:
    """Bytes a second."""
    values = [VALUE] * RECORDS
    count = batches or partitions
    unanswered: list[bus.Deliveries] = []
    before = time.perf_counter()
    for number in range(count):
        unanswered.append(producer.send_batch(topic, values, partition=number % partitions))
        if len(unanswered) >= UNANSWERED_MAX:
            for deliveries in unanswered[: UNANSWERED_MAX // 2]:
                deliveries.result(120)
            del unanswered[: UNANSWERED_MAX // 2]
    for deliveries in unanswered:
        deliveries.result(120)
    return count * RECORDS * len(VALUE) / (time.perf_counter() - before)


def _killed(bench: Bench, data, partitions: int) -> Result:
    """Start after SIGKILL amid all that was written, of which nothing is closed."""
    with Daemon(data) as daemon:
        ready = daemon.ready_seconds
    bench.say(f"{partitions} partitions: ready {ready:.2f} s after SIGKILL")
    return Result("many partitions killed", {"ready_s": ready}, facts={"partitions": partitions})


def _idle(bench: Bench, data, partitions: int) -> Result:
    """Start after a clean stop, and what it costs to do nothing."""
    with Daemon(data) as daemon:
        ready = daemon.ready_seconds
        time.sleep(SETTLE_SECONDS if bench.scale >= 1 else 1.0)
        before = cpu_seconds(daemon.pid)
        time.sleep(IDLE_SECONDS if bench.scale >= 1 else 2.0)
        spent = cpu_seconds(daemon.pid) - before
        rss = memory_mb(daemon.pid, "VmRSS")
    percent = 100 * spent / (IDLE_SECONDS if bench.scale >= 1 else 2.0)
    bench.say(f"{partitions} partitions: ready {ready:.2f} s, {rss:.0f} MB, {percent:.2f} % idle")
    metrics = {"ready_s": ready, "rss_mb": rss, "idle_percent": percent}
    return Result("many partitions idle", metrics, facts={"partitions": partitions})
