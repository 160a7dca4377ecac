"""A node's part in a cluster: put together, and kept in step with the coordination store.

Each time the store's copy has changed: who is a member and who controls first, then topics and what
is hosted of them here.
"""

from collections.abc import Callable

from bus.broker.departure import Departure
from bus.broker.feeding import Feeds
from bus.broker.following import Following
from bus.broker.hosting import Hosting
from bus.broker.judging import Judging
from bus.broker.membership import Membership
from bus.broker.parts import Parts
from bus.broker.peers import Peers
from bus.broker.replication import Replication
from bus.control.throttle import Throttle
from bus.model.stored_brokers import NO_EPOCH, BrokerRecord


class Cluster:
    """On the event loop's thread."""

    def __init__(self, record: BrokerRecord, parts: Parts, peers: Peers) -> None:
        me, clock, later, policy = parts.me, parts.clock, parts.later, parts.policy
        self._me, self._keys, self._mirror = me, parts.keys, parts.mirror
        self._metadata, self._record = parts.metadata, record
        self._clock, self._later = clock, later
        self._departure: Departure | None = None
        self._judging = Judging(me, parts.stores, parts.settings_of)
        self._is_open = False  # the logs are recovered
        self._is_reported = False  # what they hold, to whoever controls
        self._is_judged = False  # the controller knows what this life has found of them
        self.on_members_changed: Callable[[], None] = lambda: None  # told after all others
        self.members = Membership(
            me,
            parts.coordination,
            parts.mirror,
            parts.keys,
            later,
            record,
            self._on_members_changed,
            clock,
            policy,
            parts.runtime.counters,
        )
        self.following = Following(
            me,
            peers,
            later,
            parts.runtime.counters,
            lambda: self.members.epoch,
            parts.on_committed,
            clock,
            Throttle(policy.bytes_per_second),
        )
        feeds = Feeds(
            parts.runtime, clock, parts.pool, lambda: self.members.lives, parts.new_session_id
        )
        self.replication = Replication(
            me, self.members, parts.runtime, parts.roles, feeds, self.following, peers, clock, later
        )
        self.hosting = Hosting(
            me,
            parts.runtime,
            parts.settings_of,
            self.replication.assume,
            self.following.drop,
            parts.on_deleted,
        )

    def start(self) -> None:
        """Become a member; the logs are recovered."""
        self._is_open = True
        self.members.start()
        self.on_news()

    def leave(self, timeout_ms: int, done: Callable[[], None]) -> None:
        """Hand over what is led here; `done` is called once, then it is time to `close`.

        Until then all is served as ever. It is not waited for others longer than `timeout_ms`.
        """
        assert self._departure is None, "a broker leaves once"
        self._departure = Departure(
            self._me, self.members, self.replication, self._clock, self._later, timeout_ms, done
        )

    def close(self) -> None:
        """At once: the session ends, and others will notice."""
        self._is_open = False
        self.members.close()

    def on_news(self) -> None:
        """The store's copy has changed."""
        if not self._is_open or self._mirror.get(self._keys.meta) is None:
            return
        self.members.on_news()
        self._report()
        if self.members.is_accepted and not self._is_judged:
            self._is_judged = True
            self._judging.begin(self.members.epoch)
        if self._is_judged:  # before, a record may name us for what we do not hold any more (R2)
            topics = self._metadata.refresh().topics
            self.hosting.take_up(topics, self._metadata.take_changed())
        if self._departure is not None:
            self._departure.on_news()

    def _on_members_changed(self) -> None:
        self._report()
        self.replication.on_members_changed()
        self.on_members_changed()

    def _report(self) -> None:
        """Once, as soon as this life has an epoch: what it may have lost."""
        epoch, is_known = self.members.epoch, self._mirror.get(self._keys.meta) is not None
        if self._is_reported or not self._is_open or epoch == NO_EPOCH or not is_known:
            return
        self._is_reported = True
        self._judging.note(epoch)
        key = self._keys.broker_epoch(self._me)
        topics = self._metadata.refresh().topics.values()
        suspects = self._judging.suspects(topics, key, self._mirror.get(key))
        self.replication.begin(self._judging.disk_ids, self._record.boot_id, suspects)
