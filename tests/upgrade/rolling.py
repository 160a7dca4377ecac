"""From the version before this one to this one, broker after broker, while records are written.

Step                                    Must hold
----                                    ---------
brokers of both versions form a         it stands at the earlier version's level, and cannot be
cluster                                 raised: an earlier broker is named
each earlier broker is stopped, and     it hands over and comes back into sync
started as this version
the level is raised                     all go on
an earlier broker is started            it is refused, with a sentence
the end                                 each record stands once, in order, and none had an error
"""

import signal
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

import bus
from bus.errors import InvalidRequest
from bus.testing.history import History
from tests.crash.load import Load, read_to_end
from tests.fixtures.served_cluster import ServedBroker, ServedCluster, until

NODES = 3
TOPIC = "upgraded"
RECORDS_BETWEEN = 2_000  # acknowledged at least, between two steps
PAUSE_SECONDS = 0.02  # so that a machine of two cores has some left for the brokers
SETTLE_SECONDS_MAX = 120.0
Say = Callable[[str], object]


class Writing:
    """Writes on a thread of its own, until it is told to stop."""

    def __init__(self, url: str) -> None:
        self.history = History()
        self.load = Load(url, TOPIC)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Wait until more records have been acknowledged."""
        goal = self.load.acknowledged + RECORDS_BETWEEN
        until(lambda: self.load.acknowledged >= goal, "records are acknowledged")

    def end(self) -> None:
        """All is answered then."""
        self._is_over.set()
        self._thread.join(SETTLE_SECONDS_MAX)
        assert not self._thread.is_alive(), "nothing was acknowledged any more"
        self.load.settle(self.history)
        self.load.producer.close()

    def _write(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            self.load.produce(self.history, 1)


def upgrade(folder: Path, tree: Path, earlier: Collection[int], say: Say) -> list[str]:
    """What is wrong; `tree` is the earlier version, that these brokers run at first."""
    with ServedCluster(folder, 0) as cluster:
        _form(cluster, tree, earlier)
        with bus.Admin(cluster.url) as admin:
            admin.create_topic(TOPIC, 1, NODES, {"min.insync.replicas": 2})
            level = admin.describe_cluster().level
        assert level is not None
        say(f"brokers {sorted(earlier)} run the earlier version; the cluster stands at {level}")
        writing = Writing(cluster.url)
        try:
            _roll(cluster, earlier, level, writing, say)
            wanted = _raise(cluster, level, say)
            writing.go_on()
            _refuse(cluster.broker(max(earlier)), tree, f"stands at level {wanted}; ", say)
            _wait_until_in_sync(cluster)
            writing.go_on()
        finally:
            writing.end()
        read_to_end(cluster.url, TOPIC, writing.history)
    told = sum(span.count for span in writing.history.acknowledged)
    say(f"{told:,} of {writing.load.next_number:,} records were acknowledged")
    failed = writing.load.next_number - told
    return [*writing.history.verdict(), *([f"{failed} records had an error"] if failed else [])]


def _form(cluster: ServedCluster, tree: Path, earlier: Collection[int]) -> None:
    """The first broker begins it, at its own level."""
    assert 1 in earlier, "the cluster has to begin at the earlier level"
    for number in range(1, NODES + 1):
        cluster.add(tree if number in earlier else None)
        if number == 1:
            cluster.start()
    cluster.start()


def _roll(
    cluster: ServedCluster, earlier: Collection[int], level: int, writing: Writing, say: Say
) -> None:
    for number in sorted(earlier):
        _wait_until_in_sync(cluster)
        writing.go_on()
        with (
            bus.Admin(cluster.url) as admin,
            pytest.raises(InvalidRequest, match=f"Broker {number} "),
        ):
            admin.raise_level(level + 1)
        broker = cluster.broker(number)
        code = broker.end(signal.SIGTERM)
        assert code == 0, f"broker {number} ended with {code}: {broker.log.read_text()}"
        broker.tree = None
        cluster.start()
        say(f"broker {number} runs this version")
    _wait_until_in_sync(cluster)
    writing.go_on()


def _raise(cluster: ServedCluster, level: int, say: Say) -> int:
    with bus.Admin(cluster.url) as admin:
        found = admin.describe_cluster()
        wanted = found.level_max
        assert found.level == level
        assert wanted is not None
        assert wanted > level, "this version has a level of its own"
        admin.raise_level(wanted)
        assert admin.describe_cluster().level == wanted
    say(f"the cluster stands at {wanted}")
    return wanted


def _refuse(broker: ServedBroker, tree: Path, sentence: str, say: Say) -> None:
    """The way back is closed; this version goes on where it was."""
    broker.end(signal.SIGTERM)
    said = len(broker.log.read_text())
    broker.tree = tree
    broker.start()
    code, words = broker.ended(), broker.log.read_text()[said:]
    assert code != 0
    assert sentence in words, words
    assert "Traceback" not in words, words
    say(f"the earlier version is refused: {words.strip().splitlines()[-1]}")
    broker.tree = None
    broker.start()
    broker.wait_until_ready()


def _wait_until_in_sync(cluster: ServedCluster) -> None:
    def is_so() -> bool:
        with bus.Admin(cluster.url) as admin:
            return all(len(p.isr) == NODES for p in admin.describe_topic(TOPIC).partitions)

    until(is_so, "all replicas are in sync")
