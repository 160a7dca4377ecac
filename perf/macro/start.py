"""How soon busd serves and how much it takes idle; how soon an embedded broker acknowledges."""

import subprocess
import sys
import time

from perf.bench import Bench
from perf.daemon import Daemon
from perf.result import Result
from perf.stats import median
from perf.usage import memory_mb

REPEATS_MIN = 5
IDLE_SECONDS = 1.0
EMBEDDED = """
import sys, time
import bus
bus.Broker, bus.Producer, bus.Consumer  # lazily imported names
before = time.perf_counter()
broker = bus.Broker(sys.argv[1])
producer = broker.producer(linger_ms=0)
producer.send("first", b"x" * 100).result(10)
print(time.perf_counter() - before)
producer.close()
broker.close()
"""


def run(bench: Bench) -> list[Result]:
    """start busd and start embedded; medians."""
    return [_daemon(bench), _embedded(bench)]


def _daemon(bench: Bench) -> Result:
    ready, memory = [], []
    for _ in range(max(REPEATS_MIN, bench.repeats)):
        with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
            time.sleep(IDLE_SECONDS)
            ready.append(daemon.ready_seconds)
            memory.append(memory_mb(daemon.pid, "VmRSS"))
    bench.say(f"start busd: {median(ready):.3f} s, {median(memory):.1f} MB")
    metrics = {"ready_s": median(ready), "rss_mb": median(memory)}
    return Result("start busd", metrics, runs=ready, facts={"data": "a new directory"})


def _embedded(bench: Bench) -> Result:
    times = []
    for _ in range(max(REPEATS_MIN, bench.repeats)):
        with bench.fresh_directory() as directory:
            command = [sys.executable, "-c", EMBEDDED, str(directory / "data")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times.append(float(done.stdout) * 1000)
    bench.say(f"start embedded: {median(times):.1f} ms to the first record")
    return Result(
        "start embedded",
        {"first_record_ms": median(times)},
        runs=times,
        facts={"flush": "group", "imports": "done before"},
    )
