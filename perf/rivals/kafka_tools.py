"""Kafka's own Java perf tools: how they are called, and what they print.

Their JVM compiles while it measures, so what they say of the first seconds is left out: the
producer's first window of five seconds, the consumer's first two seconds.
"""

import datetime
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perf.bench import Failed
from perf.foreign.kafka_broker import BATCH_BYTES_MAX
from perf.foreign.maven import java

JVM = ["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
TOOLS = "org.apache.kafka.tools"
RUN_SECONDS_MAX = 600
CONSUMER_WARM_UP_SECONDS = 2.0
CONSUMER_SETTINGS = """\
max.partition.fetch.bytes=10485760
fetch.max.bytes=52428800
max.poll.records=10000
receive.buffer.bytes=2097152
enable.auto.commit=false
"""
PRODUCER_SETTINGS = {  # of several tried, the fastest
    "acks": "all",
    "batch.size": 1_000_000,
    "linger.ms": 20,
    "buffer.memory": 67_108_864,
    "max.request.size": BATCH_BYTES_MAX,
}
END_TO_END_BYTES = 100
END_TO_END = re.compile(
    r"^Avg latency: ([\d.]+) ms\n"
    r"Percentiles: 50th = (\d+), 99th = (\d+), 99\.9th = (\d+)$",
    re.MULTILINE,
)
WINDOW = re.compile(r"^(\d+) records sent, ([\d.]+) records/sec \(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Timed:
    """A stretch that a tool has timed: after its warm-up, if it was long enough to have one."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds


def produce(jars: Path, endpoint: str, topic: str, records: int, value_bytes: int) -> Timed:
    """kafka-producer-perf-test: `records` random values, each acknowledged."""
    settings = {"bootstrap.servers": endpoint, **PRODUCER_SETTINGS}
    words = ["--topic", topic, "--num-records", str(records), "--throughput", "-1"]
    words += ["--record-size", str(value_bytes), "--producer-props"]
    words += [f"{name}={value}" for name, value in settings.items()]
    return parse_producer(_run(jars, "ProducerPerformance", words), records)


def consume(jars: Path, endpoint: str, topic: str, records: int, settings: Path) -> Timed:
    """kafka-consumer-perf-test: the first `records` of the topic; `settings` is a file to write."""
    settings.write_text(CONSUMER_SETTINGS)
    words = ["--bootstrap-server", endpoint, "--topic", topic, "--messages", str(records)]
    words += ["--consumer.config", str(settings), "--hide-header"]
    words += ["--show-detailed-stats", "--reporting-interval", "250"]
    words += ["--date-format", "yyyy-MM-dd'T'HH:mm:ss.SSS"]
    return parse_consumer(_run(jars, "ConsumerPerformance", words), records)


def end_to_end(jars: Path, endpoint: str, topic: str, messages: int) -> dict[str, float]:
    """EndToEndLatency: each message acknowledged by all and read before the next; milliseconds."""
    words = [endpoint, topic, str(messages), "all", str(END_TO_END_BYTES)]
    return parse_end_to_end(_run(jars, "EndToEndLatency", words))


def parse_producer(text: str, records: int) -> Timed:
    """Windows of five seconds, then the sum, all in lines of the same beginning."""
    lines = [(int(count), float(rate)) for count, rate in WINDOW.findall(text)]
    if not lines or lines[-1][0] != records:
        raise Failed(f"the Java producer did not send {records} records: {text[-1000:]}")
    seconds = [count / rate for count, rate in lines if count]
    if len(seconds) < 3:  # too short for a window beside the warm-up
        return Timed(records, seconds[-1])
    return Timed(records - lines[0][0], seconds[-1] - seconds[0])


def parse_consumer(text: str, records: int) -> Timed:
    """A line an interval: time, thread, MB and MB/s, records so far, ...; the last is left out."""
    points = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 10 and fields[4].isdigit():
            points.append((datetime.datetime.fromisoformat(fields[0]), int(fields[4])))
    if "before consuming the expected number" in text or not points:
        raise Failed(f"the Java consumer did not see {records} records: {text[-1000:]}")
    warm = datetime.timedelta(seconds=CONSUMER_WARM_UP_SECONDS)
    start = next((point for point in points if point[0] - points[0][0] >= warm), points[0])
    end = points[-1]
    if end[0] <= start[0]:
        raise Failed(f"the Java consumer was done before it was warm; take more than {records}")
    return Timed(end[1] - start[1], (end[0] - start[0]).total_seconds())


def parse_end_to_end(text: str) -> dict[str, float]:
    """The mean, and percentiles in whole milliseconds."""
    found = END_TO_END.search(text)
    if found is None:
        raise Failed(f"the latency tool told nothing: {text[-1000:]}")
    names = ("mean_ms", "p50_ms", "p99_ms", "p999_ms")
    return dict(zip(names, map(float, found.groups()), strict=True))


def _run(jars: Path, tool: str, words: list[str]) -> str:
    command = [java(), *JVM, "-cp", f"{jars}/*", f"{TOOLS}.{tool}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    if done.returncode:
        raise Failed(f"{tool} failed: {(done.stdout + done.stderr)[-1000:]}")
    return done.stdout + done.stderr
