"""Blocks of memory that are used again."""

from bus.native import blocks
from bus.native.builder import encode_list


def test_a_block_shows_the_size_asked_for_and_may_be_written():
    for size in (0, 1, 70_000, 1 << 25):
        view = blocks.take(size)
        assert (len(view), view.readonly, view.contiguous) == (size, False, True)
        view[:] = bytes(size)


def test_a_large_block_is_kept_once_its_last_view_is_released():
    view = blocks.take(100_000)
    part = view[5:10]
    before = blocks.kept_bytes()
    del view
    assert blocks.kept_bytes() == before
    del part
    assert blocks.kept_bytes() == before + (1 << 17)
    blocks.take(131_072)
    assert blocks.kept_bytes() == before + (1 << 17)


def test_what_is_kept_has_a_limit():
    views = [blocks.take(1 << 20) for _ in range(80)]
    del views
    assert blocks.kept_bytes() <= 32 << 20


def test_batches_that_follow_each_other_use_the_same_memory():
    values = [b"x" * 100] * 10_000
    encode_list(values, None, 0, 0, 1 << 20)
    before = blocks.kept_bytes()
    for _ in range(10):
        encode_list(values, None, 0, 0, 1 << 20)
    assert blocks.kept_bytes() == before
