"""Paced loads: nothing is due early, lateness counts, and a reader's mistakes are seen."""

import time

import numpy as np
import pytest

from perf.bench import Failed
from perf.paced import Seen, Sent, check, moments
from perf.pool import Pool


class Batch:
    """What a poll hands out: values of one size behind each other in one buffer."""

    def __init__(self, first: int, values: list[bytes]) -> None:
        size = len(values[0])
        starts = np.arange(len(values), dtype=np.int64) * size
        self.offsets = np.arange(first, first + len(values), dtype=np.int64)
        self.values = values
        self.buffers = (b"".join(values),)
        self.value_spans = np.stack([starts * 0, starts, starts + size], axis=1)

    def __len__(self) -> int:
        return len(self.values)


def test_a_moment_is_never_given_before_it_has_come() -> None:
    for due in moments(1000, 5):
        assert time.monotonic_ns() >= due


def test_a_moment_that_is_over_stays_the_one_that_was_planned() -> None:
    dues = []
    for due in moments(1e6, 3):
        dues.append(due)
        time.sleep(0.001)
    assert dues[2] - dues[0] == 2000


def test_readers_that_share_the_sums_see_the_same_as_was_sent() -> None:
    sent = Sent(Pool(call_records=10, calls=3), shares=2)
    seen = [Seen(10, share, 2) for share in range(2)]
    for index in range(7):
        values = sent.call(time.monotonic_ns())
        for one in seen:
            one.look(Batch(index * 10, values))
    check(sent, [one.report()[0] for one in seen])


def test_another_value_is_seen() -> None:
    sent, seen = Sent(Pool(call_records=10, calls=3)), Seen(10)
    values = sent.call(time.monotonic_ns())
    seen.look(Batch(0, [*values[:-1], bytes(100)]))
    with pytest.raises(Failed, match="other values"):
        check(sent, [seen.report()[0]])


@pytest.mark.parametrize("first", [9, 11])
def test_a_gap_and_a_second_copy_are_seen(first: int) -> None:
    sent, seen = Sent(Pool(call_records=10, calls=3)), Seen(10)
    seen.look(Batch(0, sent.call(time.monotonic_ns())))
    with pytest.raises(Failed, match="offset 10 was due"):
        seen.look(Batch(first, sent.call(time.monotonic_ns())))


def test_each_call_has_one_latency_from_its_due_moment_on() -> None:
    sent, seen = Sent(Pool(call_records=10, calls=3)), Seen(10)
    for index in range(3):
        seen.look(Batch(index * 10, sent.call(time.monotonic_ns() - 5_000_000)))
    _, latencies = seen.report()
    assert len(latencies) == 3
    assert min(latencies) >= 5_000_000
