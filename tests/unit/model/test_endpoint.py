"""Endpoints: what is one, and what stays within the machine."""

import pytest

from bus.model.endpoint import check_http, check_listen, is_loopback, split_host_port


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:80", ("127.0.0.1", "80")),
        ("[::1]:80", ("::1", "80")),
        ("localhost:*", ("localhost", "*")),
    ],
)
def test_an_address_is_a_host_and_a_port(address: str, parts: tuple[str, str]) -> None:
    assert split_host_port(address) == parts


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"])
def test_loopback_is_recognised(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "*:1", "127.example.org:1", "10.0.0.1:1"])
def test_everything_else_leaves_the_machine(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("text", ["", "tcp://127.0.0.1:*", "tcp://localhost:7901", "ipc:///tmp/a"])
def test_a_listener_within_the_machine_is_accepted(text: str) -> None:
    assert check_listen(text) is None


@pytest.mark.parametrize(
    "text", ["udp://a:1", "tcp://a", "tcp://127.0.0.1:x", "tcp://:1", "ipc://"]
)
def test_what_is_no_endpoint_is_said(text: str) -> None:
    assert check_listen(text)


@pytest.mark.parametrize("text", ["80", ":80", "host:", "host:70000"])
def test_what_is_no_http_address_is_said(text: str) -> None:
    assert check_http(text)
