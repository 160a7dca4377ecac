"""Compressed records within their bounds."""

import zlib

import pytest

from bus.errors import CorruptBatch
from bus.log.unpacking import unpack
from bus.native.compression import GZIP, ZSTD, compress


def test_records_come_out_as_they_went_in():
    assert unpack(GZIP, memoryview(zlib.compress(b"records", wbits=31))) == b"records"


def test_more_than_a_thousandfold_is_refused():
    with pytest.raises(CorruptBatch, match="more than"):
        unpack(ZSTD, compress(ZSTD, bytes(1 << 24)))
