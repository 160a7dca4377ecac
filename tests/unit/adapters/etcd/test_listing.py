"""All under a prefix, page by page, at one revision; and pages that cannot be."""

import pytest

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.listing import Listing
from bus.adapters.etcd.messages import Failure, Kind, Put, Range, Ranged, Txn
from bus.model.limits import ETCD_PAGE_BARE_KEYS, ETCD_PAGE_KEYS
from bus.ports import Entry
from tests.fixtures.hand_carrier import HandCarrier, header
from tests.fixtures.sim_etcd import SimEtcd
from tests.fixtures.timeline import Timeline


class Bench:
    def __init__(self) -> None:
        timeline = Timeline()
        self.carrier = HandCarrier(1)
        self.etcd = SimEtcd(timeline)
        self.outcomes: list[tuple[object, int]] = []
        self.asker = Asker(self.carrier, timeline, timeline.later)
        self.listing = Listing(
            self.asker, "/r/", False, lambda *outcome: self.outcomes.append(outcome)
        )

    def _on_done(self, *outcome: object) -> None:
        self.outcomes.append(outcome)

    def write(self, *keys: str) -> None:
        self.etcd.answer(Txn((), tuple(Put(key.encode(), b"v") for key in keys)))

    def serve(self) -> Range:
        asked = self.carrier.asked.pop(0)
        asked.answered(self.etcd.answer(asked.request))
        assert isinstance(asked.request, Range)
        return asked.request


def test_pages_are_of_one_revision_whatever_is_written_meanwhile() -> None:
    bench = Bench()
    for start in range(0, 1200, 100):
        bench.write(*(f"/r/{n:04}" for n in range(start, start + 100)))
    bench.write("/q", "/s")
    revision = bench.etcd.revision
    assert bench.serve().limit == ETCD_PAGE_KEYS
    bench.write("/r/0600", "/r/9999")
    while not bench.outcomes:
        assert bench.serve().revision == revision
    (entries, at) = bench.outcomes[0]
    assert at == revision
    assert list(entries) == [b"/r/%04d" % n for n in range(1200)]
    assert all(entry.revision <= revision for entry in entries.values())


def test_pages_without_values_are_longer() -> None:
    bench = Bench()
    Listing(bench.asker, "/r/", True, lambda *outcome: None)
    assert bench.carrier.asked[1].request.limit == ETCD_PAGE_BARE_KEYS
    assert bench.carrier.asked[1].request.without_values


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones() -> None:
    bench = Bench()
    bench.write("/r/a", "/r/b")
    too_large = Failure(Kind.TOO_LARGE, "Too large.")
    limits = [bench.carrier.answer(too_large).request.limit for _ in range(8)]
    assert limits[:3] == [500, 250, 125]
    assert bench.carrier.asked[0].request.limit == 1
    bench.serve()
    bench.serve()
    assert list(bench.outcomes[0][0]) == [b"/r/a", b"/r/b"]


def test_one_entry_that_is_too_large_is_told() -> None:
    bench = Bench()
    while not bench.outcomes:
        bench.carrier.answer(Failure(Kind.TOO_LARGE, "Too large."))
    assert bench.outcomes == [(Failure(Kind.TOO_LARGE, "Too large."), 0)]


def test_a_revision_that_is_compacted_meanwhile_is_begun_anew() -> None:
    bench = Bench()
    one = {b"/r/a": Entry(b"", 3)}
    bench.carrier.answer(Ranged(header(5), one, True))
    bench.carrier.answer(Failure(Kind.COMPACTED, "Gone."))
    assert bench.carrier.asked[0].request.revision == 0
    bench.carrier.answer(Ranged(header(9), {}, False))
    assert bench.outcomes == [({}, 9)]


def test_who_cancels_it_hears_nothing() -> None:
    bench = Bench()
    bench.listing.cancel()
    bench.serve()
    assert bench.outcomes == []


@pytest.mark.parametrize(
    ("entries", "more"),
    [
        ({b"/other": Entry(b"", 3)}, False),
        ({b"/r0": Entry(b"", 3)}, False),
        ({b"/r/b": Entry(b"", 3), b"/r/a": Entry(b"", 3)}, False),
        ({b"/r/a": Entry(b"", 6)}, False),
        ({}, True),
    ],
)
def test_a_page_that_cannot_be_is_refused(entries: dict[bytes, Entry], more: bool) -> None:
    bench = Bench()
    bench.carrier.answer(Ranged(header(5), entries, more))
    (outcome, _) = bench.outcomes[0]
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.REFUSED


def test_a_second_page_that_begins_before_the_first_ended_is_refused() -> None:
    bench = Bench()
    bench.carrier.answer(Ranged(header(5), {b"/r/b": Entry(b"", 3)}, True))
    bench.carrier.answer(Ranged(header(5), {b"/r/b": Entry(b"", 3)}, True))
    assert isinstance(bench.outcomes[0][0], Failure)
