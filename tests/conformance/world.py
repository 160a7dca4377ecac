"""What a scenario is given: a client, a broker's address, names that nobody else uses."""

import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.conformance.agent_process import AgentProcess
from tests.conformance.agents.agent import Absent, Refused
from tests.conformance.targets import Target

SETTLE_SECONDS_MAX = 120.0
LOOK_SECONDS = 0.1
Record = list  # [key, value, headers, timestamp, partition], bytes as latin-1 text


class Wrong(Exception):
    """The client and the broker did something else than the scenario asks for."""


def record(
    value: str | None,
    key: str | None = None,
    headers: Sequence[Sequence[str | None]] = (),
    timestamp: int | None = None,
    partition: int | None = None,
) -> Record:
    """One record as agents take it."""
    return [key, value, [list(header) for header in headers], timestamp, partition]


class World:
    """One suite on one target. `client` is under test; `helper` makes topics where it cannot."""

    def __init__(
        self, command: Sequence[str], helper: AgentProcess, log: Path, target: Target
    ) -> None:
        self.nodes = target.nodes
        self._command = [*command, target.bootstrap]
        self._log = log
        self.helper = helper
        self._members: list[AgentProcess] = []
        self._client: AgentProcess | None = None

    @property
    def client(self) -> AgentProcess:
        """The agent that is not in a group."""
        if self._client is None:
            self._client = AgentProcess(self._command, self._log)
        return self._client

    def name(self, what: str) -> str:
        """Of a topic or a group, new each time."""
        return f"{what}-{uuid.uuid4().hex[:8]}"

    def topic(self, partitions: int = 1, **config: str) -> str:
        """A new topic with a copy on each broker; settings with underscores for dots."""
        name = self.name("topic")
        settings = {key.replace("_", "."): value for key, value in config.items()}
        wanted = {"partitions": partitions, "config": settings, "copies": self.nodes}
        try:
            self.client.create(topic=name, **wanted)
        except Absent:
            self.helper.create(topic=name, **wanted)
        return name

    def member(self, **arguments: Any) -> AgentProcess:
        """A consumer of its own process that joins a group."""
        agent = AgentProcess(self._command, self._log)
        self._members.append(agent)
        agent.join(**arguments)
        return agent

    def forget_members(self) -> None:
        """End those that a scenario left."""
        members, self._members = self._members, []
        for member in members:
            member.kill()

    def close(self) -> None:
        """End every process of the suite."""
        self.forget_members()
        if self._client is not None:
            self._client.end()
            self._client = None

    def renew(self) -> None:
        """Another client process, after one that died."""
        if self._client is not None:
            self._client.kill()
            self._client = None


def wait_for(what: str, holds: Callable[[], Any], seconds: float = SETTLE_SECONDS_MAX) -> Any:
    """What `holds` returns once it is true."""
    until = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > until:
            raise Wrong(f"not within {seconds:g} s: {what}")
        time.sleep(LOOK_SECONDS)
    return value


def expect(found: Any, wanted: Any, what: str) -> None:
    """Equal, or the scenario has failed."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r:.300} instead of {wanted!r:.300}")


def expect_refused(code: int, call: Callable[..., Any], **arguments: Any) -> None:
    """The broker must answer with this error."""
    try:
        value = call(**arguments)
    except Refused as error:
        if error.code != code:
            raise Wrong(f"error {error.code} instead of {code}: {error}") from None
        return
    raise Wrong(f"it was taken, with {value!r:.200}, instead of error {code}")
