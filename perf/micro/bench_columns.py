"""Decoding: what a consumer does to a batch."""

from bus.native import batch, columns
from perf.micro.conftest import COUNT


def bench_walk_all_columns_records(rate, opened):
    rate(COUNT, opened.walk)


def bench_walk_values_records(rate, opened):
    start, (offsets, timestamps), values = batch.HEADER_SIZE, opened.longs, opened.spans[1]
    columns_ = (offsets, timestamps, None, values, None)
    rate(COUNT, columns.walk, opened.records, COUNT, 0, 0, -1, 0, start, 0, *columns_)


def bench_list_records(rate, opened):
    rate(COUNT, columns.to_list, opened.spans[1], [opened.data], 0, COUNT)


def bench_iterate_records(rate, opened):
    def work():
        rows = columns.iterate("t", 0, *opened.longs, *opened.spans, [opened.data], 0, COUNT)
        for record in rows:
            assert record is not None

    rate(COUNT, work)
