"""Clients that others wrote go through the scenario list on busd, all at the same time.

The short form of `./run conformance`: one broker, no baseline, the clients that pip has installed.
What Kafka refuses a client, too, is known from docs/results/conformance.json.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.conformance.catalogue import SHORT
from tests.conformance.outcome import Outcome, is_good
from tests.conformance.report import Report
from tests.conformance.scenario_suite import own_command, run
from tests.conformance.scenarios import SCENARIOS
from tests.conformance.targets import BUSD, KAFKA, running

pytestmark = pytest.mark.timeout(900)  # all of them in the time of the first test


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    folder = tmp_path_factory.mktemp("conformance")

    def go(name: str) -> list[Outcome]:
        logs = folder / name
        logs.mkdir()
        command = partial(own_command, SHORT[name])
        return list(run(command, broker, logs, partial(own_command, "confluent")))

    with running(BUSD, folder) as broker, ThreadPoolExecutor(len(SHORT)) as pool:
        return dict(zip(SHORT, pool.map(go, SHORT), strict=True))


@pytest.mark.parametrize("name", SHORT)
def test_a_client_does_on_busd_what_it_does_on_kafka(
    name: str, outcomes: dict[str, list[Outcome]]
) -> None:
    baseline = Report().outcomes(name, KAFKA)
    broken = [one for one in outcomes[name] if not is_good(baseline.get(one.scenario), one)]
    assert not broken
    assert len(outcomes[name]) == len(SCENARIOS)
