"""The page of requests."""

from bus.broker.dispatch import SERVED
from bus.cli.kafka_doc import ABSENT, NOTES, page
from bus.wire.extensions import API_KEY_MIN
from bus.wire.registry import APIS


def test_every_request_that_kafka_s_clients_are_served_is_on_the_page() -> None:
    text = page()
    assert all((f"| {api.key} | {api.name} |" in text) == (api.key < API_KEY_MIN) for api in SERVED)


def test_notes_are_about_requests_that_there_are() -> None:
    assert NOTES.keys() <= {api.name for api in APIS}


def test_nothing_is_both_served_and_absent() -> None:
    absent = {name for names in ABSENT for name in names.split(", ")}
    assert absent.isdisjoint(api.name for api in SERVED)
