"""Which rows of one call go to which partition, and in which order."""

from bus.client.routing import TopicView
from bus.client.rows import ListRows
from bus.client.sharing import shares_of
from bus.native.builder import partition_list

COUNT = 3


def test_rows_without_a_key_keep_their_place_among_those_of_the_partition() -> None:
    keys = [b"a", None, b"a", b"b", None, b"a"]
    values = [b"0", b"1", b"2", b"3", b"4", b"5"]
    (home,) = partition_list([b"a"], COUNT)
    view = TopicView("t", COUNT, (0, 1, 2))
    shares = shares_of([ListRows(values)], keys, 0, view, None, lambda _: home)
    rows = {share.partition.partition: share.rows.listed() for share in shares}
    assert [value for value in rows[home] if value != b"3"] == [b"0", b"1", b"2", b"4", b"5"]
