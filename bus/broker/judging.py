"""What this start has found of its replicas, told before anything counts on them (R2).

Moment                               What is done
------                               ------------
the store knows this life's epoch    the directories note it, durably: from now on an older copy of
                                     one is known for what it is, whether this life is accepted
                                     or not
then                                 replicas that may have lost something are reported
this life is accepted                the directories begin it: nothing older makes suspect any more

What makes a replica suspect, `bus/log/standing.py` says. A directory that
fails meanwhile is failed, and what stands in it is fenced (S4).
"""

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from bus.broker.stores import Stores
from bus.errors import CorruptLog
from bus.log.checkpoints import NO_BROKER_EPOCH
from bus.log.standing import Verdict, judge
from bus.log.store import LogStore
from bus.model.cluster import TopicImage
from bus.model.ids import PartitionId
from bus.model.stored_brokers import BrokerEpochRecord
from bus.model.topic_settings import TopicSettings
from bus.ports import Entry

logger = logging.getLogger("busd")


class Judging:
    """One start of one broker, whose logs are recovered."""

    def __init__(
        self, me: int, stores: Stores, settings_of: Callable[[TopicImage], TopicSettings]
    ) -> None:
        self._me = me
        self._stores = stores
        self._settings_of = settings_of

    @property
    def disk_ids(self) -> list[UUID]:
        """Of the directories that there are."""
        return [store.life.disk_uuid for store in self._stores.all if store.life is not None]

    def note(self, broker_epoch: int) -> None:
        """This life has an epoch; whether it will be accepted nobody knows."""
        self._on_each(lambda store: store.note_life(broker_epoch))

    def suspects(
        self, topics: Iterable[TopicImage], key: str, accepted: Entry | None
    ) -> list[PartitionId]:
        """Of all replicas that the store says are here; `accepted` is of the last life, if any."""
        before = None
        if accepted is not None:
            try:
                before = BrokerEpochRecord.from_bytes(key, accepted.value)
            except CorruptLog as error:
                logger.error("%s", error)
        found: list[PartitionId] = []
        for topic in topics:
            flush_group = self._settings_of(topic).flush == "group"
            for index, image in enumerate(topic.partitions):
                if self._me not in image.replicas:
                    continue
                pid = PartitionId(topic.topic_id, index)
                verdict = self._judge(pid, flush_group, before)
                if not verdict.is_intact:
                    logger.warning("%s-%d is suspect: %s", topic.name, index, verdict.reason)
                    found.append(pid)
        return found

    def begin(self, broker_epoch: int) -> None:
        """This life was accepted, without its suspects."""
        self._on_each(lambda store: store.begin_life(broker_epoch))

    def _judge(
        self, pid: PartitionId, flush_group: bool, before: BrokerEpochRecord | None
    ) -> Verdict:
        lives = [store.life for store in self._stores.all if store.life is not None]
        found = next((s.found[pid] for s in self._stores.all if pid in s.found), None)
        expected, epoch = self.disk_ids, NO_BROKER_EPOCH
        if before is not None:
            expected, epoch = list(before.disk_ids), before.epoch
        return judge(found, lives, expected, flush_group, epoch)

    def _on_each(self, call: Callable[[LogStore], None]) -> None:
        for store in self._stores.working:
            try:
                call(store)
            except OSError as error:
                store.fail(error)
