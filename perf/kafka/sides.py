"""The brokers that stand side by side: Apache Kafka, busd, and one that forgets what it is told.

All run during the whole part, so that one after the other can be asked in each round, and a busy
minute of the machine meets all of them. Who is not asked rests. Before a broker is written to, as
much memory is used and given back by a file: else who comes first, or after a pause, pays for pages
that a virtual machine has to fetch from its host, and that is no property of a broker.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perf.bench import Bench, of_rates
from perf.child import free_port
from perf.daemon import Daemon
from perf.foreign.kafka_broker import KafkaBroker
from perf.limits.null_broker import NullBroker
from perf.result import Result
from perf.rivals import confluent
from perf.usage import Stopwatch, memory_mb

KAFKA, BUSD, NULL = "kafka", "busd", "null"
TOPIC_CONFIG = {  # all leave records to the page cache, and a deleted topic is gone at once
    KAFKA: {"file.delete.delay.ms": "100"},
    BUSD: {"flush": "os"},
}
WARM_PIECE = bytes(1 << 20)
WATCH_SECONDS = 0.1


@dataclass(slots=True)
class Side:
    """One broker: where its Kafka listener is, and what it used."""

    name: str
    endpoint: str  # host:port
    pid: int
    private_mb: float = 0.0  # the most that its process had for itself
    timed: dict[str, "Timing"] = field(default_factory=dict)  # by what was done

    def make_topic(self, topic: str) -> None:
        """A topic of one partition, flush=os."""
        confluent.make_topic(self.endpoint, topic, **TOPIC_CONFIG.get(self.name, {}))

    def delete_topic(self, topic: str) -> None:
        """Its files go; the null broker has none."""
        if self.name != NULL:
            confluent.delete_topic(self.endpoint, topic)

    def time(self, what: str, records: int, work: Callable[..., float], *more: object) -> float:
        """`work(self, *more)` returns a rate; what the broker uses meanwhile is added up."""
        timing = self.timed.setdefault(what, Timing(Stopwatch(broker=self.pid)))
        with timing.stopwatch:
            rate = work(self, *more)
        timing.rates.append(rate)
        timing.records += records
        return rate

    def results(self, facts: dict[str, str]) -> list[Result]:
        """One a kind of work, called by that and by the broker."""
        return [
            timing.result(f"{what} {self.name}", private_mb=round(self.private_mb, 1), **facts)
            for what, timing in self.timed.items()
        ]


@dataclass(slots=True)
class Timing:
    """The repeats of one kind of work on one broker."""

    stopwatch: Stopwatch
    rates: list[float] = field(default_factory=list)
    records: int = 0

    def result(self, name: str, **facts: str | int | float) -> Result:
        """With the CPU time of the broker."""
        result = of_rates(name, self.rates, self.stopwatch, **facts)
        result.processes = self.stopwatch.processes(self.records)
        result.facts["records_a_repeat"] = self.records // len(self.rates)
        return result


@contextmanager
def running(bench: Bench, *names: str) -> Iterator[list[Side]]:
    """These brokers, each in a fresh directory on the disk that is measured."""
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        sides = [_start(stack, name, directory) for name in names]
        stack.enter_context(_watched(sides))
        yield sides


def warm_pages(directory: Path, size: int) -> None:
    """Use so much memory for a file, and give it back."""
    path = directory / "warm"
    with path.open("wb") as file:
        for _ in range(0, size, len(WARM_PIECE)):
            file.write(WARM_PIECE)
    path.unlink()


def facts(directory_of_jars: Path | None = None) -> dict[str, str]:
    """What all results of a part tell: the versions."""
    from perf.foreign.maven import jars, java_version

    (jar,) = (directory_of_jars or jars("broker")).glob("kafka_2*.jar")
    kafka = jar.stem.rpartition("-")[2]
    told = f"Kafka {kafka}, Java {java_version()}, {confluent.versions()}"
    return {"policy": "page cache", "versions": told}


def _start(stack: ExitStack, name: str, directory: Path) -> Side:
    if name == KAFKA:
        kafka = stack.enter_context(KafkaBroker(directory / "kafka"))
        return Side(name, kafka.endpoint, kafka.pid)
    if name == NULL:
        null = stack.enter_context(NullBroker(directory / "null.log", free_port()))
        return Side(name, null.endpoint, null.pid)
    endpoint = f"127.0.0.1:{free_port()}"
    daemon = stack.enter_context(Daemon(directory / "busd", "--kafka", endpoint))
    return Side(name, endpoint, daemon.pid)


@contextmanager
def _watched(sides: Sequence[Side]) -> Iterator[None]:
    """Looks at their memory all the time: what counts is the most of it, under load."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_SECONDS):
            for side in sides:
                side.private_mb = max(side.private_mb, memory_mb(side.pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
