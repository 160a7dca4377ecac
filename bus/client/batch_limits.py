"""How large a batch a topic takes, learned from brokers that do not say it with the topic.

busd's own protocol tells it in Metadata; Kafka's does not, so the topic's settings are asked for.
Who may not see them, or cannot, gets Kafka's default.
"""

from collections.abc import Iterable
from dataclasses import replace

from bus.client.routing import ClusterView
from bus.errors import BusError
from bus.model.limits import BATCH_BYTES_MAX_UNTOLD
from bus.wire.admin import (
    RESOURCE_TOPIC,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)
from bus.wire.metadata import MetadataResponse
from bus.wire.schema import Message

SETTING = "max.message.bytes"


class BatchLimits:
    """Bytes by topic."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def missing(self, answer: MetadataResponse) -> list[str]:
        """Topics of which neither the answer nor we know it."""
        return [
            topic.name
            for topic in answer.topics
            if topic.name
            and not topic.error_code
            and topic.batch_bytes_max <= 0
            and topic.name not in self._known
        ]

    def request(self, topics: Iterable[str]) -> DescribeConfigsRequest:
        """Ask for it."""
        return DescribeConfigsRequest(
            [DescribeConfigsResource(RESOURCE_TOPIC, topic, [SETTING]) for topic in topics]
        )

    def learn(self, topics: Iterable[str], answer: Message | BusError) -> None:
        """Note what was answered, or the default."""
        self._known.update(dict.fromkeys(topics, BATCH_BYTES_MAX_UNTOLD))
        if not isinstance(answer, DescribeConfigsResponse):
            return
        for result in answer.results:
            for config in result.configs:
                if config.name == SETTING and config.value and config.value.isdecimal():
                    self._known[result.resource_name] = max(int(config.value), 1)

    def forget(self, topic: str) -> None:
        """It was changed: ask again."""
        self._known.pop(topic, None)

    def applied(self, view: ClusterView) -> ClusterView:
        """The view with what was learned."""
        topics = tuple(
            replace(topic, batch_bytes_max=self._known.get(topic.name, topic.batch_bytes_max))
            for topic in view.topics
        )
        return replace(view, topics=topics)
