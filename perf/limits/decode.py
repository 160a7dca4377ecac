"""Batches into columns or `list[bytes]`, by native code alone."""

import numpy as np

from bus.client.lists import listed
from bus.native.batch import HEADER_SIZE
from bus.native.columns import iterate, walk

Header = tuple[int, ...]  # in the order of bus.model.batch.BatchInfo
Spans = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def columns_of(data: memoryview, headers: list[Header]) -> Spans:
    """offsets, timestamps, key spans, value spans, header spans of back-to-back batches."""
    count = sum(header[-1] for header in headers)
    offsets = np.empty(count, np.int64)
    timestamps = np.empty(count, np.int64)
    keys, values, extras = (np.empty((count, 3), np.int64) for _ in range(3))
    at = row = 0
    for header in headers:
        base_offset, size, base_timestamp, records = header[0], header[1], header[5], header[-1]
        start = at + HEADER_SIZE
        walk(
            data[start : at + size],
            records,
            base_offset,
            base_timestamp,
            -1,
            0,
            start,
            row,
            offsets,
            timestamps,
            keys,
            values,
            extras,
        )
        at += size
        row += records
    return offsets, timestamps, keys, values, extras


def values_of(data: memoryview, *headers: Header) -> list[bytes | None]:
    """The values as `list[bytes]`."""
    spans = columns_of(data, list(headers))[3]
    return listed(spans, [data], 0, len(spans))


def count_records(data: memoryview, headers: list[Header]) -> int:
    """Touch each record's value by itself, as a loop over records does."""
    offsets, timestamps, keys, values, extras = columns_of(data, headers)
    size = 0
    for record in iterate(
        "t", 0, offsets, timestamps, keys, values, extras, [data], 0, len(offsets)
    ):
        size += len(record.value or b"")
    return size
