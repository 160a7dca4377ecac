"""Listeners for Kafka's clients, as one setting names them.

    HOST:PORT                        the one listener, named PLAINTEXT
    NAME=HOST:PORT,NAME=HOST:PORT    several; NAME://HOST:PORT, as Kafka writes it, is the same

PORT 0 or * is any free one; HOST * or none after `NAME://` is every address of the machine.
"""

from bus.model.endpoint import split_host_port

DEFAULT_NAME = "PLAINTEXT"
EVERY_ADDRESS = "0.0.0.0"
NAME_LENGTH_MAX = 60

Address = tuple[str, int]  # host without brackets, port


def listeners(text: str) -> dict[str, Address]:
    """Address by name, in the order given. ValueError says what is wrong."""
    found: dict[str, Address] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, address = _split(part)
        if name in found:
            raise ValueError(f"two listeners are named {name}; write NAME=HOST:PORT for each")
        host, port = split_host_port(address)
        found[name] = EVERY_ADDRESS if host == "*" else host, 0 if port == "*" else int(port)
    return found


def check_listeners(text: str) -> str | None:
    """What is wrong with the text of such a setting, or None."""
    try:
        listeners(text)
    except ValueError as wrong:
        return str(wrong)
    return None


def _split(part: str) -> tuple[str, str]:
    """Name and HOST:PORT."""
    for separator in ("://", "="):
        name, found, address = part.partition(separator)
        if found:
            if not name.replace("_", "").replace("-", "").isalnum() or len(name) > NAME_LENGTH_MAX:
                raise ValueError(f"{name!r} is no name of a listener")
            return name, f"*{address}" if address.startswith(":") else address
    return DEFAULT_NAME, part
