"""A client of somebody, driven by lines of JSON: what every agent of ours has in common.

    in   {"do": "produce", "topic": "t", "records": [...]}      a method of the agent, by name
    out  {"value": ...} | {"error": "...", "code": 3} | {"absent": "why this client cannot"}

An agent runs in the environment of its client, so it imports nothing but this module and that
client. Bytes travel as latin-1 text. A record is [key, value, headers, timestamp, partition], what
is read is [offset, timestamp, key, value, headers]; a null is None. While a consumer is in a group,
it is polled between two commands: `state` tells what it owns, has seen, and had to give up.
"""

import json
import queue
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0  # for one call


class Absent(Exception):
    """This client has no such thing; the text says what."""


class Refused(Exception):
    """The broker answered with an error of Kafka's table."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def text(data: bytes | None) -> str | None:
    """Bytes as they travel."""
    return None if data is None else bytes(data).decode("latin-1")


def data(words: str | None) -> bytes | None:
    """Bytes as the client takes them."""
    return None if words is None else words.encode("latin-1")


def places(of: Iterable[Any]) -> list[list]:
    """Topic and partition of each, as they travel."""
    return [[place.topic, place.partition] for place in of]


def row(record: Any) -> list:
    """A record as it travels, of a client that names its parts `offset`, `timestamp`, and so on."""
    headers = [[name, text(words)] for name, words in record.headers]
    return [record.offset, record.timestamp, text(record.key), text(record.value), headers]


class Member:
    """What the scenarios ask about a consumer in a group; `poll` adds to it."""

    def __init__(self) -> None:
        self.seen: list[list] = []  # [topic, partition, offset, value]
        self.given: list[list] = []  # [topic, partition], each time it was assigned
        self.taken: list[list] = []  # [topic, partition], each time it was revoked or lost


class Agent:
    """Methods that do not begin with an underscore are commands."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._member: Member | None = None

    def _code(self, error: Exception) -> int | None:
        """Kafka's number for this error of the client's."""
        return getattr(error, "code", None)

    def _poll(self, seconds: float) -> None:
        """Let the consumer in a group work for so long."""

    def _assignment(self) -> list[list]:
        """[topic, partition] of all that the consumer in a group owns now."""
        return []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Absent(f"it has no {name.replace('_', ' ')}")

    def state(self) -> dict:
        """Of the consumer in a group, since it joined."""
        assert self._member is not None, "join first"
        member = self._member
        return {
            "assigned": sorted(self._assignment()),
            "seen": member.seen,
            "given": member.given,
            "taken": member.taken,
        }

    def _answer(self, line: str) -> dict:
        request = json.loads(line)
        try:
            return {"value": getattr(self, request.pop("do"))(**request)}
        except Absent as error:
            return {"absent": str(error)}
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            return {"error": said[:500], "code": self._code(error)}

    def _serve(self) -> None:
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()

        def listen() -> None:
            for line in sys.stdin:
                lines.put(line)
            lines.put("")

        threading.Thread(target=listen, daemon=True).start()
        print(json.dumps({"value": "ready"}), flush=True)
        while True:
            try:
                line = lines.get(timeout=0 if self._member else None)
            except queue.Empty:
                self._poll(POLL_SECONDS)
                continue
            if not line:
                return
            print(json.dumps(self._answer(line)), flush=True)


def deadline() -> float:
    """When one call has taken too long."""
    return time.monotonic() + PATIENCE_SECONDS


def main(kind: type[Agent]) -> None:
    """The whole program of an agent: `python -m tests.conformance.agents.NAME BOOTSTRAP`."""
    kind(sys.argv[1])._serve()
