"""Which rows of a `send_batch` go to which partition, without a Python loop over rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bus.client.partitioner import check_partition
from bus.client.routing import TopicView
from bus.client.rows import Keys, ListRows, Rows, Stamps, pick
from bus.model.ids import TopicPartition
from bus.native.builder import partition_list


@dataclass(frozen=True, slots=True)
class Share:
    """Rows for one partition, in the order given."""

    partition: TopicPartition
    rows: Rows
    keys: Keys
    stamps: Stamps


def shares_of(
    chunks: list[Rows],
    keys: Keys,
    stamps: Stamps,
    view: TopicView,
    partition: int | None,
    sticky: Callable[[TopicView], int],
) -> Iterator[Share]:
    """All rows, by partition; `partition` None means by key."""
    if partition is None and view.count == 1:
        partition = 0
    if partition is None:
        assert keys is not None, "without keys the caller has chosen a partition"
        yield from _by_key(chunks, keys, stamps, view, sticky)
        return
    target = TopicPartition(view.name, check_partition(view, partition))
    row = 0
    for rows in chunks:
        end = row + len(rows)
        if len(chunks) == 1:
            yield Share(target, rows, keys, stamps)
        else:
            part = None if keys is None else keys[row:end]
            yield Share(target, rows, part, stamps if isinstance(stamps, int) else stamps[row:end])
        row = end


def _by_key(
    chunks: list[Rows],
    keys: Keys,
    stamps: Stamps,
    view: TopicView,
    sticky: Callable[[TopicView], int],
) -> Iterator[Share]:
    import numpy as np

    assert keys is not None, "rows are told apart by their keys"
    values = [value for rows in chunks for value in rows.listed()]
    targets = np.asarray(partition_list(keys, view.count))
    unkeyed = targets < 0
    if unkeyed.any():  # among the others of their partition, so that its rows keep their order
        targets = np.where(unkeyed, sticky(view), targets)
    order = np.argsort(targets, kind="stable")
    counts = np.bincount(targets, minlength=view.count)
    start = 0
    for index, count in enumerate(counts.tolist()):
        if count == 0:
            continue
        chosen = order[start : start + count]
        start += count
        rows = chosen.tolist()
        yield Share(
            TopicPartition(view.name, index),
            ListRows(pick(values, rows)),
            pick(keys, rows),
            stamps if isinstance(stamps, int) else np.asarray(stamps)[chosen].data,
        )
