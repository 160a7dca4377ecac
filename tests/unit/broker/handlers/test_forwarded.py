"""Is what is passed on to the controller still all that was asked for?"""

import pytest

from bus.broker.handlers.forwarded import CHANGES, as_newest
from bus.wire.admin import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from bus.wire.features import FeatureUpdateKey, UpdateFeaturesRequest
from bus.wire.frames import decode_request, encode_request
from bus.wire.header import RequestHeader
from bus.wire.registry import api_of
from bus.wire.schema import Message
from tests.fixtures.messages import ALL_FORMS, sample, table_of
from tests.fixtures.node import Bench

FORMS = [form for form in ALL_FORMS if table_of(form) in CHANGES]


def over_the_wire(request: Message) -> Message:
    """As the controller reads it."""
    api = api_of(request)
    header = RequestHeader(api.key, api.max_version, 1, "")
    return decode_request(encode_request(header, request))[1]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{table_of(form).__name__} v{form[1]}")
def test_nothing_that_a_version_says_gets_lost_between_brokers(form) -> None:
    asked = as_newest(sample(form))
    assert over_the_wire(asked) == asked


def test_old_names_and_flags_are_said_anew() -> None:
    by_name = DeleteTopicsRequest(topic_names=["a", "b"])
    named = [DeleteTopicState("a"), DeleteTopicState("b")]
    assert as_newest(by_name) == DeleteTopicsRequest(topics=named)
    back = UpdateFeaturesRequest(feature_updates=[FeatureUpdateKey("f", 1, True)])
    kinds = [one.upgrade_type for one in as_newest(back).feature_updates]
    assert kinds == [2]


def test_a_topic_is_deleted_by_whoever_controls_in_every_version(bench: Bench) -> None:
    class Member:
        def ask_controller(self, request, timeout_ms, told) -> None:
            passed_on.append(over_the_wire(request))
            told(DeleteTopicsResponse())

    passed_on: list[Message] = []
    bench.node.member = Member()
    bench.ask(DeleteTopicsRequest(topic_names=["t"]), version=3)
    assert passed_on == [DeleteTopicsRequest(topics=[DeleteTopicState("t")])]
    bench.node.member = None
