"""Which part a broker takes in the etcd of its cluster: each line of the table."""

import pytest

from bus.control.etcd_joining import (
    Enter,
    Next,
    Refuse,
    Step,
    is_one_too_many,
    next_step,
    to_promote,
)
from bus.model.etcd_members import EtcdMember

OWN = "http://10.0.0.9:2380"


def member(number: int, *, is_learner: bool = False, name: str | None = None) -> EtcdMember:
    url = f"http://10.0.0.{number}:2380"
    return EtcdMember(number, f"m{number}" if name is None else name, (url,), (), is_learner)


@pytest.mark.parametrize(
    ("has_directory", "founds", "members", "wanted"),
    [
        (True, False, [], Step.RESUME),
        (True, True, [], Step.RESUME),
        (False, True, [], Step.FOUND),
        (False, False, [member(1)], Step.ADD),
        (False, False, [member(1), member(2)], Step.ADD),
        (False, False, [member(1), member(2, is_learner=True)], Step.WAIT),
        (False, False, [member(1), member(2), member(3)], Step.FOLLOW),
        (False, False, [member(1), member(2), member(3, is_learner=True)], Step.FOLLOW),
        (
            False,
            False,
            [member(1), member(9, name="", is_learner=True)],
            Enter(member(1).peer_urls),
        ),
    ],
)
def test_what_is_next(
    has_directory: bool, founds: bool, members: list[EtcdMember], wanted: Next
) -> None:
    assert next_step(OWN, has_directory, founds, members) == wanted


def test_a_member_whose_directory_is_not_here_is_never_replaced_unasked() -> None:
    step = next_step(OWN, False, False, [member(1), member(9)])
    assert isinstance(step, Refuse)
    assert "etcdctl member remove 9" in step.sentence


def test_who_joined_at_the_same_moment_as_others_is_one_too_many() -> None:
    assert not is_one_too_many([member(1), member(2), member(3)])
    assert is_one_too_many([member(1), member(2), member(3), member(9)])


def test_a_learner_is_promoted_and_a_voter_is_not() -> None:
    assert to_promote(OWN, [member(1), member(9, is_learner=True)]) == 9
    assert to_promote(OWN, [member(1, is_learner=True), member(9)]) is None
    assert to_promote(OWN, [member(1, is_learner=True)]) is None
