"""Which member is asked, how often, and which answers are not believed."""

import pytest

from bus.adapters.etcd.asking import TRY_MS, Asker
from bus.adapters.etcd.messages import (
    Answer,
    Done,
    Failure,
    Kind,
    Put,
    Range,
    Ranged,
    Revoke,
    Transacted,
    Txn,
)
from tests.fixtures.hand_carrier import LOST, HandCarrier, header
from tests.fixtures.timeline import Timeline

REQUEST = Range(b"/a")
WRITE = Txn((), (Put(b"/a", b""),))
UNUSABLE = Failure(Kind.UNUSABLE, "It is too old.")


class Bench:
    def __init__(self, members: int = 3) -> None:
        self.carrier = HandCarrier(members)
        self.timeline = Timeline()
        self.asker = Asker(self.carrier, self.timeline, self.timeline.later)
        self.outcomes: list[tuple[Answer | Failure, int]] = []

    def ask(self, request: object = REQUEST, within_ms: int = 5_000) -> None:
        self.asker.ask(
            request, within_ms, lambda answer, lost: self.outcomes.append((answer, lost))
        )


def ranged(revision: int, cluster: int = 1) -> Ranged:
    return Ranged(header(revision, cluster), {}, False)


def test_an_answer_is_handed_on_and_its_member_asked_first_from_now_on() -> None:
    bench = Bench()
    bench.ask()
    assert bench.carrier.answer(LOST).member == 0
    assert bench.carrier.answer(ranged(5)).member == 1
    assert bench.outcomes == [(ranged(5), 1)]
    bench.ask()
    assert bench.carrier.asked[0].member == 1


def test_who_does_not_answer_is_followed_by_the_next_at_once_and_a_round_by_a_pause() -> None:
    bench = Bench()
    bench.ask()
    members = [bench.carrier.answer(LOST).member for _ in range(3)]
    assert members == [0, 1, 2]
    assert bench.carrier.asked == []
    bench.timeline.pass_ms(50)
    assert bench.carrier.asked[0].member == 0


def test_a_try_is_short_and_ends_with_the_whole() -> None:
    bench = Bench()
    bench.ask(within_ms=1000)
    assert bench.carrier.asked[0].timeout_ms == TRY_MS
    bench.timeline.pass_ms(400)
    bench.carrier.answer(LOST)
    bench.timeline.pass_ms(400)
    bench.carrier.answer(LOST)
    assert bench.carrier.asked[0].timeout_ms == 200
    bench.timeline.pass_ms(200)
    bench.carrier.answer(LOST)
    assert bench.outcomes == [(LOST, 3)]


def test_who_is_slow_is_given_more_time_from_the_third_round_on() -> None:
    bench = Bench(2)
    bench.ask(within_ms=60_000)
    given = []
    for _ in range(14):
        bench.timeline.pass_ms(500)
        given.append(bench.carrier.answer(LOST).timeout_ms)
    assert given == [400] * 4 + [800] * 2 + [1600] * 2 + [3200] * 6


def test_members_that_must_not_be_asked_end_it_at_once_if_all_are_like_that() -> None:
    bench = Bench(2)
    bench.ask()
    bench.carrier.answer(UNUSABLE)
    assert bench.outcomes == []
    bench.carrier.answer(UNUSABLE)
    assert bench.outcomes == [(Failure(Kind.REFUSED, "It is too old."), 0)]


def test_one_member_that_answers_is_enough() -> None:
    bench = Bench(2)
    bench.ask()
    bench.carrier.answer(UNUSABLE)
    bench.carrier.answer(ranged(3))
    assert bench.outcomes == [(ranged(3), 0)], "nothing was lost on the way"


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.ALREADY, Kind.NOT_FOUND, Kind.COMPACTED])
def test_a_refusal_is_final(kind: Kind) -> None:
    bench = Bench()
    bench.ask()
    bench.carrier.answer(Failure(kind, "No."))
    assert bench.outcomes == [(Failure(kind, "No."), 0)]


def test_too_much_is_for_the_reader_to_ask_less_and_for_a_writer_to_try_again() -> None:
    bench, full = Bench(), Failure(Kind.TOO_LARGE, "Full.")
    bench.ask()
    bench.carrier.answer(full)
    assert bench.outcomes == [(full, 0)]
    bench.ask(WRITE)
    bench.carrier.answer(full)
    bench.carrier.answer(Transacted(header(7), True, ()))
    assert bench.outcomes[1] == (Transacted(header(7), True, ()), 1)


def test_members_of_two_etcds_are_not_mixed() -> None:
    bench = Bench(2)
    bench.ask()
    bench.carrier.answer(ranged(5, cluster=1))
    bench.ask()
    bench.carrier.answer(ranged(9, cluster=2))
    bench.carrier.answer(ranged(9, cluster=2))
    (failure, _) = bench.outcomes[1]
    assert isinstance(failure, Failure)
    assert failure.kind is Kind.REFUSED
    assert "members of different etcds" in failure.sentence


def test_an_etcd_that_went_back_in_time_is_refused() -> None:
    bench = Bench()
    bench.ask()
    bench.carrier.answer(ranged(50))
    bench.ask(WRITE)
    bench.carrier.answer(Transacted(header(3), True, ()))
    (failure, _) = bench.outcomes[1]
    assert isinstance(failure, Failure)
    assert failure.kind is Kind.REFUSED
    assert "gone back from revision 50 to 3" in failure.sentence


def test_answers_that_overtake_each_other_are_believed() -> None:
    bench = Bench()
    bench.ask()
    bench.ask(WRITE)
    second = bench.carrier.asked.pop(1)
    second.answered(Transacted(header(8), True, ()))
    bench.carrier.answer(ranged(7))
    assert bench.outcomes[1] == (ranged(7), 0)


def test_what_a_member_has_by_itself_may_be_behind() -> None:
    bench = Bench()
    bench.ask()
    bench.carrier.answer(ranged(50))
    bench.ask(Range(b"/a", is_local=True))
    bench.carrier.answer(ranged(3))
    bench.ask(Revoke(1))
    bench.carrier.answer(Done(header(3)))
    assert [answer for answer, _ in bench.outcomes[1:]] == [ranged(3), Done(header(3))]


def test_after_closing_nothing_is_called() -> None:
    bench = Bench(1)
    bench.ask()
    bench.ask()
    bench.carrier.answer(LOST)  # a pause begins
    bench.asker.close()
    bench.carrier.answer(ranged(5))
    bench.timeline.pass_ms(10_000)
    assert bench.outcomes == []
    assert bench.carrier.asked == []
