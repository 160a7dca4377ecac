"""Brokers by an operator's command: drained and removed, by the controller."""

from bus.broker.context import Context, Reply
from bus.broker.node import Node
from bus.control.commands import Command
from bus.errors import NONE, InvalidRequest, NotController, error_of
from bus.wire.brokers import (
    DrainBrokerRequest,
    DrainBrokerResponse,
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)


def unregister_broker(
    node: Node, context: Context, request: UnregisterBrokerRequest, reply: Reply
) -> None:
    """Serve one UnregisterBroker."""
    _command(node, Command(request.broker_id, False, True), UnregisterBrokerResponse(), reply)


def drain_broker(node: Node, context: Context, request: DrainBrokerRequest, reply: Reply) -> None:
    """Serve one DrainBroker."""
    command = Command(request.broker_id, request.is_draining)
    _command(node, command, DrainBrokerResponse(), reply)


def _command(
    node: Node,
    command: Command,
    response: UnregisterBrokerResponse | DrainBrokerResponse,
    reply: Reply,
) -> None:
    def told(error: int, detail: str | None) -> None:
        if error != NONE:
            response.error_code = error
            response.error_message = detail or str(error_of(error))
            node.count_error(error)
        reply(response)

    if node.cluster is None:
        told(InvalidRequest.code, "This broker is alone: nobody can take over what it holds.")
        return
    controlling = node.cluster.members.controlling
    if controlling is None:
        told(NotController.code, None)
    else:
        controlling.command(command, told)
