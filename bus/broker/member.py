"""A node as a member of a cluster: what is put together once its listeners and logs stand.

What                          Where
----                          -----
life, control, records        cluster.py
who is alive                  watching.py
what only the controller does forwarding.py
links to other brokers        whoever gives them: told whom the store shows, asked for the rest

Until it has entered, no other broker gets a link to it.
"""

import dataclasses
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from bus.broker.cluster import Cluster
from bus.broker.context import Reply
from bus.broker.forwarding import Done, Forwarding, Told
from bus.broker.membership import NOBODY
from bus.broker.parts import Parts
from bus.broker.peers import Peers
from bus.broker.watching import Watching
from bus.errors import CorruptLog, NotController
from bus.model.cluster import BrokerInfo
from bus.model.ids import PartitionId
from bus.model.keys import Kind
from bus.model.store_errors import StoreRefused
from bus.model.stored_brokers import BrokerEpochRecord, BrokerRecord, BrokerState
from bus.wire.schema import Message

log = logging.getLogger("busd")


class Links(Peers, Protocol):
    """The Peers port, told whom there is to link to."""

    def on_members_changed(
        self, records: Mapping[int, BrokerRecord], removed: Collection[int] = ()
    ) -> None:
        """What the store shows: entries, with their epochs filled in, and who was removed."""

    def close(self) -> None:
        """Leave; nothing is told of it."""

    @property
    def endpoint(self) -> str:
        """Where other brokers link to."""

    @property
    def local_path(self) -> str:
        """Where brokers of this machine connect to, or empty."""

    @property
    def public_key(self) -> str:
        """By which they know this broker."""


Serve = Callable[[int, Message, Reply], bool]  # a request that clients could make, too


class Member:
    """On the event loop's thread."""

    def __init__(self, parts: Parts, links: Links) -> None:
        self.serve: Serve = lambda *_: False
        self.on_refused: Callable[[StoreRefused], None] = lambda _: None
        self._parts = parts
        self._links = links
        self._seen: dict[int, BrokerRecord] = {}  # of all that have ever been seen to answer
        self._gone: set[int] = set()  # who was removed
        self._records: dict[int, BrokerRecord] = {}  # of the others, as it was told last
        self._removed: frozenset[int] = frozenset()
        self._draining: set[int] = set()
        self._made_of: tuple[object, object] = (None, None)  # what `_brokers` is
        self._brokers: dict[int, BrokerInfo] = {}
        prefixes = parts.keys.prefix(Kind.BROKER_EPOCH), parts.keys.prefix(Kind.BROKER)
        self._unread = parts.mirror.unread(*prefixes)
        self._entered: Callable[[], None] | None = None  # once it is accepted
        self.cluster: Cluster | None = None  # once it has entered
        self.watching: Watching | None = None
        self._forwarding: Forwarding | None = None

    def enter(
        self, record: BrokerRecord, _absent: Collection[PartitionId], done: Callable[[], None]
    ) -> None:
        """Become a member; `done` once it is accepted and hosts its part.

        Where a data directory is not there, its replicas are not what they were, and are made anew
        from those of other brokers.
        """
        parts, links = self._parts, self._links
        self._entered = done
        self.cluster = Cluster(record, parts, links)
        members = self.cluster.members
        members.on_refused = lambda error: self.on_refused(error)
        self._forwarding = Forwarding(
            parts.me, members, parts.mirror, links, parts.clock, parts.later
        )
        self.watching = Watching(
            parts.me,
            members,
            links,
            parts.clock,
            parts.later,
            lambda: parts.stores.stuck_ms(parts.clock.now_ms()),
        )
        self.cluster.on_members_changed = self.watching.on_members_changed
        self.cluster.start()
        self.on_news()

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self.cluster.replication.next_tick_ms() if self.cluster is not None else None

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""
        if self.cluster is not None:
            self.cluster.replication.tick(now_ms)

    def close(self) -> None:
        """Leave at once: the session ends, and others will notice."""
        if self.cluster is None:
            return
        assert self.watching is not None, "it has entered"
        self.watching.close()
        self.cluster.close()
        self._links.close()

    # --- what is told ------------------------------------------------------------------------

    def on_news(self) -> None:
        """The store's copy has changed."""
        if self.cluster is None:
            return
        if self._read_records():
            self._links.on_members_changed(self._records, self._removed)
        self.cluster.on_news()
        if self._entered is not None and self.cluster.members.is_accepted:
            entered, self._entered = self._entered, None
            entered()
        if self._forwarding is not None:
            self._forwarding.on_news()

    def on_link(self, broker: int, is_up: bool) -> None:
        """A link to another broker is there, or is lost."""
        if self.cluster is None or self.watching is None:
            return
        self.cluster.replication.on_link(broker, is_up)
        self.watching.on_link(broker, is_up)

    def handle(self, broker: int, request: Message, reply: Reply) -> None:
        """A peer asks, whose identity its link has proven."""
        if self.cluster is None or self.watching is None:
            return
        if self.watching.handle(broker, request) or self.serve(broker, request, reply):
            return
        self.cluster.replication.handle(broker, request, reply)

    @property
    def epoch(self) -> int:
        """Of this life (R1)."""
        return self.cluster.members.epoch if self.cluster is not None else 0

    # --- what is asked -----------------------------------------------------------------------

    @property
    def controller(self) -> int:
        """Who controls."""
        return self.cluster.members.controller if self.cluster is not None else NOBODY

    def ask_controller(self, request: Message, timeout_ms: int, told: Told) -> None:
        """See Forwarding."""
        if self._forwarding is None:
            told(NotController("This broker is not a member of its cluster yet; try again."))
        else:
            self._forwarding.ask(request, timeout_ms, told)

    def brokers(self) -> dict[int, BrokerInfo]:
        """Who serves, and where; the same object while nothing of it has changed."""
        made_of = (self._records, self.cluster.members.lives if self.cluster is not None else None)
        if made_of[0] is not self._made_of[0] or made_of[1] is not self._made_of[1]:
            self._made_of = made_of
            self._brokers = {
                broker: BrokerInfo(broker, record.endpoints, record.rack or None, record.levels)
                for broker, record in sorted(self._records.items())
                if self._is_active(broker)
            }
        return self._brokers

    def racks(self) -> dict[int, str]:
        """Who may be given replicas."""
        return {
            broker: record.rack
            for broker, record in self._records.items()
            if self._is_active(broker) and broker not in self._draining
        }

    def draining(self) -> Collection[int]:
        """Who gives up all that it holds, and is given nothing."""
        return self._draining

    def hosts(self) -> dict[int, str]:
        """Brokers of one kernel are one host."""
        return {broker: record.boot_id for broker, record in self._records.items()}

    def guards(self) -> dict[str, int]:
        """What must hold for this broker to write records. Raises NotController (R3)."""
        controlling = self.cluster.members.controlling if self.cluster is not None else None
        if controlling is None:
            raise NotController("This broker does not control the cluster.")
        return controlling.guard

    def make(self, name: str, here: Callable[[Done], None], done: Done) -> None:
        """Have a topic made as somebody's first use of it makes it."""
        if self._forwarding is None:
            done(NotController("This broker is not a member of its cluster yet; try again."))
        else:
            self._forwarding.make(name, here, done)

    def _is_active(self, broker: int) -> bool:
        life = self.cluster.members.lives.get(broker) if self.cluster is not None else None
        return life is not None and life.is_active

    def _read_records(self) -> bool:
        """Of brokers, as far as entries have changed; one whose session has ended keeps the last
        that it had. Is anything told of them another one?"""
        if not self._unread:
            return False
        for key in self._unread.take():
            try:
                self._read(key)
            except CorruptLog as error:
                log.error("%s", error)
        removed = frozenset(self._gone)
        records = {b: record for b, record in self._seen.items() if b not in removed}
        if (records, removed) == (self._records, self._removed):
            return False
        self._records, self._removed = records, removed
        return True

    def _read(self, key: str) -> None:
        mirror, keys = self._parts.mirror, self._parts.keys
        name, entry = keys.name_of(key), mirror.get(key)
        if name is None:
            return
        broker = name.number
        if name.kind is Kind.BROKER and entry is not None:
            record = mirror.parsed(key, BrokerRecord.from_bytes)
            self._seen[broker] = dataclasses.replace(record, epoch=record.epoch_at(entry.revision))
        elif name.kind is Kind.BROKER_EPOCH:
            self._gone.discard(broker)
            self._draining.discard(broker)
            if entry is not None:
                self._read_accepted(broker, mirror.parsed(key, BrokerEpochRecord.from_bytes))

    def _read_accepted(self, broker: int, accepted: BrokerEpochRecord) -> None:
        if accepted.state is BrokerState.REMOVED:
            self._gone.add(broker)
            if self._parts.mirror.get(self._parts.keys.broker(broker)) is None:
                self._seen.pop(broker, None)
        elif accepted.is_draining:
            self._draining.add(broker)
