"""The coordination store as one node sees it: every answer comes within the call.

That is so of the single node's file (`adapters/solo.py`), and only there is this used. What asks a
store of a cluster waits for its answers as the port has them.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from bus.errors import BusError
from bus.model.store_errors import StoreUnreachable
from bus.ports import Coordination, Entry, Snapshot, Write

Answer = TypeVar("Answer")


class ImmediateStore:
    """Every method may raise what the port would answer, or StoreUnreachable."""

    def __init__(self, coordination: Coordination) -> None:
        self._store = coordination

    def get(self, key: str) -> Entry | None:
        """The entry of one key, None if it is absent."""
        answers: list[Entry | BusError | None] = []
        self._store.get(key, answers.append)
        answer = _only(answers)
        if isinstance(answer, BusError):
            raise answer
        return answer

    def list(self, prefix: str) -> dict[str, Entry]:
        """All entries whose keys begin with `prefix`, sorted."""
        answers: list[Snapshot | BusError] = []
        self._store.list(prefix, answers.append)
        answer = _only(answers)
        if isinstance(answer, BusError):
            raise answer
        return answer.entries

    def transact(self, writes: Sequence[Write], guards: Mapping[str, int]) -> int | None:
        """The new revision; None if a key had moved, and then nothing was written."""
        answers: list[int | BusError | None] = []
        self._store.transact(writes, guards, answers.append)
        answer = _only(answers)
        if isinstance(answer, BusError):
            raise answer
        return answer


def _only(answers: list[Answer]) -> Answer:
    if not answers:
        raise StoreUnreachable("The metadata did not answer at once, as one node's file does.")
    return answers[0]
