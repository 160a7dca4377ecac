"""Brokers that are drained and removed: a node that is alone cannot be."""

import pytest

from bus.errors import InvalidRequest
from bus.wire.brokers import DrainBrokerRequest, UnregisterBrokerRequest
from bus.wire.schema import Message
from tests.fixtures.node import Bench


@pytest.mark.parametrize("request_", [UnregisterBrokerRequest(1), DrainBrokerRequest(1, True)])
def test_nobody_can_take_over_from_who_is_alone(bench: Bench, request_: Message) -> None:
    answer = bench.ask(request_)
    assert answer.error_code == InvalidRequest.code
    assert "alone" in answer.error_message
