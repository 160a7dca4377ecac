"""Metadata that is told again when it changes: so a native client knows of a new leader at once.

Event                    What happens
-----                    ------------
watch                    its Metadata has been answered, and `more` will follow; what the same peer
                           has watched before ends with the same answer
on_change                a look at all watches is due, once for all that changes meanwhile
look, the same records   nothing
look, others             the topics are described anew, and told if the answer is another
the peer is gone         its watch is dropped
drain                    every watch ends with its last answer
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bus.broker.context import Reply
from bus.broker.streams import Later
from bus.model.cluster import BrokerInfo, ClusterImage, TopicImage
from bus.model.limits import METADATA_PUSH_MS
from bus.wire.metadata import MetadataResponse

Seen = tuple[dict[int, BrokerInfo], int, tuple[TopicImage | None, ...]]


@dataclass(slots=True, eq=False)
class Watch:
    """One peer's interest in some topics."""

    topics: tuple[str, ...]
    describe: Callable[[], MetadataResponse]
    reply: Reply
    is_gone: Callable[[], bool]
    told: MetadataResponse
    seen: Seen


class Watches:
    """One a peer; on the event loop's thread."""

    def __init__(self, image: Callable[[], ClusterImage], later: Later) -> None:
        self._image = image
        self._later = later
        self._by_peer: dict[str, Watch] = {}
        self._is_due = False

    def __len__(self) -> int:
        return len(self._by_peer)

    def watch(
        self,
        peer: str,
        topics: tuple[str, ...],
        first: MetadataResponse,
        describe: Callable[[], MetadataResponse],
        reply: Reply,
        is_gone: Callable[[], bool],
    ) -> None:
        """Answer with `first`, and again whenever the answer is another."""
        answer = replace(first, more=True)
        older = self._by_peer.pop(peer, None)
        if older is not None:
            older.reply(replace(answer, more=False))
        seen = self._seen(topics)
        self._by_peer[peer] = Watch(topics, describe, reply, is_gone, answer, seen)
        reply(answer)

    def on_change(self) -> None:
        """The cluster's records have changed."""
        if self._by_peer and not self._is_due:
            self._is_due = True
            self._later(METADATA_PUSH_MS / 1000, self._look)

    def drain(self) -> None:
        """The broker stops: its clients ask another one."""
        watches, self._by_peer = self._by_peer, {}
        for watch in watches.values():
            watch.reply(replace(watch.told, more=False))

    def _look(self) -> None:
        self._is_due = False
        for peer, watch in list(self._by_peer.items()):
            if watch.is_gone():
                del self._by_peer[peer]
                continue
            seen = self._seen(watch.topics)
            if seen == watch.seen:
                continue
            watch.seen, answer = seen, replace(watch.describe(), more=True)
            if answer != watch.told:
                watch.told = answer
                watch.reply(answer)

    def _seen(self, topics: tuple[str, ...]) -> Seen:
        """What an answer is made of; where nothing has changed, these are the same objects."""
        image = self._image()
        return image.brokers, image.controller_id, tuple(map(image.topics.get, topics))
