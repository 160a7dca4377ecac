"""Where a listener is bound, and whether that is within this machine.

tcp://HOST:PORT    ZeroMQ over TCP; PORT is 1 to 65535, or * for any free one
ipc://PATH         ZeroMQ over a Unix socket
kafka://HOST:PORT  Kafka's protocol over TCP; clients only
HOST:PORT          HTTP; an IPv6 host stands in brackets
"""

from typing import NamedTuple

PORT_MAX = 65535
KAFKA_SCHEME = "kafka://"
KAFKA_PORT = 9092  # where none is named


class Endpoint(NamedTuple):
    """Where a listener answers, as metadata tells clients."""

    url: str
    host: str  # over ZeroMQ the whole URL
    port: int  # 0 where there is none


def endpoint_of_url(url: str) -> Endpoint:
    """Of a listener that another broker tells of, ZeroMQ's or Kafka's."""
    scheme, _, address = url.partition("://")
    host, _, port = address.rpartition(":")
    number = int(port) if port.isdecimal() else 0
    if scheme == "kafka":
        return Endpoint(url, host.removeprefix("[").removesuffix("]"), number)
    return Endpoint(url, url, number)


def split_host_port(address: str) -> tuple[str, str]:
    """Host without brackets, and port as text. ValueError says what is missing."""
    host, colon, port = address.rpartition(":")
    if not colon or not host:
        raise ValueError("it must be HOST:PORT")
    if port not in {"*", "0"} and not (port.isdecimal() and int(port) <= PORT_MAX):
        raise ValueError(f"{port!r} is no port; a port is 1 to {PORT_MAX}, or * for any free one")
    return host.removeprefix("[").removesuffix("]"), port


def join_host_port(host: str, port: int) -> str:
    """HOST:PORT; an IPv6 host gets its brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach HOST:PORT."""
    host, _ = split_host_port(address)
    numbers = host.split(".")  # a name such as 127.example.org is not an address
    address_127 = len(numbers) == 4 and numbers[0] == "127" and all(map(str.isdecimal, numbers))
    return host in {"localhost", "::1"} or address_127


def is_local(url: str) -> bool:
    """Whether a ZeroMQ endpoint is on this machine for sure."""
    scheme, _, rest = url.partition("://")
    return scheme == "ipc" or (scheme == "tcp" and check_http(rest) is None and is_loopback(rest))


def check_http(text: str) -> str | None:
    """What is wrong with an HTTP address, or None."""
    if not text:
        return None
    try:
        split_host_port(text)
    except ValueError as wrong:
        return str(wrong)
    return None


def check_listen(text: str) -> str | None:
    """What is wrong with the endpoint of a listener for clients, or None."""
    if not text or text.startswith("inproc://"):
        return None
    if text.startswith("ipc://"):
        return None if len(text) > len("ipc://") else "the path of the socket is missing"
    if not text.startswith("tcp://"):
        return "it must be tcp://HOST:PORT or ipc://PATH"
    address = text.removeprefix("tcp://")
    if wrong := check_http(address):
        return wrong.replace("HOST:PORT", "tcp://HOST:PORT")
    if not address or not is_loopback(address):
        return (
            "it is not on loopback, and beyond this machine ZeroMQ needs keys, which this version "
            "does not have; use tcp://127.0.0.1:PORT or ipc://PATH"
        )
    return None
