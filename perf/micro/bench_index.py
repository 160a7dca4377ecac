"""The sparse index: feeding and looking up."""

from bus.native.index import OffsetIndex

ENTRIES = 10_000


def filled() -> OffsetIndex:
    index = OffsetIndex(0, 0)
    for i in range(ENTRIES):
        index.on_append(i * 100, i * 5000, 5000)
    return index


def bench_feed_calls(rate):
    rate(ENTRIES, filled)


def bench_floor_calls(rate):
    rate(1, filled().floor, 654_321)
