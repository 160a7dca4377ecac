"""What a consumer subscribes to: topics that are known, and without a group all their partitions.

Without a group partitions that are added later are assigned, too; in a group that is its leader's.
"""

from collections.abc import Iterable

from bus.adapters.io_thread import IoThread
from bus.client.reading import Reading
from bus.model.ids import TopicPartition, check_topic_name


class TopicWatch:
    """Compares the subscription with the cluster's picture."""

    def __init__(self, io: IoThread, reading: Reading) -> None:
        self._io = io
        self._reading = reading
        self._cluster = reading.receiver.cluster
        self.topics: tuple[str, ...] = ()
        self._assigns = True
        self._counts: dict[str, int] = {}  # topic -> partitions that were assigned

    def subscribe(self, topics: Iterable[str], *, assigns: bool = True) -> None:
        """Replace the subscription; `apply` acts on it."""
        self._assigns = assigns
        names = tuple(dict.fromkeys(check_topic_name(topic) for topic in topics))
        self.topics, self._counts = names, {}
        for topic in names:
            self._io.post(self._cluster.want, topic)

    def is_news(self) -> bool:
        """Whether `apply` has something to do: a topic became known, grew, or is refused."""
        known = self._cluster.routing.topics
        for topic in self.topics:
            view = known.get(topic)
            if view is not None and view.count != self._counts.get(topic):
                return True
            if topic not in self._counts and self._cluster.refusal(topic) is not None:
                return True
        return False

    def apply(self) -> str | None:
        """Assign what is known. A topic that is not known yet, or None. Raises a refusal."""
        if not self.topics:
            return None
        known = self._cluster.routing.topics
        unknown: str | None = None
        changed = False
        for topic in self.topics:
            view = known.get(topic)
            if view is None:
                if topic not in self._counts:
                    self._raise_refusal(topic)
                    unknown = topic
            elif view.count != self._counts.get(topic):
                self._counts[topic] = view.count
                changed = True
        if changed and self._assigns:
            self._reading.assign(
                TopicPartition(topic, index)
                for topic, count in self._counts.items()
                for index in range(count)
            )
        return unknown

    def _raise_refusal(self, topic: str) -> None:
        error = self._cluster.refusal(topic)
        if error is not None:
            self.topics = tuple(name for name in self.topics if name != topic)
            self._io.post(self._cluster.routing.forget, topic)
            raise error
