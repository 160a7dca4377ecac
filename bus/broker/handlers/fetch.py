"""Fetch: which partitions to look at, from where on, and how much of them.

Sessions (KIP-227) are not kept: session id 0 tells the client to send full fetches, which is what
Kafka answers when its session cache is full.
"""

from bus.broker.context import Context, Reply
from bus.broker.node import Node
from bus.broker.reads import Fetch, Wanted
from bus.errors import (
    NONE,
    FetchSessionIdNotFound,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from bus.model.ids import NO_TOPIC_ID
from bus.model.limits import STREAM_CREDIT_BYTES_MAX
from bus.wire.fetch import FetchRequest, FetchResponse, FetchTopic


def fetch(node: Node, context: Context, request: FetchRequest, reply: Reply) -> None:
    """Serve one Fetch."""
    if request.session_id != 0:
        reply(FetchResponse(error_code=FetchSessionIdNotFound.code))
        return
    wanted: list[Wanted] = []
    for topic in request.topics:
        name, error = _resolve(node, topic)
        for asked in topic.partitions:
            partition = node.runtime.find(name, asked.partition)
            wanted.append(
                Wanted(
                    partition,
                    asked.partition,
                    asked.fetch_offset,
                    max(asked.partition_max_bytes, 0),
                    asked.current_leader_epoch,
                    asked.last_fetched_epoch,
                    error if partition is None else NONE,
                    topic.topic,
                    topic.topic_id,
                )
            )
    bytes_max = min(request.max_bytes, node.settings.fetch_max_bytes)
    node.fetches.fetch(
        Fetch(
            wanted,
            request.min_bytes,
            bytes_max,
            context.version,
            reply,
            context.peer,
            context.is_gone,
            min(request.credit_bytes, STREAM_CREDIT_BYTES_MAX),
        ),
        request.max_wait_ms,
    )


def _resolve(node: Node, topic: FetchTopic) -> tuple[str, int]:
    """The topic's name, and the error if it has no such partition; ids since version 13."""
    if topic.topic_id == NO_TOPIC_ID:
        return topic.topic, UnknownTopicOrPartition.code
    return node.topic_name(topic.topic_id) or "", UnknownTopicId.code
