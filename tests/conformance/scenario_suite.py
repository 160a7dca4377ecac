"""A client of somebody going through the scenario list."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from perf.foreign import venv
from perf.foreign.debian import InstallFailed, need
from perf.foreign.maven import compiled, jars, java
from tests.conformance.agent_process import AgentDied, AgentProcess
from tests.conformance.agents.agent import Absent, Refused
from tests.conformance.outcome import ABSENT, FAILED, NOT_RUN, PASSED, Outcome
from tests.conformance.scenarios import SCENARIOS, Scenario
from tests.conformance.targets import Target
from tests.conformance.world import World, Wrong

AGENTS = "tests.conformance.agents"
JAVA_AGENT = Path(__file__).parent / "agents" / "JavaAgent.java"
CLIENTS = (  # versions are pinned, so that a table says what it was measured with
    "confluent-kafka==2.16.1",
    "aiokafka[lz4,snappy,zstd]==0.14.0",
    "kafka-python[crc32c,lz4,snappy,zstd]==3.0.12",
)


def python_command(module: str) -> list[str]:
    """An agent in the environment of the Python clients."""
    return [str(venv.python("clients", *CLIENTS)), "-m", f"{AGENTS}.{module}"]


def own_command(module: str) -> list[str]:
    """An agent in the environment of the tests, with the clients that it has."""
    return [sys.executable, "-m", f"{AGENTS}.{module}"]


HELPER = partial(python_command, "confluent")


def kcat_command() -> list[str]:
    need("kcat", "kcat")
    return python_command("kcat")


def java_command(folder: str) -> Callable[[], list[str]]:
    """The Java agent with the jars of that version."""

    def command() -> list[str]:
        found = jars(folder)
        classes = compiled(JAVA_AGENT, found)
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        return [java(), *options, "-cp", f"{classes}:{found}/*", "JavaAgent"]

    return command


def run(
    command: Callable[[], Sequence[str]],
    target: Target,
    directory: Path,
    helper: Callable[[], Sequence[str]] = HELPER,
) -> Iterator[Outcome]:
    """Each scenario in turn; one that fails does not keep the next from being run."""
    try:
        agent, helper_command = command(), helper()
    except InstallFailed as error:
        yield from (Outcome(scenario.name, NOT_RUN, str(error)) for scenario in SCENARIOS)
        return
    log = directory / "agents.log"
    helping = AgentProcess([*helper_command, target.bootstrap], directory / "helper.log")
    world = World(agent, helping, log, target)
    try:
        for scenario in SCENARIOS:
            yield outcome(scenario, world)
    finally:
        world.close()
        helping.end()


def outcome(scenario: Scenario, world: World) -> Outcome:
    """One scenario, and what it leaves behind is ended."""
    started = time.monotonic()
    state, reason = PASSED, ""
    try:
        scenario.run(world)
    except Absent as error:
        state, reason = ABSENT, str(error)
    except (Wrong, Refused) as error:
        state, reason = FAILED, str(error)
    except AgentDied as error:
        state, reason = FAILED, str(error)
        world.renew()
    finally:
        world.forget_members()
    return Outcome(scenario.name, state, reason, round(time.monotonic() - started, 2))
