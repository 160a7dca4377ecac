"""A node that is a cluster of one: it controls, places everything on itself, and leads it."""

from collections.abc import Callable, Collection, Iterable, Mapping

from bus.broker.hosting import Hosting, SettingsOf
from bus.broker.metadata import Metadata
from bus.broker.partition import Partition
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.topic_changes import Done
from bus.model.cluster import BrokerInfo, PartitionImage
from bus.model.endpoint import Endpoint
from bus.model.features import Levels
from bus.model.ids import PartitionId
from bus.model.stored_brokers import BrokerRecord


class Alone:
    """See Standing."""

    def __init__(
        self,
        me: int,
        known: Levels,
        endpoints: Mapping[str, Endpoint],
        metadata: Metadata,
        runtime: Runtime,
        roles: Roles,
        settings_of: SettingsOf,
        on_deleted: Callable[[str], None],
    ) -> None:
        self.controller = me
        self._me = me
        self._known = known
        self._endpoints = endpoints
        self._metadata = metadata
        self._roles = roles
        self._hosting = Hosting(me, runtime, settings_of, self._lead, lambda _: None, on_deleted)
        self._hosts = False

    def brokers(self) -> dict[int, BrokerInfo]:
        """This one, at what it has bound by now."""
        urls = {name: endpoint.url for name, endpoint in self._endpoints.items()}
        return {self._me: BrokerInfo(self._me, urls, None, self._known)}

    def racks(self) -> dict[int, str]:
        """This one."""
        return {self._me: ""}

    def draining(self) -> Collection[int]:
        """Nobody: who could take over?"""
        return ()

    def hosts(self) -> dict[int, str]:
        """There is one."""
        return {}

    def guards(self) -> dict[str, int]:
        """None: nobody else writes to the store."""
        return {}

    def make(self, _name: str, here: Callable[[Done], None], done: Done) -> None:
        """Here."""
        here(done)

    def enter(
        self, _record: BrokerRecord, absent: Collection[PartitionId], done: Callable[[], None]
    ) -> None:
        """Lead all there is; nobody has to be asked."""
        self._hosting.absent |= set(absent)
        self._hosts = True
        self.on_news()
        done()

    def on_news(self) -> None:
        """The store's copy has changed."""
        if self._hosts:
            topics = self._metadata.refresh().topics
            self._hosting.take_up(topics, self._metadata.take_changed())

    def next_tick_ms(self) -> int | None:
        """Never."""
        return None

    def tick(self, now_ms: int) -> None:
        """Nothing is ever due."""

    def close(self) -> None:
        """Host nothing more."""
        self._hosts = False

    def _lead(self, wanted: Iterable[tuple[Partition, PartitionImage]]) -> None:
        """Those that have just been opened: each start begins an epoch of its own."""
        self._roles.lead_alone([p for p, _ in wanted if p.leader.epoch < 0])
