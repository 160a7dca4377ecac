"""Requests that only the controller carries out: passed on to it, and taken from other brokers.

A broker that is alone controls. What comes from another broker is carried out here or refused, and
never passed on again. Brokers speak the newest version to each other, so what only older ones say
is said anew first: it would get lost on the way.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Protocol

from bus.broker.changed import Changed, results
from bus.broker.context import Context, Reply
from bus.broker.handlers import admin, configs, features, metadata
from bus.broker.node import Node
from bus.errors import BusError
from bus.wire.admin import (
    AlterConfigsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DeleteTopicState,
    IncrementalAlterConfigsRequest,
)
from bus.wire.features import SAFE_DOWNGRADE, UpdateFeaturesRequest
from bus.wire.metadata import MetadataRequest, MetadataResponse
from bus.wire.registry import api_of
from bus.wire.schema import Message

TIMEOUT_MS = 30_000  # of a request that names none


class Refusable(Protocol):
    """A handler that can also tell of each part that it is refused."""

    def __call__(
        self,
        node: Node,
        context: Context,
        request: Any,
        reply: Reply,
        refusal: BusError | None = None,
    ) -> None:
        """`reply` is called once, now or later."""


CHANGES: dict[type[Message], Refusable] = {
    CreateTopicsRequest: admin.create_topics,
    DeleteTopicsRequest: admin.delete_topics,
    CreatePartitionsRequest: admin.create_partitions,
    AlterConfigsRequest: configs.alter_configs,
    IncrementalAlterConfigsRequest: configs.incremental_alter_configs,
    UpdateFeaturesRequest: features.update_features,
}
OF_PEERS: dict[type[Message], Callable[[Node, Context, Any, Reply], None]] = {
    **CHANGES,
    MetadataRequest: metadata.metadata,  # which makes a topic, as somebody's first use does
}


def by_controller(handler: Refusable) -> Callable[[Node, Context, Message, Reply], None]:
    """Have it done by whoever controls, and answer for it."""

    @wraps(handler)
    def ask(node: Node, context: Context, asked: Message, reply: Reply) -> None:
        request = as_newest(asked)
        if node.member is None:
            handler(node, context, request, reply)
            return

        def told(outcome: Message | BusError | None) -> None:
            if outcome is None:
                handler(node, context, request, reply)
            elif isinstance(outcome, BusError):
                handler(node, context, request, reply, outcome)
            else:
                assert isinstance(outcome, Changed), "it answers one of those requests"
                for code in results(outcome):
                    node.count_error(code)
                reply(outcome)

        node.member.ask_controller(request, getattr(request, "timeout_ms", TIMEOUT_MS), told)

    return ask


def as_newest(request: Message) -> Message:
    """The same in the words of the newest version."""
    match request:
        case DeleteTopicsRequest(topic_names=[_, *_] as names):
            return replace(request, topics=[DeleteTopicState(n) for n in names], topic_names=[])
        case UpdateFeaturesRequest(feature_updates=updates):
            renewed = [
                replace(each, allow_downgrade=False, upgrade_type=SAFE_DOWNGRADE)
                if each.allow_downgrade
                else each
                for each in updates
            ]
            return replace(request, feature_updates=renewed)
    return request


PASSED_ON = {request: by_controller(handler) for request, handler in CHANGES.items()}


def serve_peer(node: Node, broker: int, request: Message, reply: Reply) -> bool:
    """Carry out what another broker passes on; whether it is something that brokers do."""
    handler = OF_PEERS.get(type(request))
    if handler is None:
        return False
    name = f"broker {broker}"
    context = Context(api_of(request).max_version, name, name, is_peer=True)

    def answered(answer: Message | None) -> None:
        if isinstance(answer, Changed | MetadataResponse):
            answer.revision = max(answer.revision, node.topics.revision)
        reply(answer)

    handler(node, context, request, answered)
    return True
