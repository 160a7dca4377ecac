"""Carries out a plan: asks for moves as there is room for them, and sees how far they are.

A partition is    When
--------------    ----
wanted            its replicas are to be others, and that was not asked for, or refused for now
under way         the controller exchanges its replicas
done              those that should hold it do, all of them in sync; it may be moved again later
refused           the controller has said why, and would say so again

Nothing is remembered elsewhere: what was begun goes on by itself, and a new process finds it.
"""

from collections.abc import Callable
from typing import Any

from bus.cli.failure import Failure
from bus.cli.plan import Held, name_of, settled
from bus.cli.progress import Bar
from bus.errors import BusError, ThrottlingQuotaExceeded
from bus.model.ids import TopicPartition

LOOK_SECONDS, LOOK_SECONDS_MAX = 0.1, 1.0
NAMED_MAX = 3  # partitions whose refusals are told


class Moving:
    """One plan, until all of it is done or refused."""

    def __init__(self, admin: Any, plan: Held, at_a_time: int | None = None) -> None:
        self._admin = admin
        self._plan = plan
        self._at_a_time = at_a_time
        self.done: set[TopicPartition] = set()
        self.refused: dict[TopicPartition, BusError] = {}

    @property
    def left(self) -> list[TopicPartition]:
        """Neither done nor refused."""
        return [each for each in self._plan if each not in self.done and each not in self.refused]

    def step(self) -> None:
        """Look, and ask for as much as there is room for."""
        topics = self._admin.describe_topics()
        moving = self._admin.list_reassignments()
        held = settled(topics, moving)
        in_sync = {
            TopicPartition(topic.name, each.partition): set(each.isr)
            for topic in topics
            for each in topic.partitions
        }
        wanted, under_way = [], 0
        for partition in self.left:
            target = self._plan[partition]
            if held.get(partition) != target:
                wanted.append(partition)
            elif partition in moving or not in_sync[partition].issuperset(target):
                under_way += 1
            else:
                self.done.add(partition)
        room = len(wanted) if self._at_a_time is None else max(0, self._at_a_time - under_way)
        if wanted[:room]:
            self._ask({partition: self._plan[partition] for partition in wanted[:room]})

    def _ask(self, wanted: Held) -> None:
        for partition, error in self._admin.reassign_partitions(wanted).items():
            if not isinstance(error, ThrottlingQuotaExceeded):
                self.refused[partition] = error


def carry_out(moving: Moving, bar: Bar, rest: Callable[[float], None]) -> None:
    """Until nothing is left. Raises Failure if something was refused."""
    shown, pause = 0, LOOK_SECONDS
    while True:
        moving.step()
        bar.advance(len(moving.done) - shown)
        shown = len(moving.done)
        if not moving.left:
            break
        rest(pause)
        pause = min(pause * 1.5, LOOK_SECONDS_MAX)
    if moving.refused:
        raise Failure(refusals(moving.refused))


def refusals(refused: dict[TopicPartition, BusError]) -> str:
    """In a sentence or some."""
    told = [f"{name_of(partition)}: {error}" for partition, error in refused.items()]
    more = len(told) - NAMED_MAX
    return " ".join(told[:NAMED_MAX]) + (f" And {more:,} more were refused." if more > 0 else "")
