"""Read a partition of `__consumer_offsets` from its beginning, and make its groups of what is left.

The log is read piece by piece; a native pass on a pool thread keeps the newest record of each key,
and what survives is replayed there as well, so the event loop only hands the pieces over. Nothing
is loaded before all that the log held then is committed: what was acted upon stays, and what an
earlier leader has answered is there (R9).
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from bus.broker.cold_loads import Pool
from bus.broker.coordinators_records import record_of
from bus.broker.partition import Partition
from bus.control.group import Group
from bus.control.group_facts import GroupRules
from bus.errors import BusError, FrameError
from bus.log.cold_read import ColdRead
from bus.log.newest import newest
from bus.model.limits import MIB
from bus.native.newest import NewestPerKey

PIECE_BYTES = 8 * MIB
log = logging.getLogger("busd.groups")

Groups = dict[str, Group]


class Loading:
    """The loading of one partition; `done` gets the groups, or a sentence."""

    def __init__(
        self,
        partition: Partition,
        pool: Pool,
        rules: GroupRules,
        done: Callable[[Groups | str], None],
    ) -> None:
        self._partition = partition
        self._pool = pool
        self._rules = rules
        self._done = done
        self._newest = newest()
        self._offset = partition.log.start_offset
        self._held = partition.log.end_offset
        self._end = 0
        self._cancelled = False

    @property
    def may_begin(self) -> bool:
        """Is all committed that the log held when this was made?"""
        return self._partition.leader.high_watermark >= self._held

    def cancel(self) -> None:
        """Nobody wants to know any more; `done` is not called."""
        self._cancelled = True

    def begin(self) -> None:
        """Read, and call `done`, maybe at once."""
        self._end = self._partition.leader.high_watermark
        self._read()

    def _read(self) -> None:
        if self._offset >= self._end:
            if self._newest.records:
                self._pool.submit(partial(replayed, self._newest, self._rules), self._on_replayed)
            else:
                self._done({})
            return
        try:
            found = self._partition.log.read(self._offset, PIECE_BYTES, self._end)
        except (BusError, OSError) as error:
            self._fail(error)
            return
        self._pool.submit(partial(_feed, self._newest, found), self._on_fed)

    def _on_fed(self, future: "Future[int]") -> None:
        if self._cancelled:
            return
        try:
            offset = future.result()
        except Exception as error:
            self._fail(error)
            return
        if offset <= self._offset:
            self._fail(FrameError(f"Nothing could be read at offset {self._offset}."))
            return
        self._offset = offset
        self._read()

    def _on_replayed(self, future: "Future[Groups]") -> None:
        if self._cancelled:
            return
        try:
            groups = future.result()
        except Exception as error:
            self._fail(error)
            return
        self._done(groups)

    def _fail(self, error: Exception) -> None:
        sentence = f"The groups of {self._partition.name} could not be loaded: {error}"
        log.error("%s", sentence)
        self._done(sentence)


def _feed(survivors: NewestPerKey, found: memoryview | ColdRead) -> int:
    """Take a piece; the offset that follows it."""
    with found if isinstance(found, memoryview) else found.load() as piece:
        survivors.feed(piece)
    return survivors.end_offset


def replayed(survivors: NewestPerKey, rules: GroupRules) -> Groups:
    """The groups that the newest records make."""
    groups: Groups = {}
    for offset, key, value in survivors.rows():
        if value is None:
            continue
        try:
            found = record_of(key, value)
        except FrameError as error:
            log.warning("the record at offset %d is passed over: %s", offset, error)
            continue
        if found is None:
            continue
        group_id, record = found
        group = groups.get(group_id)
        if group is None:
            group = groups[group_id] = Group(group_id, rules)
        group.ledger.replay(record)
    return groups
