"""One registry of handlers: every request that is served has one, and every request is counted."""

from bus.broker.dispatch import HANDLERS, SERVED
from bus.wire.metadata import ApiVersionsRequest, MetadataRequest
from bus.wire.registry import API_BY_KEY, api_of
from tests.fixtures.node import Bench


def test_every_api_of_the_registry_is_served() -> None:
    assert [api.key for api in SERVED] == sorted(API_BY_KEY)


def test_every_handler_is_named_like_its_request() -> None:
    for request, handler in HANDLERS.items():
        said = api_of(request).name.lower()
        assert handler.__name__.replace("_", "") == said


def test_requests_are_counted_by_name(bench: Bench) -> None:
    for request in (ApiVersionsRequest(), MetadataRequest(), MetadataRequest()):
        bench.ask(request)
    assert bench.node.counters.requests == {"ApiVersionsRequest": 1, "MetadataRequest": 2}
