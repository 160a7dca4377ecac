"""Transactions by hand: each line of the table, and what a late copy could do."""

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import Delete, Failure, Header, Kind, Put, Transacted, Txn
from bus.adapters.etcd.transactions import WITHIN_MS, Transactions
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Entry, Write
from tests.fixtures.hand_carrier import LOST, HandCarrier
from tests.fixtures.sim_etcd import CLUSTER, SimEtcd
from tests.fixtures.timeline import Timeline

KEY = b"/busd/c/client/1"


class Bench:
    """Every try is held, and reaches the simulated etcd when the test says so, or never."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.etcd = SimEtcd(self.timeline)
        self.carrier = HandCarrier(2)
        asker = Asker(self.carrier, self.timeline, self.timeline.later)
        self.transactions = Transactions(asker, self.timeline, KEY.decode(), "me")
        self.outcomes: list[object] = []
        self.transact(Write("/start", b""))
        self.serve()
        self.serve()
        assert self.outcomes.pop() == 3

    def transact(self, *writes: Write, guards: dict[str, int] | None = None) -> None:
        self.transactions.transact(writes, guards or {}, {}, self.outcomes.append)

    def serve(self) -> None:
        """The oldest try arrives, and its answer comes back."""
        asked = self.carrier.asked.pop(0)
        asked.answered(self.etcd.answer(asked.request))

    def lose(self) -> Txn:
        """The oldest try is given up; it may be carried out later."""
        asked = self.carrier.answer(LOST)
        assert isinstance(asked.request, Txn)
        return asked.request

    def others_write(self, *changes: Put | Delete) -> None:
        self.etcd.answer(Txn((), changes))

    def holds(self, key: str) -> bool:
        return bool(self.etcd.ever_written(key.encode(), b"!"))


def test_a_transaction_that_succeeds_tells_its_revision() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.serve()
    assert bench.outcomes == [4]


def test_a_key_that_had_moved_is_told_at_once() -> None:
    bench = Bench()
    bench.others_write(Put(b"/a", b"theirs"))
    bench.transact(Write("/a", b"mine"))
    bench.serve()
    assert bench.outcomes == [None]
    assert bench.carrier.asked == [], "no other try is under way: no fence"


def test_a_try_whose_answer_was_lost_is_known_by_its_mark() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.etcd.answer(bench.lose())
    bench.serve()
    assert bench.outcomes == [4]


def test_a_copy_that_arrives_late_changes_nothing() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    late = bench.lose()
    bench.serve()
    assert bench.outcomes == [4]
    bench.others_write(Delete(b"/a"))  # absent, as it was expected to be
    answer = bench.etcd.answer(late)
    assert isinstance(answer, Transacted)
    assert not answer.succeeded


def test_moved_is_final_even_if_the_key_is_absent_again() -> None:
    bench = Bench()
    bench.others_write(Put(b"/a", b"theirs"))
    bench.transact(Write("/a", b"mine"))
    late = bench.lose()
    bench.serve()
    assert bench.outcomes == [], "a fence comes first"
    bench.serve()
    assert bench.outcomes == [None]
    bench.others_write(Delete(b"/a"))
    bench.etcd.answer(late)
    assert bench.etcd.ever_written(b"/a", b"!") == [(4, b"theirs")]


def test_where_no_key_may_come_back_no_fence_is_needed() -> None:
    bench = Bench()
    bench.others_write(Put(b"/a", b"theirs"))
    bench.transact(Write("/a", b"mine", 99))
    bench.lose()
    bench.serve()
    assert bench.outcomes == [None]


def test_what_a_fence_finds_done_is_done() -> None:
    bench = Bench()
    bench.others_write(Put(b"/a", b"theirs"))
    bench.transact(Write("/a", b"mine"))
    late = bench.lose()
    bench.serve()
    bench.others_write(Delete(b"/a"))
    bench.etcd.answer(late)  # it overtakes the fence
    bench.serve()
    assert bench.outcomes == [6]


def test_a_fence_whose_answer_was_lost_is_known_by_its_mark_too() -> None:
    bench = Bench()
    bench.others_write(Put(b"/a", b"theirs"))
    bench.transact(Write("/a", b"mine"))
    bench.lose()
    bench.serve()
    bench.etcd.answer(bench.lose())
    bench.serve()
    assert bench.outcomes == [None]


def test_one_that_was_given_up_may_still_be_done_and_the_next_one_is_not_misled() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.timeline.pass_ms(WITHIN_MS)
    late = bench.lose()
    assert isinstance(bench.outcomes.pop(), StoreUnreachable)
    bench.transact(Write("/b", b"2"))
    bench.etcd.answer(late)
    bench.serve()
    assert bench.outcomes == [], "its mark was not the one that was expected: once more"
    bench.serve()
    assert bench.outcomes == [5]
    assert bench.holds("/a")


def test_one_that_was_given_up_is_not_done_once_the_next_one_is() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.timeline.pass_ms(WITHIN_MS)
    late = bench.lose()
    bench.transact(Write("/b", b"2"))
    bench.serve()
    bench.etcd.answer(late)
    assert not bench.holds("/a")


def test_they_go_one_after_another() -> None:
    bench = Bench()
    for name in ("/a", "/b", "/c"):
        bench.transact(Write(name, b""))
    assert len(bench.carrier.asked) == 1
    for _ in range(3):
        bench.serve()
    assert bench.outcomes == [4, 5, 6]


def test_those_behind_one_that_is_given_up_are_given_up_with_it() -> None:
    bench = Bench()
    bench.transact(Write("/a", b""))
    bench.transact(Write("/b", b""))
    bench.timeline.pass_ms(WITHIN_MS)
    bench.lose()
    assert [type(outcome) for outcome in bench.outcomes] == [StoreUnreachable] * 2
    assert bench.carrier.asked == []


def test_another_process_of_the_name_takes_over() -> None:
    bench = Bench()
    bench.others_write(Put(KEY, b"another-1"))
    bench.transact(Write("/a", b"1"))
    bench.serve()
    assert isinstance(bench.outcomes[0], StoreRefused)
    assert "has taken over" in str(bench.outcomes[0])
    bench.transact(Write("/b", b"1"))
    assert isinstance(bench.outcomes[1], StoreRefused)
    assert bench.carrier.asked == []


def test_what_was_lost_before_another_took_over_is_not_known() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.lose()
    bench.others_write(Put(KEY, b"another-1"))
    bench.serve()
    assert isinstance(bench.outcomes[0], StoreUnreachable)


def test_a_mark_that_somebody_removed_is_made_anew() -> None:
    bench = Bench()
    bench.others_write(Delete(KEY))
    bench.transact(Write("/a", b"1"))
    bench.serve()
    bench.serve()  # claimed
    bench.serve()
    assert bench.outcomes == [6]


def test_with_a_mark_removed_a_lost_outcome_is_not_known() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.lose()
    bench.others_write(Delete(KEY))
    bench.serve()
    assert isinstance(bench.outcomes[0], StoreUnreachable)


def test_a_new_process_takes_over_the_key_of_the_one_before() -> None:
    bench = Bench()
    asker = Asker(bench.carrier, bench.timeline, bench.timeline.later)
    second = Transactions(asker, bench.timeline, KEY.decode(), "next")
    second.transact([Write("/a", b"1")], {}, {}, bench.outcomes.append)
    bench.serve()  # it is not absent
    bench.serve()  # claimed
    bench.serve()
    assert bench.outcomes == [5]


def test_the_session_that_has_ended_is_named() -> None:
    bench = Bench()
    bench.transactions.transact([Write("/a", b"1")], {}, {"/a": 77}, bench.outcomes.append)
    bench.serve()
    assert isinstance(bench.outcomes[0], StoreRefused)
    assert "session" in str(bench.outcomes[0])


def test_a_refusal_after_a_lost_try_waits_for_a_fence() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.etcd.answer(bench.lose())
    bench.carrier.answer(Failure(Kind.NOT_FOUND, "etcdserver: requested lease not found"))
    bench.serve()
    assert bench.outcomes == [4], "the lost try was carried out"


def test_guards_are_compared_and_not_written() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"), guards={"/start": 3, "/none": 0})
    bench.serve()
    bench.transact(Write("/b", b"1"), guards={"/start": 9})
    bench.serve()
    assert bench.outcomes == [4, None]
    assert bench.etcd.header == Header(CLUSTER, 4)


def test_a_stranger_s_answer_does_not_mislead() -> None:
    bench = Bench()
    bench.transact(Write("/a", b"1"))
    bench.carrier.answer(Transacted(Header(CLUSTER, 9), False, ({KEY: Entry(b"\xff", 9)},)))
    assert isinstance(bench.outcomes[0], StoreRefused)
