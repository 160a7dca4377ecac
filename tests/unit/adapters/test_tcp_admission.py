"""Who may connect over TCP."""

import pytest

from bus.adapters.tcp_admission import Admission, Holding, Limits, is_local


def test_so_many_connections_are_let_in_and_no_more() -> None:
    admission = Admission(Limits(in_all=2))
    assert admission.enter("127.0.0.1") is None
    assert admission.enter("10.0.0.1") is None
    assert "2 connections are open" in (admission.enter("10.0.0.2") or "")
    admission.leave("127.0.0.1")
    assert admission.enter("10.0.0.2") is None


def test_one_address_gets_its_share_and_others_theirs() -> None:
    admission = Admission(Limits(of_an_address=1))
    assert admission.enter("10.0.0.1") is None
    assert "10.0.0.1 has 1" in (admission.enter("10.0.0.1") or "")
    assert admission.enter("10.0.0.2") is None
    admission.leave("10.0.0.1")
    assert admission.enter("10.0.0.1") is None


def test_this_machine_is_not_counted_by_address() -> None:
    admission = Admission(Limits(of_an_address=1))
    assert [admission.enter("127.0.0.1") for _ in range(5)] == [None] * 5
    assert len(admission) == 5


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_known_in_every_spelling(address: str, expected: bool) -> None:
    assert is_local(address) is expected


def test_requests_are_crowded_at_half_of_what_they_may_hold_and_full_above_it():
    holding = Holding(bytes_max=100)
    seen = []
    for held in (0, 50, 51, 100, 101):
        holding.bytes = held
        seen.append((holding.is_crowded, holding.is_full))
    assert seen == [(False, False), (False, False), (True, False), (True, False), (True, True)]
