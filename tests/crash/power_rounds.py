"""Let the power of `busd` fail at full rate, again and again, and account for every record.

In each round the log's filesystem is shut down at a moment drawn from the seed (volume.py), the
broker goes on for some milliseconds, is killed, and starts again on what the disk has. Topics are
made and segments rolled all the while.

flush   the producer                       must hold
-----   ------------                       ---------
group   lives through all rounds           nothing acknowledged is lost, doubled or reordered
os      ends with the power, a new one     the log ends somewhere in what was acknowledged; what
        in each round                      it has stands in order and at its offset, and stays
both                                       a topic that was made is there, and its flushed record;
                                           at the end all that survived is read from offset 0
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bus
from bus.testing.history import History, Span
from tests.crash.daemon import Daemon
from tests.crash.load import DEADLINE_SECONDS, Load, following, read_to_end
from tests.crash.volume import Volume

RECORDS_PER_ROUND = 10_000
EXTRA_RECORDS_MAX = 40_000  # acknowledged on top, drawn from the seed
LATER_SECONDS_MAX = 0.01  # between the last call and the failure, and between that and the kill
TOPIC = "power"
CONFIG = {"segment.bytes": "1048576"}


@dataclass(slots=True)
class Story:
    """What is known of all rounds so far."""

    survived: list[Span] = field(default_factory=list)  # acknowledged, and there after a failure
    made: list[str] = field(default_factory=list)  # topics with one flushed record each
    next_number: int = 0


def run_power_rounds(
    folder: Path, seed: int, rounds: int, flush: str, filesystem: str, promised: str = ""
) -> Iterator[list[str]]:
    """The problems found in each round, and those of all; all empty is the promise kept.

    `promised` is the `flush` whose promise is judged, if it is not that of the topic.
    """
    chance = random.Random(seed)
    with Volume(folder, filesystem) as volume:
        daemon = Daemon(volume.path / "data").start()
        try:
            with bus.Admin(daemon.url) as admin:
                admin.create_topic(TOPIC, partitions=1, config={**CONFIG, "flush": flush})
            failing = _Failing(volume, daemon, chance, (promised or flush) == "os")
            for number in range(rounds):
                yield failing.round(number)
            yield failing.whole()
        finally:
            daemon.kill()


class _Failing:
    """One broker and one producer, or one producer a round."""

    def __init__(self, volume: Volume, daemon: Daemon, chance: random.Random, lossy: bool) -> None:
        self._volume = volume
        self._daemon = daemon
        self._chance = chance
        self._lossy = lossy
        self._story = Story()
        self._history = History(lossy=self._lossy)
        self._load = Load(daemon.url, TOPIC)

    def round(self, number: int) -> list[str]:
        """Produce, fail, start again, read what is new; the verdict."""
        history, load, chance = self._history, self._load, self._chance
        wanted = RECORDS_PER_ROUND + chance.randrange(EXTRA_RECORDS_MAX)
        early = chance.randrange(wanted)
        load.produce(history, early)
        self._make_topic(f"made-{number}")
        if chance.random() < 0.7:  # else the power fails right behind the new topic
            load.produce(history, wanted - early)
        time.sleep(chance.random() * LATER_SECONDS_MAX)
        self._volume.cut_power()
        time.sleep(chance.random() * LATER_SECONDS_MAX)
        if self._lossy:
            load.give_up(history)
        self._daemon.kill()
        self._volume.restore_power()
        self._daemon.start()
        if self._lossy:
            self._load = Load(self._daemon.url, TOPIC, load.next_number)
        else:
            load.settle(history)
        read_to_end(self._daemon.url, TOPIC, history)
        assert history.acknowledged, "a round without acknowledgements proves nothing"
        problems = [*history.verdict(), *self._missing_topics()]
        end = history.end_offset
        kept = (s for s in history.acknowledged if s.base_offset + s.count <= end)
        self._story.survived += kept
        self._history = following(history, lossy=self._lossy)
        return problems

    def whole(self) -> list[str]:
        """Everything that ever survived is there still."""
        self._load.producer.close()
        history = History(acknowledged=self._story.survived)
        read_to_end(self._daemon.url, TOPIC, history)
        return history.verdict()

    def _make_topic(self, name: str) -> None:
        with bus.Admin(self._daemon.url) as admin:
            admin.create_topic(name, partitions=1, config={"flush": "group"})
        self._load.producer.send(name, name.encode()).result(DEADLINE_SECONDS)
        self._story.made.append(name)

    def _missing_topics(self) -> list[str]:
        problems = []
        with bus.Admin(self._daemon.url) as admin:
            there = set(admin.list_topics())
            for name in self._story.made:
                if name not in there:
                    problems.append(f"the topic {name} is gone")
                elif admin.offsets(name, "latest")[0] != 1:
                    problems.append(f"the record of the topic {name} is gone")
        return problems
