"""Encoding: what a producer does to its records."""

import numpy as np

from bus.native import builder
from perf.micro.conftest import COUNT

SIZE_MAX = 1 << 21


def bench_list_records(rate, values):
    rate(COUNT, builder.encode_list, values, None, 0, 0, SIZE_MAX)


def bench_list_with_keys_records(rate, values):
    keys = [value[:8] for value in values]
    rate(COUNT, builder.encode_list, values, keys, 0, 0, SIZE_MAX)


def bench_numpy_records(rate, values):
    rows = np.frombuffer(b"".join(values), "V100")
    rate(COUNT, builder.encode_fixed, rows, 100, None, 0, 0, SIZE_MAX)


def bench_arrow_records(rate, values):
    offsets = np.arange(COUNT + 1, dtype=np.int32) * 100
    data = b"".join(values)
    rate(COUNT, builder.encode_offsets, offsets, False, data, None, 0, None, 0, 0, SIZE_MAX)


def bench_one_value_calls(rate):
    rate(1, builder.encode_list, [b"v" * 100], None, 0, 0, 1 << 20)


def bench_append_records(rate, values):
    def work():
        append = builder.BatchBuilder(SIZE_MAX).append
        for value in values:
            append(value, None, 0, None)

    rate(COUNT, work)


def bench_append_and_keep_deliveries_records(rate, values):
    def work():
        append = builder.BatchBuilder(SIZE_MAX).append
        return [append(value, None, 0, None) for value in values]

    rate(COUNT, work)


def bench_partition_keys(rate, values):
    rate(COUNT, builder.partition_list, [value[:8] for value in values], 12)
