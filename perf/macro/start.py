"""How soon busd serves, and what it takes idle; how soon brokers within a process are there."""

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
FIXTURE = """
import socket, time
from bus.testing.broker import TemporaryBroker
for _ in range(2):  # the first imports the rest
    before = time.perf_counter()
    broker = TemporaryBroker()
    host, port = broker.bootstrap.split(":")
    socket.create_connection((host, int(port))).close()
    taken = time.perf_counter() - before
    broker.close()
print(taken)
"""


def run(bench: Bench) -> list[Result]:
    """start busd, start embedded and start fixture; medians."""
    return [_daemon(bench), _embedded(bench), _fixture(bench)]


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
            times.append(_told_ms(EMBEDDED, str(directory / "data")))
    bench.say(f"start embedded: {median(times):.1f} ms to the first record")
    return Result(
        "start embedded",
        {"first_record_ms": median(times)},
        runs=times,
        facts={"flush": "group", "imports": "done before"},
    )


def _fixture(bench: Bench) -> Result:
    times = [_told_ms(FIXTURE) for _ in range(max(REPEATS_MIN, bench.repeats))]
    bench.say(f"start fixture: {median(times):.1f} ms until a Kafka client is connected")
    return Result(
        "start fixture",
        {"ready_ms": median(times)},
        runs=times,
        facts={"imports": "done before", "port": "opened on demand"},
    )


def _told_ms(program: str, *arguments: str) -> float:
    """The seconds that a Python program prints, as milliseconds."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000
