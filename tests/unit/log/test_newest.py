"""State read back from a compacted log."""

from bus.log.newest import newest_per_key
from bus.native.compression import GZIP, compress
from tests.fixtures import batches


def test_pieces_of_a_log_are_one_log_and_compressed_batches_are_part_of_it():
    old = batches.assemble(batches.record(0, b"1", b"a") + batches.record(1, b"2", b"b"), 2)
    packed = compress(GZIP, batches.record(0, None, b"a"))
    new = batches.assemble(packed, 1, base_offset=2, attributes=GZIP)
    assert newest_per_key([old, b"", new]) == [(1, b"b", b"2"), (2, b"a", None)]
