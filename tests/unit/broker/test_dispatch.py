"""One registry of handlers: every request that is served has one, and every request is counted."""

from bus.broker.dispatch import HANDLERS, SERVED
from bus.wire.metadata import ApiVersionsRequest, MetadataRequest
from bus.wire.registry import API_BY_KEY, api_of
from tests.fixtures.node import Bench


def test_what_has_a_handler_is_served() -> None:
    keys = [api.key for api in SERVED]
    assert keys == sorted(keys)
    assert set(keys) <= set(API_BY_KEY)
    assert len(keys) == len(HANDLERS)


def test_every_handler_is_named_like_its_request() -> None:
    for request, handler in HANDLERS.items():
        said = api_of(request).name.lower()
        assert handler.__name__.replace("_", "") == said


def test_requests_are_counted_by_name(bench: Bench) -> None:
    for request in (ApiVersionsRequest(), MetadataRequest(), MetadataRequest()):
        bench.ask(request)
    assert bench.node.counters.requests == {"ApiVersionsRequest": 1, "MetadataRequest": 2}
