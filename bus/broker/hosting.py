"""The partitions of this broker: opened, set up and removed as the records say.

What the records say                     What is done
--------------------                     ------------
a replica is here                        its log is opened or made, and its role assumed
it is in a directory that is not there   nothing: it is absent, and made anew nowhere
the topic has other settings             they count from now on
no replica is here any more              its log is removed
the topic is gone, or another one        the same; whoever knows more of it by name is told
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from bus.broker.partition import Partition
from bus.broker.runtime import Runtime
from bus.errors import BusError
from bus.model.cluster import PartitionImage, TopicImage
from bus.model.ids import PartitionId
from bus.model.topic_settings import TopicSettings

SettingsOf: TypeAlias = Callable[[TopicImage], TopicSettings]
Assume: TypeAlias = Callable[[Iterable[tuple[Partition, PartitionImage]]], object]
log = logging.getLogger("busd")


class Hosting:
    """On the event loop's thread."""

    def __init__(
        self,
        me: int,
        runtime: Runtime,
        settings_of: SettingsOf,
        assume: Assume,
        on_released: Callable[[list[PartitionId]], None],
        on_deleted: Callable[[str], None],
    ) -> None:
        """`on_released` is told before logs are removed, `on_deleted` of topics by name."""
        self.absent: set[PartitionId] = set()  # in a data directory that is not there
        self._me = me
        self._runtime = runtime
        self._settings_of = settings_of
        self._assume = assume
        self._on_released = on_released
        self._on_deleted = on_deleted
        self._topics: Mapping[str, TopicImage] = {}

    def take_up(self, topics: Mapping[str, TopicImage], changed: Sequence[str]) -> None:
        """These are all topics now, and those that have changed since this was called last."""
        before, self._topics = self._topics, topics
        for name in changed:
            known, topic = before.get(name), topics.get(name)
            if known is not None and (topic is None or topic.topic_id != known.topic_id):
                self._remove(ids_of(known))
                self._on_deleted(name)
        wanted: list[tuple[Partition, PartitionImage]] = []
        for name in changed:
            topic = topics.get(name)
            if topic is not None and topic is not before.get(name):
                wanted += self._replicas_of(topic)
        if wanted:
            self._assume(wanted)

    def _replicas_of(self, topic: TopicImage) -> list[tuple[Partition, PartitionImage]]:
        """Those here, opened; those that were here and shall be no more are removed."""
        try:
            settings = self._settings_of(topic)
        except BusError as error:  # a newer version may know what this one does not
            log.error("topic %s is not hosted: %s", topic.name, error)
            return []
        partitions = self._runtime.partitions
        images = dict(zip(ids_of(topic), topic.partitions, strict=True))
        here = [pid for pid, image in images.items() if self._me in image.replicas]
        gone = [pid for pid, image in images.items() if self._me not in image.replicas]
        self._remove([pid for pid in gone if pid in partitions])
        for pid in here:
            known = partitions.get(pid)
            if known is not None and known.settings != settings:
                self._runtime.configure(known, settings)
        self._open(topic.name, [p for p in here if p not in partitions], settings)
        return [(partitions[pid], images[pid]) for pid in here if pid in partitions]

    def _open(self, name: str, pids: list[PartitionId], settings: TopicSettings) -> None:
        try:
            self._runtime.host(name, [(pid, settings) for pid in pids if pid not in self.absent])
        except (BusError, OSError) as error:
            log.error("topic %s: not all of its partitions can be opened: %s", name, error)

    def _remove(self, pids: list[PartitionId]) -> None:
        self.absent.difference_update(pids)
        self._on_released(pids)
        self._runtime.release(pids)


def ids_of(topic: TopicImage) -> list[PartitionId]:
    """Of its partitions, in order."""
    return [PartitionId(topic.topic_id, index) for index in range(len(topic.partitions))]
