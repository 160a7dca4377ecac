"""The command line of a member of etcd."""

import pytest

from bus.control.etcd_command import CALM, QUICK, MemberSettings, Pace, command, pace_of
from bus.control.etcd_joining import Enter, Next, Step

OWN, OTHER = "http://10.0.0.1:2380", "http://10.0.0.2:2380"


def options(step: Next, pace: Pace = CALM) -> dict[str, str]:
    settings = MemberSettings("c", "b7", "/data/etcd", "http://10.0.0.1:2379", OWN, pace)
    program, *rest = command("/usr/bin/etcd", settings, step)
    assert program == "/usr/bin/etcd"
    return dict(option.removeprefix("--").split("=", 1) for option in rest)


@pytest.mark.parametrize(
    ("slowest_ms", "pace"), [(None, CALM), (10, CALM), (200.0, CALM), (9.99, QUICK), (0.1, QUICK)]
)
def test_only_a_disk_that_was_measured_and_is_fast_makes_it_quick(
    slowest_ms: float | None, pace: Pace
) -> None:
    assert pace_of(slowest_ms) == pace


def test_the_pace_is_told() -> None:
    calm, quick = options(Step.FOUND), options(Step.FOUND, QUICK)
    assert (calm["heartbeat-interval"], calm["election-timeout"]) == ("100", "1000")
    assert (quick["heartbeat-interval"], quick["election-timeout"]) == ("50", "250")


def test_who_founds_an_etcd_is_all_of_it() -> None:
    found = options(Step.FOUND)
    assert (found["initial-cluster"], found["initial-cluster-state"]) == (f"b7={OWN}", "new")


def test_who_joins_names_the_others() -> None:
    found = options(Enter((OTHER,)))
    assert found["initial-cluster"] == f"b7={OWN},other0={OTHER}"
    assert found["initial-cluster-state"] == "existing"


def test_who_was_there_before_is_told_nothing_of_the_others() -> None:
    assert not {"initial-cluster", "initial-cluster-state"} & options(Step.RESUME).keys()


def test_it_keeps_its_own_house() -> None:
    found = options(Step.RESUME)
    assert found["auto-compaction-mode"] == "periodic"
    assert found["auto-compaction-retention"] == "10m"
    assert found["snapshot-count"] == "10000"
    assert found["quota-backend-bytes"] == str(2 << 30)
