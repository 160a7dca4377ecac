"""The brokers, as who asks can reach them."""

import pytest

from bus.broker.context import Context
from bus.broker.dispatch import dispatch
from bus.model.endpoint import Endpoint
from bus.wire.cluster import DescribeClusterRequest
from bus.wire.schema import Message
from tests.fixtures.node import Bench


def test_the_cluster_is_described(bench: Bench) -> None:
    answer = bench.ask(DescribeClusterRequest())
    assert answer.cluster_id == bench.node.metadata.image.cluster_id
    assert (answer.error_code, answer.controller_id) == (0, 1)
    assert [(broker.broker_id, broker.port) for broker in answer.brokers] == [(1, 7901)]


def test_who_came_in_elsewhere_is_told_of_that_address(bench: Bench) -> None:
    reached = Endpoint("kafka://10.0.0.1:9092", "10.0.0.1", 9092)
    answers: list[Message | None] = []
    context = Context(1, "test", "PLAINTEXT", reached=reached, is_kafka=True)
    dispatch(bench.node, context, DescribeClusterRequest(), answers.append)
    assert [(broker.host, broker.port) for broker in answers[0].brokers] == [("10.0.0.1", 9092)]


@pytest.mark.parametrize(("kind", "error"), [(2, 114), (3, 115)])
def test_controllers_have_no_endpoints_of_their_own(bench: Bench, kind: int, error: int) -> None:
    answer = bench.ask(DescribeClusterRequest(endpoint_type=kind))
    assert (answer.error_code, answer.brokers) == (error, [])
