"""The start of a node, step by step; each begins when the one before is through.

Step                                      What may go wrong is told as a sentence
----                                      ---------------------------------------
read the store                            it refuses; or nobody was ever a member by this
                                            directory, and it is not reached for a minute
take a single node's topics along         they are another node's, or went elsewhere; or the
                                            cluster has begun without them
begin the cluster, if nobody has          it stands at a level that is not known here
compare the data directories              one is missing, or another broker's
recover the logs                          a disk cannot be read, or a log is damaged
note the directories                      the store is not reached
enter: be accepted, host what is said     another process has this node id

One node's store answers within the call, so that its start is one call. Of a cluster, listeners
answer from the beginning, with errors that clients try again on.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from bus.broker.directories import Directories
from bus.broker.founding import found
from bus.broker.gone import check_not_gone
from bus.broker.hosting import ids_of
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.stores import Stores
from bus.errors import BusError, StorageError
from bus.log.report import RecoveryReport
from bus.model.features import Levels
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.limits import STORE_READ_AGAIN_MS, STORE_READ_MS_MAX
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Clock, Coordination, Entry, Later, Random

if TYPE_CHECKING:
    from bus.broker.growing import Growing

Started = Callable[[Exception | None], None]
log = logging.getLogger("busd")


class Starting:
    """One start; on the event loop's thread."""

    def __init__(
        self,
        coordination: Coordination,
        mirror: Mirror,
        keys: Keys,
        metadata: Metadata,
        directories: Directories,
        stores: Stores,
        clock: Clock,
        later: Later,
        random: Random,
        accept_missing: bool,
        is_alone: bool,
        growing: "Growing | None",
        known: Levels,
        enter: Callable[[], None],
        done: Started,
    ) -> None:
        """`enter` is the last step; `done` is told only of what goes wrong before.

        `growing` is of a member of a cluster that may have been alone before.
        """
        self.recovery = RecoveryReport()
        self._is_open = False  # the logs are recovered
        self.absent: set[PartitionId] = set()  # in a data directory that is not there
        self._coordination = coordination
        self._mirror = mirror
        self._keys = keys
        self._metadata = metadata
        self._directories = directories
        self._stores = stores
        self._clock = clock
        self._later = later
        self._random = random
        self._accept_missing = accept_missing
        self._is_alone = is_alone
        self._growing = growing
        self._known = known
        self._enter = enter
        self._done = done
        self._end_ms = clock.now_ms() + STORE_READ_MS_MAX

    def begin(self) -> None:
        """Read the store first."""
        if self._mirror.is_ready:
            self._on_read()
        else:
            self._coordination.get(self._keys.meta, self._on_entry)

    def _on_entry(self, outcome: Entry | BusError | None) -> None:
        """It answers, or not: the copy, which does not tell, will be there soon."""
        if isinstance(outcome, StoreRefused):
            self._done(outcome)
        elif self._mirror.is_ready:
            self._on_read()
        else:
            self._wait(f" {outcome}" if isinstance(outcome, BusError) else "")

    def _wait(self, why: str) -> None:
        """Who is new here has been told a wrong address; who was a member waits for the others."""
        now = self._clock.now_ms()
        if now >= self._end_ms:
            self._end_ms = now + STORE_READ_MS_MAX
            if not self._stores.identities():
                self._done(StoreUnreachable(f"The coordination store could not be read:{why}"))
                return
            log.warning("still waiting for the coordination store:%s", why)
        self._later(STORE_READ_AGAIN_MS / 1000, self.begin)

    def _on_read(self) -> None:
        try:
            is_growing = self._is_growing()
        except (BusError, OSError) as wrong:
            self._done(wrong)
            return
        if is_growing and self._growing is not None:
            self._growing.begin(self._on_grown)
        else:
            self._on_grown(None)

    def _is_growing(self) -> bool:
        """Does a single node take its topics along? Its logs are open then.

        Raises BusError or OSError.
        """
        if self._is_alone:
            check_not_gone(self._mirror, self._keys)
        growing = self._growing
        if growing is None or not growing.is_due():
            return False
        growing.directories.check(self._stores.identities(), self._accept_missing)
        self._open()
        return True

    def _on_grown(self, error: BusError | None) -> None:
        if isinstance(error, StoreUnreachable):
            self._wait(f" {error}")
            return
        if error is not None:
            self._done(error)
            return
        found(self._mirror, self._keys, self._random, self._on_founded, self._known)

    def _on_founded(self, error: BusError | None) -> None:
        if error is not None:
            self._done(error)
            return
        try:
            directories = self._recover()
        except (BusError, OSError) as wrong:
            self._done(wrong)
            return
        self._directories.note(directories, self._on_noted)

    def _on_noted(self, error: BusError | None) -> None:
        if error is None and not self._stores.working:
            error = StorageError(f"No disk can be written: {self._stores.all[0].failed}.")
        if error is not None:
            self._done(error)
        else:
            self._enter()

    def _recover(self) -> dict[UUID, str]:
        """The logs; which directories are this broker's. Raises BusError or OSError."""
        topics = self._metadata.refresh().topics.values()
        missing = self._directories.check(self._stores.identities(), self._accept_missing)
        if not self._is_alone:
            self._directories.check_strangers(self._stores.topics)
        elif not topics:
            self._directories.check_orphans(self._stores.topics(), self._accept_missing)
        self._open()
        if missing:
            pids = (pid for topic in topics for pid in ids_of(topic))
            self.absent = {pid for pid in pids if self._stores.find(pid) is None}
        kept = missing if self.absent else {}  # one that holds nothing any more is forgotten
        return self._stores.identities() | kept

    def _open(self) -> None:
        if not self._is_open:
            self.recovery = self._stores.open()
            self._is_open = True
