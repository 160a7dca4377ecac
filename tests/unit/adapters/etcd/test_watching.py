"""A watch that goes on: what it does about each thing that may end it."""

import pytest

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import (
    Compact,
    Delete,
    Event,
    Failure,
    Kind,
    Put,
    Ranged,
    Txn,
    Watched,
)
from bus.adapters.etcd.watching import COMPARE_GRACE_MS, COMPARE_MS, EtcdWatch
from bus.ports import Changes, Snapshot
from tests.fixtures.asked_store import ROOT, Caller, Mirror
from tests.fixtures.etcd_stores import SimBench
from tests.fixtures.hand_carrier import LOST, HandCarrier, header
from tests.fixtures.timeline import Timeline


class Bench:
    """A watch over streams that are made by hand."""

    def __init__(self) -> None:
        self.carrier = HandCarrier(2)
        self.timeline = Timeline()
        asker = Asker(self.carrier, self.timeline, self.timeline.later)
        self.news: list[Snapshot | Changes] = []
        self.closes_at = 0  # the revision of the news at which the listener has had enough
        self.watch = EtcdWatch(asker, self.timeline.later, "/r/", "/r/client/", self._on_news)
        self.carrier.answer(Ranged(header(5), {}, False))

    def _on_news(self, news: Snapshot | Changes) -> None:
        self.news.append(news)
        if news.revision == self.closes_at:
            self.watch.close()

    def event(self, revision: int) -> Watched:
        return Watched(header(revision), (Event(b"/r/a", b"%d" % revision, revision),))


def test_it_begins_where_the_reading_ended() -> None:
    bench = Bench()
    assert bench.news == [Snapshot(5, {})]
    assert bench.carrier.watches[0].request.revision == 5
    bench.carrier.watches[0].on_message(bench.event(6))
    assert bench.news[1:] == [Changes(6, {"/r/a": b"6"})]


def test_a_stream_that_ends_is_followed_by_one_of_another_member_at_once() -> None:
    bench = Bench()
    bench.carrier.watches[0].on_message(bench.event(6))
    bench.carrier.watches[0].on_end(LOST)
    bench.timeline.pass_ms(1)
    assert [watch.member for watch in bench.carrier.watches] == [0, 1]
    assert bench.carrier.watches[1].request.revision == 6


def test_streams_that_end_again_and_again_are_begun_less_and_less_often() -> None:
    bench = Bench()
    for _ in range(200):
        if bench.carrier.watches[-1].is_open:
            bench.carrier.watches[-1].is_open = False
            bench.carrier.watches[-1].on_end(LOST)
        bench.timeline.pass_ms(100)
    assert 20 < len(bench.carrier.watches) < 40


def test_a_silent_member_is_left_after_two_probes() -> None:
    bench = Bench()
    bench.timeline.pass_ms(500)
    bench.carrier.answer(LOST)
    assert len(bench.carrier.watches) == 1
    bench.timeline.pass_ms(500)
    bench.carrier.answer(LOST)
    bench.timeline.pass_ms(1)
    assert not bench.carrier.watches[0].is_open
    assert bench.carrier.watches[1].member == 1


def test_a_member_that_answers_probes_is_kept() -> None:
    bench = Bench()
    for answer in (LOST, Ranged(header(5), {}, False), LOST, Ranged(header(5), {}, False)):
        bench.timeline.pass_ms(500)
        bench.carrier.answer(answer)
    assert len(bench.carrier.watches) == 1


def test_a_probe_of_an_earlier_stream_says_nothing_of_this_one() -> None:
    bench = Bench()
    bench.timeline.pass_ms(500)
    bench.carrier.watches[0].on_end(LOST)
    bench.timeline.pass_ms(1)
    bench.carrier.answer(LOST)
    bench.timeline.pass_ms(400)
    assert bench.carrier.asked == []
    assert len(bench.carrier.watches) == 2


def test_a_member_of_another_etcd_is_not_listened_to() -> None:
    bench = Bench()
    stranger = Watched(header(9, cluster=2), (Event(b"/r/a", b"", 9),))
    bench.carrier.watches[0].on_message(stranger)
    assert bench.news == [Snapshot(5, {})]
    assert not bench.carrier.watches[0].is_open
    bench.timeline.pass_ms(1)
    assert bench.carrier.watches[1].member == 1


@pytest.mark.parametrize("end", ["compacted", "nonsense"])
def test_what_cannot_be_gone_on_with_is_read_anew(end: str) -> None:
    bench = Bench()
    if end == "compacted":
        bench.carrier.watches[0].on_end(Failure(Kind.COMPACTED, "Gone."))
    else:
        bench.carrier.watches[0].on_message(Watched(header(6), (Event(b"/else", b"", 6),)))
    bench.carrier.answer(Ranged(header(9), {}, False))
    assert bench.news == [Snapshot(5, {}), Snapshot(9, {})]
    assert bench.carrier.watches[1].request.revision == 9


def test_who_closes_it_when_told_hears_no_more() -> None:
    bench = Bench()
    bench.closes_at = 6
    events = (Event(b"/r/a", b"", 6), Event(b"/r/b", b"", 7))
    bench.carrier.watches[0].on_message(Watched(header(7), events))
    assert [news.revision for news in bench.news] == [5, 6]
    assert not bench.carrier.watches[0].is_open
    bench.timeline.pass_ms(100_000)
    assert bench.carrier.asked == []


def test_events_that_etcd_lost_are_found_by_the_comparison() -> None:
    bench = SimBench()
    caller, mirror = Caller(bench, bench.store()), Mirror(bench.store("w"))
    revision = caller.put(ROOT + "a", b"1")
    bench.rest(1)
    bench.etcd.swallows_events = True
    caller.put(ROOT + "a", b"2", revision)
    bench.etcd.swallows_events = False
    bench.rest(1)
    assert mirror.entries == {ROOT + "a": b"1"}
    bench.rest((COMPARE_MS + COMPARE_GRACE_MS) / 1000 + 1)
    assert mirror.entries == {ROOT + "a": b"2"}
    assert mirror.snapshots == 2


def test_a_comparison_disturbs_nothing_where_all_is_well() -> None:
    bench = SimBench()
    caller, mirror = Caller(bench, bench.store()), Mirror(bench.store("w"))
    revision = caller.put(ROOT + "a", b"")
    for number in range(300):
        revision = caller.put(ROOT + "a", b"%d" % number, revision)
        bench.rest(0.5)
    assert mirror.snapshots == 1


def test_deletions_of_a_revision_that_was_compacted_meanwhile_are_not_missed() -> None:
    bench = SimBench()
    caller, mirror = Caller(bench, bench.store()), Mirror(bench.store("w"))
    revision = caller.put(ROOT + "a", b"1")
    bench.rest(1)
    bench.carriers[1].cut_off(0, 1, 2)
    bench.carriers[1].break_streams(0, 1, 2)
    bench.etcd.answer(Txn((), (Delete((ROOT + "a").encode()),)))
    bench.etcd.answer(Compact(revision + 1))
    bench.etcd.answer(Txn((), (Put((ROOT + "b").encode(), b"2"),)))
    bench.carriers[1].heal()
    bench.rest(5)
    assert mirror.entries == {ROOT + "b": b"2"}
    assert mirror.snapshots == 2
