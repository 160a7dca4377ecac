"""Fetch: which partitions to look at, from where on, and how much of them."""

from bus.broker.closest import closest
from bus.broker.context import Context, Reply
from bus.broker.leaders import Leaders, absence
from bus.broker.node import Node
from bus.broker.reads import Fetch, Wanted
from bus.broker.sessions import Asked
from bus.errors import NONE, UnknownTopicId
from bus.model.ids import NO_TOPIC_ID, PartitionId
from bus.model.limits import STREAM_CREDIT_BYTES_MAX
from bus.wire.fetch import FetchRequest, FetchResponse

FIRST_BATCH = 1  # bytes: enough to be given one batch, which comes whole (KIP-74)
READ_COMMITTED = 1  # protocol: Fetch, isolation level


def fetch(node: Node, context: Context, request: FetchRequest, reply: Reply) -> None:
    """Serve one Fetch."""
    admitted = node.sessions.admit(request, node.clock.now_ms())
    if admitted.error != NONE:
        node.count_error(admitted.error)
        reply(FetchResponse(error_code=admitted.error))
        return
    session = admitted.session
    chosen = closest(node, request.rack_id) if request.rack_id else None
    wanted = [_wanted(node, asked) for asked in admitted.asked]
    node.fetches.fetch(
        Fetch(
            wanted if session is not None else _distinct(wanted),
            request.min_bytes,
            max(FIRST_BATCH, min(request.max_bytes, node.settings.fetch_max_bytes)),
            context.version,
            reply,
            context.peer,
            context.is_gone,
            min(request.credit_bytes, STREAM_CREDIT_BYTES_MAX),
            request.isolation_level == READ_COMMITTED,
            not context.is_kafka and request.host != "" and request.host == node.host,
            admitted.session_id,
            session.changed if session is not None else None,
            Leaders(node, context),
            chosen.choose if chosen is not None else None,
            chosen is not None,
        ),
        request.max_wait_ms,
    )


def _wanted(node: Node, asked: Asked) -> Wanted:
    topic, part = asked
    name: str | None = topic.topic
    if topic.topic_id == NO_TOPIC_ID:
        partition = node.runtime.find(topic.topic, part.partition)
    else:  # as since version 13: what was made anew under the same name is not meant
        partition = node.runtime.partitions.get(PartitionId(topic.topic_id, part.partition))
        name = partition.topic if partition is not None else node.topic_name(topic.topic_id)
    error = NONE
    if partition is None:
        error = UnknownTopicId.code if name is None else absence(node, name, part.partition)
    return Wanted(
        partition,
        part.partition,
        part.fetch_offset,
        max(part.partition_max_bytes, 0),
        part.current_leader_epoch,
        part.last_fetched_epoch,
        error,
        topic.topic,
        topic.topic_id,
        name or "",
    )


def _distinct(wanted: list[Wanted]) -> list[Wanted]:
    """Each partition once: one named 60,000 times would be looked at as often at each commit."""
    found = {id(each.partition or each): each for each in wanted}
    return wanted if len(found) == len(wanted) else list(found.values())
