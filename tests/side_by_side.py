"""In what order files of tests are begun, and how two workers share them.

`./run test` has two workers (pytest-xdist), for much of the suite waits. Each takes one file after
the other, in the order of `ordered`:

    BEGUN_FIRST   what takes minutes, lest one worker ends long before the other
    all others    as pytest collects them
    ALONE         what would ask something else with a neighbour: one worker, the other has ended
"""

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

BEGUN_FIRST = ("tests/fuzz/test_fuzzing.py",)
ALONE: dict[str, str] = {
    "tests/unit/testing/test_broker.py": "tells how long a start takes"
}  # file -> why
ENOUGH = 2  # tests before a worker, which asks for the next file before it begins the last test


def file_of(node_id: str) -> str:
    return node_id.partition("::")[0]


def place_of(node_id: str) -> int:
    """Where a test's file stands among all."""
    name = file_of(node_id)
    if name in BEGUN_FIRST:
        return BEGUN_FIRST.index(name)
    return len(BEGUN_FIRST) + (name in ALONE)


def ordered(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Of a file, tests keep their order."""
    return sorted(items, key=lambda item: place_of(item.nodeid))


class SideBySide(LoadFileScheduling):
    """Files in their order, to whoever is done; those of `ALONE` to the one that is left."""

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False  # by the number of tests, as it would be
        super().schedule()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0):
        super().mark_test_complete(node, item_index, duration)
        for other in self.nodes:  # may have waited for this one
            if other is not node:
                self._reschedule(other)

    def _reschedule(self, node: WorkerController) -> None:
        if node.shutting_down or self._pending_of(self.assigned_work[node]) > ENOUGH:
            return
        if next(iter(self.workqueue), None) in ALONE:
            others = [other for other in self.nodes if other is not node]
            if not all(other.shutting_down for other in others):
                node.shutdown()
                return
            if any(self._pending_of(self.assigned_work[other]) for other in others):
                return
        super()._reschedule(node)
