"""Listeners for Kafka's clients, as a setting names them."""

import pytest

from bus.model.listeners import check_listeners, listeners


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("127.0.0.1:9092", {"PLAINTEXT": ("127.0.0.1", 9092)}),
        ("PLAINTEXT://localhost:9092", {"PLAINTEXT": ("localhost", 9092)}),
        ("PLAINTEXT://:9092", {"PLAINTEXT": ("0.0.0.0", 9092)}),
        ("[::1]:*", {"PLAINTEXT": ("::1", 0)}),
        (
            "IN=127.0.0.1:0, OUT=10.0.0.1:9093",
            {"IN": ("127.0.0.1", 0), "OUT": ("10.0.0.1", 9093)},
        ),
    ],
)
def test_listeners_are_read_as_kafka_and_as_we_write_them(text: str, expected: object) -> None:
    assert listeners(text) == expected


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("9092", "HOST:PORT"),
        ("127.0.0.1:99999", "no port"),
        ("127.0.0.1:1,127.0.0.1:2", "two listeners are named PLAINTEXT"),
        ("a b=127.0.0.1:1", "no name"),
        ("=127.0.0.1:1", "no name"),
    ],
)
def test_what_is_no_listener_is_refused_with_the_reason(text: str, wrong: str) -> None:
    assert wrong in (check_listeners(text) or "")
