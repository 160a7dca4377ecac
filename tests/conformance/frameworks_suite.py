"""Frameworks that others built on those clients: each counts words, or copies a file.

An application gets words on one topic and must tell on another how often it has seen each, so that
its output is known: for the n-th "word" it is "word n". Then it is killed, started again, and given
more: it must go on from its commits and, where it keeps state in a changelog topic, from its state.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.child import Child
from perf.foreign import venv
from perf.foreign.debian import InstallFailed
from perf.foreign.maven import compiled, jars, java
from tests.conformance.agent_process import AgentDied, AgentProcess
from tests.conformance.agents.agent import Refused
from tests.conformance.outcome import FAILED, NOT_RUN, PASSED, Outcome
from tests.conformance.scenario_suite import python_command
from tests.conformance.targets import Target
from tests.conformance.world import Wrong, record, wait_for

APPS = Path(__file__).parent / "frameworks"
PACKAGES = ("quixstreams==3.28.1", "faust-streaming==0.15.3", "faststream[kafka]==0.7.8")
JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog") * 20
MORE = ("the", "end")
START_SECONDS_MAX = 90.0
LINES = 500
WORKER = """\
bootstrap.servers={bootstrap}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename={folder}/offsets
offset.flush.interval.ms=500
listeners=http://127.0.0.1:0
consumer.auto.offset.reset=earliest
"""
SOURCE = "name=source\nconnector.class=FileStreamSource\nfile={folder}/in.txt\ntopic=lines\n"
SINK = "name=sink\nconnector.class=FileStreamSink\nfile={folder}/out.txt\ntopics=lines\n"


@dataclass(frozen=True, slots=True)
class App:
    """A word count; `command` takes bootstrap, source topic, sink topic, a folder for state."""

    name: str
    command: Callable[[], Sequence[str]]
    keeps_state: bool = True


def run(target: Target, directory: Path) -> Iterator[Outcome]:
    """Every framework in turn."""
    helper = AgentProcess([*python_command("confluent"), target.bootstrap], directory / "h.log")
    try:
        for app in APPLICATIONS:
            yield _outcome(app.name, lambda app=app: count_words(app, target, helper, directory))
        yield _outcome("Kafka Connect", lambda: copy_file(target, directory / "connect"))
    finally:
        helper.end()


def count_words(app: App, target: Target, helper: AgentProcess, directory: Path) -> None:
    """Words in, counts out; killed, started again, more words."""
    name = app.name.lower().replace(" ", "-")
    source, sink = f"{name}-words", f"{name}-counts"
    for topic in (source, sink):
        helper.create(topic=topic)
    folder = directory / name
    folder.mkdir()
    command = [*app.command(), target.bootstrap, source, sink, str(folder)]
    wanted = counted(WORDS)
    helper.produce(topic=source, records=[record(word, key=word) for word in WORDS])
    with started(command, folder / "app.log") as child:
        _wait_for_counts(helper, sink, wanted, child)
        time.sleep(1.5)  # its commit interval: what it has not committed it may tell twice
        child.kill()
    helper.produce(topic=source, records=[record(word, key=word) for word in MORE])
    wanted += counted([*WORDS, *MORE])[-len(MORE) :] if app.keeps_state else counted(MORE)
    with started(command, folder / "app.log") as child:
        _wait_for_counts(helper, sink, wanted, child)


def counted(words: Sequence[str]) -> list[str]:
    """What a word count tells of these."""
    counts: Counter[str] = Counter()
    told = []
    for word in words:
        counts[word] += 1
        told.append(f"{word} {counts[word]}")
    return told


def copy_file(target: Target, folder: Path) -> None:
    """Connect standalone: a file's lines become records, and those the lines of another file."""
    folder.mkdir()
    lines = [f"line {number}" for number in range(LINES)]
    (folder / "in.txt").write_text("".join(f"{line}\n" for line in lines))
    for name, text in (("worker", WORKER), ("source", SOURCE), ("sink", SINK)):
        settings = text.format(bootstrap=target.bootstrap, folder=folder)
        (folder / f"{name}.properties").write_text(settings)
    main = ["-cp", f"{jars('connect')}/*", "org.apache.kafka.connect.cli.ConnectStandalone"]
    words = [str(folder / f"{name}.properties") for name in ("worker", "source", "sink")]
    copied = folder / "out.txt"
    with started([java(), *JVM, *main, *words], folder / "connect.log") as child:

        def done() -> bool:
            _alive(child)
            return copied.exists() and len(copied.read_text().splitlines()) >= LINES

        wait_for(f"{LINES} lines are copied", done, START_SECONDS_MAX)
    if copied.read_text().splitlines() != lines:
        raise Wrong("the copied file is another one")


@contextmanager
def started(command: Sequence[str], log: Path) -> Iterator[Child]:
    """An application that runs, and is ended whatever happens."""
    child = Child(command, log)
    try:
        yield child
    finally:
        child.kill()


def _wait_for_counts(helper: AgentProcess, topic: str, wanted: list[str], child: Child) -> None:
    def there() -> bool:
        _alive(child)
        return helper.offsets(topic=topic)[1] >= len(wanted)

    wait_for(f"{len(wanted)} counts", there, START_SECONDS_MAX)
    rows = helper.read(topic=topic, count=len(wanted))
    found = Counter(row[3].strip('"') for row in rows)
    if found != Counter(wanted):
        raise Wrong(f"it tells {Counter(found) - Counter(wanted)} too much")


def _alive(child: Child) -> None:
    if child.process.poll() is not None:
        raise Wrong(f"it ended: {child.last_words()[-500:]}")


def _outcome(name: str, work: Callable[[], None]) -> Outcome:
    start = time.monotonic()
    state, reason = PASSED, ""
    try:
        work()
    except InstallFailed as error:
        state, reason = NOT_RUN, str(error)
    except (Wrong, Refused, AgentDied) as error:
        state, reason = FAILED, str(error)
    return Outcome(name, state, reason, round(time.monotonic() - start, 2))


def _python(app: str) -> Callable[[], list[str]]:
    return lambda: [str(venv.python("frameworks", *PACKAGES)), str(APPS / app)]


def _streams() -> list[str]:
    folder = jars("streams")
    classes = compiled(APPS / "WordCount.java", folder)
    return [java(), *JVM, "-cp", f"{classes}:{folder}/*", "WordCount"]


APPLICATIONS = (
    App("quixstreams", _python("quixstreams_app.py")),
    App("Faust", _python("faust_app.py")),
    App("FastStream", _python("faststream_app.py"), keeps_state=False),
    App("Kafka Streams", _streams),
)
