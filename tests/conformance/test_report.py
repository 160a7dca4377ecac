"""What `./run conformance` has found and is committed: whatever passes on Kafka passes on busd."""

import tomllib
from pathlib import Path

import pytest

from bus.broker.dispatch import SERVED
from tests.conformance.catalogue import SHORT, SUITES
from tests.conformance.known import KNOWN
from tests.conformance.outcome import FAILED, NOT_RUN, PASSED
from tests.conformance.report import Report
from tests.conformance.scenarios import SCENARIOS
from tests.conformance.targets import KAFKA, NAMES

ALLOWED = Path(__file__).parents[1] / "allowed_skips.toml"


def test_every_client_of_the_short_form_has_a_baseline_of_all_scenarios() -> None:
    for name in SHORT:
        assert set(Report().outcomes(name, KAFKA)) == {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("name", SUITES)
def test_what_passes_on_kafka_passes_on_busd(name: str) -> None:
    report = Report()
    assert report.outcomes(name, KAFKA)
    assert report.broken(name) == []


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("name", SUITES)
def test_what_could_not_be_run_has_a_reason_that_is_allowed(name: str, target: str) -> None:
    allowed = tomllib.loads(ALLOWED.read_text())["reasons"]
    missing = [one for one in Report().outcomes(name, target).values() if one.state == NOT_RUN]
    assert [one for one in missing if one.reason not in allowed] == []


@pytest.mark.parametrize(("suite", "scenario"), KNOWN)
def test_what_is_excused_fails_for_a_request_that_is_not_served(suite: str, scenario: str) -> None:
    assert KNOWN[suite, scenario] not in {api.name for api in SERVED}
    found = dict(Report().rows(suite))
    assert [one.state for one in found[scenario]] == [PASSED, FAILED, FAILED]


def test_the_page_shows_what_is_kept(tmp_path: Path) -> None:
    report = Report()
    page = report.path.with_suffix(".md").read_text()
    report.path = tmp_path / "conformance.json"
    report.save()
    assert report.path.with_suffix(".md").read_text() == page
