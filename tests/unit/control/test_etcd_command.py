"""The command line of a member of etcd."""

from bus.control.etcd_command import MemberSettings, command
from bus.control.etcd_joining import Enter, Next, Step

OWN, OTHER = "http://10.0.0.1:2380", "http://10.0.0.2:2380"


def options(step: Next) -> dict[str, str]:
    settings = MemberSettings("c", "b7", "/data/etcd", "http://10.0.0.1:2379", OWN)
    program, *rest = command("/usr/bin/etcd", settings, step)
    assert program == "/usr/bin/etcd"
    return dict(option.removeprefix("--").split("=", 1) for option in rest)


def test_all_members_have_one_pace_as_a_quicker_one_would_end_every_term() -> None:
    found = options(Step.RESUME)
    assert (found["heartbeat-interval"], found["election-timeout"]) == ("100", "1000")
    assert found["pre-vote"] == "true"


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
