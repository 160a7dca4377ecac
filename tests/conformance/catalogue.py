"""The suites by name: what each is, and how it is run on a broker."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.conformance import (
    frameworks_suite,
    java_tools,
    kafka_python_tests,
    scenario_suite,
)
from tests.conformance.outcome import Outcome
from tests.conformance.targets import Target

Run = Callable[[Target, Path], Iterator[Outcome]]


@dataclass(frozen=True, slots=True)
class Suite:
    """`run` yields an outcome for each scenario as soon as it is known."""

    name: str
    what: str
    run: Run
    settings: Mapping[str, int] = field(default_factory=dict)  # of all brokers


def _client(name: str, what: str, command: Callable[[], list[str]]) -> Suite:
    return Suite(name, what, partial(scenario_suite.run, command))


SUITES = {
    suite.name: suite
    for suite in (
        _client("kcat", "kcat 1.7 of Debian", scenario_suite.kcat_command),
        _client(
            "confluent-kafka",
            "confluent-kafka 2.16, librdkafka",
            partial(scenario_suite.python_command, "confluent"),
        ),
        _client("aiokafka", "aiokafka 0.14", partial(scenario_suite.python_command, "aiokafka")),
        _client(
            "kafka-python",
            "kafka-python 3.0",
            partial(scenario_suite.python_command, "kafka_python"),
        ),
        _client("java-3.9", "Kafka's Java client 3.9", scenario_suite.java_command("client39")),
        _client("java-4.1", "Kafka's Java client 4.1", scenario_suite.java_command("broker")),
        Suite(
            "kafka-python-tests",
            "its integration tests, as they are",
            kafka_python_tests.run,
            kafka_python_tests.SETTINGS,
        ),
        Suite("java-tools", "Kafka's tools 4.1, as they are", java_tools.run),
        Suite("frameworks", "what others built on those clients", frameworks_suite.run),
    )
}
SHORT = {  # in `./run test`: what its environment has, by the module of its agent
    "confluent-kafka": "confluent",
    "aiokafka": "aiokafka",
    "kafka-python": "kafka_python",
}
