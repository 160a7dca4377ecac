"""This broker as a member of its cluster: its life, who controls, and whether it is accepted.

Step                        In the store
----                        --------
register                    b/BROKER, in a session; its first revision is this life's broker epoch
                            (R1; bus/broker/registration.py)
report what it holds        to the controller, until be/BROKER shows that epoch (R2)
end, with a sentence        if meta tells of a level that this version does not know
control, if nobody does     ctl, in the session, by compare-and-set (R3); at once if an earlier life
                            of this broker did

Whoever controls is told by the key `ctl`; taking it from a holder that seems dead is always safe,
as a controller's transactions are guarded by its revision.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from bus.broker.controlling import Controlling
from bus.broker.counters import Counters
from bus.broker.founding import check_level
from bus.broker.mirror import Mirror, Outcome
from bus.broker.registration import Registration
from bus.control.policy import Policy
from bus.errors import CorruptLog
from bus.model.cluster import BrokerLife
from bus.model.keys import Keys, Kind
from bus.model.limits import MEMBERSHIP_RETRY_MS, SESSION_TTL_MS
from bus.model.store_errors import StoreRefused
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerRecord, BrokerState
from bus.ports import Clock, Coordination, Entry, Later, Session, Write, revision_of

NOBODY = -1
logger = logging.getLogger("busd")


class Membership:
    """From the start of a broker to its stop; on the event loop's thread."""

    def __init__(
        self,
        me: int,
        store: Coordination,
        mirror: Mirror,
        keys: Keys,
        later: Later,
        record: BrokerRecord,
        on_changed: Callable[[], None],
        clock: Clock,
        policy: Policy,
        counters: Counters,
    ) -> None:
        """`on_changed` is called when the life of a broker, or who controls, is another one."""
        self.epoch = NO_EPOCH  # of this life, once the store knows it
        self.controller = NOBODY
        self.controlling: Controlling | None = None
        self.lives: Mapping[int, BrokerLife] = {}  # as the controller has accepted them
        self.has_left = False  # this life has taken its leave of the controller
        self.on_refused: Callable[[StoreRefused], None] = lambda _: None  # for good
        self._me = me
        self._store = store
        self._mirror = mirror
        self._keys = keys
        self._later = later
        self._record = record
        self._on_changed = on_changed
        self._clock = clock
        self._policy = policy
        self._counters = counters
        self._unread = mirror.unread(keys.prefix(Kind.BROKER_EPOCH))
        self._registration: Registration | None = None  # once it has started
        self._is_closed = False
        self._is_writing = False
        self._level_seen = 0  # revision of the cluster's key

    def start(self) -> None:
        """Register; all else follows from what the store says."""
        self._registration = Registration(
            self._store,
            self._later,
            self._keys,
            self._me,
            self._record,
            SESSION_TTL_MS,
            self._on_registered,
            self._on_store_refused,
        )
        self._advance()

    def close(self) -> None:
        """Leave: the session's keys vanish with it."""
        self._is_closed = True
        self._end_term()
        if self._registration is not None:
            self._registration.close()

    def on_news(self) -> None:
        """What the store holds has changed."""
        self._check_level()
        lives = self._read_lives()
        entry = self._mirror.get(self._keys.controller)
        controller = _holder(entry)
        if controller != self._me:
            self._end_term()
        elif self.controlling is not None:
            self.controlling.on_news()
        if (lives, controller) != (self.lives, self.controller):
            self.lives, self.controller = lives, controller
            self._on_changed()
        self._advance()

    @property
    def is_accepted(self) -> bool:
        """May it lead, and be counted on?"""
        life = self.lives.get(self._me)
        return life is not None and life == BrokerLife(self.epoch, True)

    def take_control(self) -> None:
        """Be the controller instead of whoever is; a race that is lost changes nothing."""
        if self._is_closed or self._is_writing or self._session is None:
            return  # without a session it would be so for ever
        self._write(self._keys.controller, str(self._me).encode(), self._on_control)

    def _advance(self) -> None:
        """The next step that is due, if none is under way."""
        if self.epoch != NO_EPOCH and self._is_vacant and self._mirror.is_ready:
            self.take_control()

    @property
    def _is_vacant(self) -> bool:
        """Does nobody control, but for an earlier life of this broker?"""
        return self.controlling is None and self.controller in (NOBODY, self._me)

    @property
    def _session(self) -> Session | None:
        return self._registration.session if self._registration is not None else None

    def _write(self, key: str, value: bytes, done: Callable[[int], None]) -> None:
        """In the session, which is open, over what is there."""
        self._is_writing = True
        write = Write(key, value, revision_of(self._mirror.get(key)), self._session)
        self._mirror.transact([write], {}, partial(self._on_outcome, done))

    def _on_outcome(self, done: Callable[[int], None], outcome: Outcome) -> None:
        self._is_writing = False
        if self._is_closed:
            return
        if isinstance(outcome, int):
            done(outcome)
            self._advance()
        else:
            self._again(self._advance)

    def _on_registered(self, epoch: int) -> None:
        self.epoch = epoch
        self._on_changed()
        self._advance()

    def _on_store_refused(self, error: StoreRefused) -> None:
        logger.error("This broker cannot be a member: %s", error)
        self.on_refused(error)

    def _on_control(self, revision: int) -> None:
        entry = self._mirror.get(self._keys.controller)
        if entry is not None and entry.revision == revision:
            logger.info("This broker is the controller now, in epoch %d.", revision)
            self._end_term()
            self.controlling = Controlling(
                self._mirror, self._keys, revision, self._clock, self._policy, self._counters
            )
            self._on_changed()

    def _check_level(self) -> None:
        """Another level than at the start: raised just before this broker had its entry."""
        entry = self._mirror.get(self._keys.meta)
        if entry is None or entry.revision == self._level_seen:
            return
        self._level_seen = entry.revision
        try:
            check_level(self._mirror, self._keys, self._record.levels)
        except StoreRefused as error:
            self._on_store_refused(error)
        except CorruptLog as error:
            logger.error("%s", error)

    def _end_term(self) -> None:
        if self.controlling is not None:
            controlling, self.controlling = self.controlling, None
            controlling.end()

    def _again(self, step: Callable[[], None]) -> None:
        self._later(MEMBERSHIP_RETRY_MS / 1000, step)

    def _read_lives(self) -> Mapping[int, BrokerLife]:
        """Those that have changed, anew."""
        keys = self._unread.take()
        if not keys:
            return self.lives
        lives = dict(self.lives)
        for key in keys:
            name = self._keys.name_of(key)
            if name is None:
                continue
            accepted = self._accepted(key)
            if accepted is None:
                lives.pop(name.number, None)
                continue
            is_active = accepted.state is BrokerState.ACTIVE
            lives[name.number] = BrokerLife(accepted.epoch, is_active)
            if name.number == self._me:
                self.has_left = self.epoch != NO_EPOCH and accepted.clean_epoch == self.epoch
        return dict(sorted(lives.items()))

    def _accepted(self, key: str) -> BrokerEpochRecord | None:
        """None if there is none that can be read."""
        if self._mirror.get(key) is None:
            return None
        try:
            return self._mirror.parsed(key, BrokerEpochRecord.from_bytes)
        except CorruptLog as error:
            logger.error("%s", error)
            return None


def _holder(entry: Entry | None) -> int:
    """Who controls; NOBODY if nobody does, or what stands there is no broker's."""
    if entry is None or not entry.value.isdigit():
        return NOBODY
    return int(entry.value)
