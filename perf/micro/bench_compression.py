"""The four codecs on a megabyte of JSON-like records."""

import pytest

from bus.native.compression import NAMES, compress, decompress

ROWS = b"".join(b'{"id": %d, "name": "flight", "delay": %d}' % (i, i % 97) for i in range(25_000))
CODECS = [name for name in NAMES if name != "none"]


@pytest.mark.parametrize("name", CODECS)
def bench_compress_bytes(rate, name):
    rate(len(ROWS), compress, NAMES[name], ROWS)


@pytest.mark.parametrize("name", CODECS)
def bench_decompress_bytes(rate, name):
    packed = compress(NAMES[name], ROWS)
    rate(len(ROWS), decompress, NAMES[name], packed, len(ROWS))
