"""Does the registry know each request, and what each listener advertises?"""

import pytest

from bus.errors import UnsupportedVersion
from bus.wire.fetch import FetchRequest, FetchResponse
from bus.wire.produce import ProduceRequest
from bus.wire.registry import API_BY_KEY, APIS, PEER_APIS, api_by_key, api_of


def test_a_message_leads_to_its_api():
    assert api_of(FetchRequest).key == api_of(FetchResponse()).key == 1


def test_every_message_belongs_to_one_api():
    messages = [table for api in APIS for table in (api.request, api.response)]
    assert len(set(messages)) == len(messages)
    assert list(API_BY_KEY) == sorted(API_BY_KEY)


def test_a_kafka_listener_claims_produce_from_0_and_all_else_is_told_to_everybody():
    assert api_of(ProduceRequest).advertised(kafka=True) == (0, 11)
    assert api_of(ProduceRequest).advertised(kafka=False) == (3, 11)
    others = [api for api in APIS if api is not api_of(ProduceRequest)]
    assert all(api.advertised(kafka=True) == api.advertised(kafka=False) for api in others)
    assert api_of(FetchRequest).advertised(kafka=True) == (4, 16)


def test_a_version_out_of_range_is_refused_with_the_range():
    with pytest.raises(UnsupportedVersion, match=r"Produce version 2 .* 3 to 11"):
        api_of(ProduceRequest).request_program(2, extensions=False)


def test_an_unknown_key_is_refused():
    with pytest.raises(UnsupportedVersion, match="key 999"):
        api_by_key(999)


def test_only_the_answer_to_api_versions_keeps_its_old_header():
    for api in APIS:
        flexible = api.is_flexible(api.max_version)
        assert api.has_flexible_answer_header(api.max_version) == (flexible and api.key != 18)


def test_what_brokers_say_to_each_other_is_not_among_what_clients_may_ask():
    assert [api.key for api in PEER_APIS] == [*range(20_000, 20_008)]
    assert not {api.key for api in PEER_APIS} & API_BY_KEY.keys()
    assert all(api_by_key(api.key) is api is api_of(api.request) for api in PEER_APIS)
