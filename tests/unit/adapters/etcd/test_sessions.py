"""Sessions over a simulated etcd: kept alive, lost, and ended."""

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import Failure, Granted, KeptAlive, Kind
from bus.adapters.etcd.sessions import Sessions
from bus.model.store_errors import StoreRefused, StoreUnreachable
from tests.fixtures.asked_store import ROOT, Caller, Mirror
from tests.fixtures.etcd_stores import SimBench
from tests.fixtures.hand_carrier import LOST, HandCarrier, header
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.timeline import Timeline


class Bench:
    def __init__(self) -> None:
        self.carrier = HandCarrier(1)
        self.timeline = Timeline()
        asker = Asker(self.carrier, self.timeline, self.timeline.later)
        self.sessions = Sessions(asker, SeededRandom(1), self.timeline.later)
        self.outcomes: list[object] = []
        self.lost = 0

    def open(self) -> None:
        self.sessions.open(3000, self._on_lost, self.outcomes.append)

    def _on_lost(self) -> None:
        self.lost += 1


def test_it_is_kept_alive_three_times_in_its_time() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(Granted(header(1), 3))
    for _ in range(5):
        assert bench.carrier.asked == []
        bench.timeline.pass_ms(1000)
        bench.carrier.answer(KeptAlive(header(1), 3))
    assert bench.lost == 0


def test_what_etcd_does_not_know_is_lost_and_told_once() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(Granted(header(1), 3))
    bench.timeline.pass_ms(1000)
    bench.carrier.answer(KeptAlive(header(1), 0))
    assert bench.lost == 1
    bench.timeline.pass_ms(60_000)
    assert bench.carrier.asked == []
    bench.outcomes[0].close()
    assert bench.carrier.asked == [], "there is nothing to be ended"


def test_as_long_as_nobody_answers_it_is_asked_again_and_not_given_up() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(Granted(header(1), 3))
    bench.timeline.pass_ms(1000)
    for _ in range(100):
        if bench.carrier.asked:
            bench.carrier.answer(LOST)
        bench.timeline.pass_ms(400)
    assert bench.lost == 0
    bench.carrier.answer(KeptAlive(header(1), 3))
    assert bench.lost == 0


def test_a_refusal_does_not_make_it_ask_all_the_time() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(Granted(header(1), 3))
    asked = 0
    for _ in range(100):
        bench.timeline.pass_ms(100)
        if bench.carrier.asked:
            bench.carrier.answer(Failure(Kind.REFUSED, "No."))
            asked += 1
    assert 8 <= asked <= 11


def test_a_grant_whose_answer_was_lost_is_taken_up() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(LOST)
    bench.timeline.pass_ms(100)
    bench.carrier.answer(Failure(Kind.ALREADY, "It exists."))
    bench.carrier.answer(KeptAlive(header(1), 3))
    (session,) = bench.outcomes
    assert session.ttl_ms == 3000


def test_an_id_that_somebody_else_has_is_not_taken() -> None:
    bench = Bench()
    bench.open()
    bench.carrier.answer(Failure(Kind.ALREADY, "It exists."))
    assert isinstance(bench.outcomes[0], StoreRefused)


def test_without_an_answer_there_is_none() -> None:
    bench = Bench()
    bench.open()
    bench.timeline.pass_ms(5000)
    bench.carrier.answer(LOST)
    assert isinstance(bench.outcomes[0], StoreUnreachable)


def test_who_is_cut_off_loses_it_and_hears_of_it_when_he_is_back() -> None:
    bench = SimBench()
    mirror = Mirror(bench.store("w"))
    caller, lost = Caller(bench, bench.store()), []
    session = caller.open_session(2000, lambda: lost.append(True))
    caller.put(ROOT + "b", b"1", session=session)
    bench.carriers[1].cut_off(0, 1, 2)
    for _ in range(30):
        bench.rest(0.1)
    assert mirror.entries == {}
    assert lost == [], "time proves nothing"
    bench.carriers[1].heal()
    bench.rest(3)
    assert lost == [True]


def test_closing_the_store_ends_its_sessions() -> None:
    bench = SimBench()
    caller, closed = Caller(bench, bench.store()), []
    caller.open_session()
    caller.open_session()
    assert len(bench.etcd.leases()) == 2
    caller.store.close(lambda: closed.append(True))
    bench.until(lambda: bool(closed))
    assert bench.etcd.leases() == set()
    bench.rest(100)
