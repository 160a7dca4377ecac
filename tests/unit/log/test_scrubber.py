"""The scrubber goes over all closed segments, slowly, once a pass, and tells damage."""

from concurrent.futures import Future

import pytest

from bus.errors import CorruptMessage, StorageError
from bus.log.scrubber import Scrubber

RATE = 10_000_000
DAY_MS = 24 * 3600 * 1000


def inline(work, done):
    future = Future()
    future.set_result(work())
    done(future)


@pytest.fixture
def filled(life):
    """Several closed segments, all durable."""
    life.fill(200)
    life.flush()
    assert len(life.log.segments) > 3
    return life


def scrubber_of(life, rate=RATE):
    return Scrubber(life.store, life.disk, life.clock, rate, DAY_MS)


def run(life, scrubber, steps=100, ms=500):
    for _ in range(steps):
        life.clock.advance(ms)
        scrubber.step(life.clock.now, inline)
    life.work()


def closed_bytes(life):
    return sum(segment.size for segment in life.log.segments[:-1])


def test_a_pass_checks_every_closed_segment_once(filled):
    scrubber = scrubber_of(filled)
    run(filled, scrubber)
    assert (scrubber.checked_bytes, scrubber.passes) == (closed_bytes(filled), 1)
    assert scrubber.damages == 0
    assert filled.log.read_only is None


def test_the_next_pass_begins_after_the_interval(filled):
    scrubber = scrubber_of(filled)
    run(filled, scrubber)
    run(filled, scrubber, steps=2, ms=DAY_MS)
    run(filled, scrubber)
    assert scrubber.passes >= 2


def test_it_keeps_to_its_rate(filled):
    scrubber = scrubber_of(filled, rate=1000)
    run(filled, scrubber, steps=40)
    assert scrubber.checked_bytes <= 20 * 1000 + 2 * 4000  # and the piece that it is in


def test_a_rate_of_zero_is_never(filled):
    scrubber = scrubber_of(filled, rate=0)
    run(filled, scrubber)
    assert scrubber.checked_bytes == 0


def test_damage_makes_the_log_read_only_and_both_sides_are_served(filled):
    segment = filled.log.segments[1]
    batch = segment.size // (segment.end_offset - segment.base_offset)
    filled.disk._find(segment.path).data[2 * batch + 90] ^= 1
    scrubber = scrubber_of(filled)
    run(filled, scrubber)
    bad = segment.base_offset + 2
    assert scrubber.damages == 1
    with pytest.raises(StorageError, match="damaged"):
        filled.append()
    with pytest.raises(CorruptMessage):
        filled.log.read(bad, 1000, filled.log.end_offset)
    assert filled.log.read(bad + 1, 1000, filled.log.end_offset)
    assert scrubber.checked_bytes == closed_bytes(filled), "the rest was checked, too"


def test_damage_that_was_found_is_still_known_after_a_restart(filled):
    segment = filled.log.segments[1]
    filled.disk._find(segment.path).data[90] ^= 1
    run(filled, scrubber_of(filled))
    after = filled.next_life()
    assert after.log.read_only is not None


def test_a_restart_goes_on_behind_the_last_segment_that_was_done(filled):
    scrubber = scrubber_of(filled, rate=4000)
    run(filled, scrubber, steps=8)
    done = scrubber.checked_bytes
    assert 0 < done < closed_bytes(filled)
    after = filled.next_life()
    again = scrubber_of(after)
    run(after, again)
    assert again.passes == 1
    assert again.checked_bytes < closed_bytes(after)


def test_after_a_finished_pass_a_restart_begins_none_before_its_time(filled):
    run(filled, scrubber_of(filled))
    after = filled.next_life()
    again = scrubber_of(after)
    run(after, again)
    assert (again.passes, again.checked_bytes) == (0, 0)


def test_a_segment_that_cannot_be_read_is_counted_and_the_log_goes_on(filled):
    filled.disk.bad_reads.add(filled.log.segments[1].path)
    scrubber = scrubber_of(filled)
    run(filled, scrubber)
    assert (scrubber.damages, scrubber.passes, filled.log.read_only) == (1, 1, None)
    filled.append()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"1 2 3 4", b"\xff\xff"])
def test_a_bad_place_is_no_place(filled, content):
    filled.disk.write("scrub", content)
    scrubber = scrubber_of(filled)
    run(filled, scrubber)
    assert scrubber.checked_bytes == closed_bytes(filled)


def test_a_segment_that_goes_meanwhile_is_of_no_account(filled):
    waiting = []
    scrubber = scrubber_of(filled)
    for _ in range(3):
        filled.clock.advance(500)
        scrubber.step(filled.clock.now, lambda work, done: waiting.append((work, done)))
    assert len(waiting) == 1, "one piece at a time"
    filled.log.delete_prefix(filled.log.end_offset)
    inline(*waiting[0])
    run(filled, scrubber)
    assert (scrubber.damages, filled.log.read_only) == (0, None)
