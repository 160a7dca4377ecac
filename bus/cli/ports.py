"""Ports of this machine that nobody has at the moment."""

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from bus.cli.failure import Failure, UserError

ANY = 0  # no port is wanted
FIRST, TRIED_MAX = 12_000, 100
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
OUTGOING_FIRST = 32_768  # where the system does not tell


def is_free(port: int) -> bool:
    """Could one listen on this port of loopback?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_distinct(wanted: Iterable[tuple[str, int]]) -> None:
    """What each of these, by name, listens on. Raises UserError if two would be at one port."""
    by_port: dict[int, str] = {}
    for name, port in wanted:
        if port != ANY and by_port.setdefault(port, name) != name:
            raise UserError(
                f"{by_port[port]} and {name} would both listen on port {port}: a shard's ports are "
                "its number above those that are given, so leave as many free."
            )


def choose(wanted: int, count: int, taken: set[int]) -> int:
    """`wanted`, or another one that is free, as are the `count` from it on.

    None of those that connections may leave from, so that the kernel gives it to nobody before it
    is listened on: a client that tries it again and again might meet itself there.
    """
    outgoing = int(OUTGOING.read_text().split()[0]) if OUTGOING.exists() else OUTGOING_FIRST
    last = max(outgoing, FIRST + TRIED_MAX) - count
    tried = random.sample(range(FIRST, last), TRIED_MAX)
    for port in [wanted, *tried] if wanted != ANY else tried:
        run = range(port, port + count)
        if taken.isdisjoint(run) and all(map(is_free, run)):
            return port
    raise Failure(f"{TRIED_MAX} ports of this machine, tried at random, are all taken.")
