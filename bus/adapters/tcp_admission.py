"""Who may connect over TCP, and what the requests of all may hold; pure.

Addresses of this machine are counted in all, but not each: whoever runs programs here is trusted
with that.

requests of all hold       what is done
---------------------      ------------
half of what they may      no connection is read from that has a request under way: one at a time
more than they may         the one that holds most is closed (bus/adapters/tcp_server.py)
"""

import ipaddress
from collections import Counter
from dataclasses import dataclass

from bus.model.limits import HELD_BYTES_MAX, PEERS_MAX, PEERS_PER_ADDRESS_MAX


@dataclass(slots=True)
class Limits:
    """How many connections there may be at a time."""

    in_all: int = PEERS_MAX
    of_an_address: int = PEERS_PER_ADDRESS_MAX


@dataclass(slots=True)
class Holding:
    """Memory that requests have, those that are not complete included; listeners share it."""

    bytes_max: int = HELD_BYTES_MAX
    bytes: int = 0

    @property
    def is_crowded(self) -> bool:
        """Whether each connection should wait for its answers before it asks for more."""
        return self.bytes > self.bytes_max // 2

    @property
    def is_full(self) -> bool:
        """Whether somebody has to go."""
        return self.bytes > self.bytes_max


class Admission:
    """The connections that are there; listeners of one broker share it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._count

    def enter(self, address: str) -> str | None:
        """Count a connection in; a sentence if it may not be, and then it is not counted."""
        limits = self._limits
        if self._count >= limits.in_all:
            return f"{self._count} connections are open, which is all that may be."
        is_counted = not is_local(address)
        if is_counted and self._by_address[address] >= limits.of_an_address:
            return f"{address} has {limits.of_an_address} connections, which is all it may have."
        self._count += 1
        if is_counted:
            self._by_address[address] += 1
        return None

    def leave(self, address: str) -> None:
        """A connection that was let in is gone."""
        self._count -= 1
        assert self._count >= 0, "who leaves has entered"
        if address in self._by_address:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


def is_local(address: str) -> bool:
    """Is this an address of loopback? One of IPv4 may be written as IPv6."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
