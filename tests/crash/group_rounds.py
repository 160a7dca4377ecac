"""Kill a broker and members of a group in the middle of rebalances, and account for everything.

Members of several libraries share one topic, into which records come all the time. In each round,
drawn from the seed: one or more of them join, leave or are killed, and within the rebalance that
follows so is the broker, and started again. Then everything has to come to rest: the members that
live read and commit all there is. What all of them noted, and what `__consumer_offsets` says, is
judged by `group_history`.
"""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import bus
from bus.model.ids import TopicPartition
from perf.child import free_port
from tests.crash.daemon import Daemon
from tests.crash.group_history import GroupHistory
from tests.crash.group_member import TOPIC

PARTITIONS, GROUP, OFFSETS = 6, "g", "__consumer_offsets"
MEMBERS_MIN, MEMBERS_MAX = 2, 4
SEND_SECONDS, SEND_RECORDS = 0.01, 12  # so many records so often
BLINK_SECONDS_MAX = 0.3  # from a change to the broker's end: a rebalance takes about as long
FIRST_SECONDS_MAX = 1.0  # the same, when all members of a group still have to import their client
REST_SECONDS = 100.0
SETTINGS = {
    "group.min.session.timeout.ms": 500,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.segment.bytes": 1 << 20,  # so that it is compacted now and then
    "log.cleaner.backoff.ms": 500,
}
CLIENTS = ("confluent-kafka", "busd")
# Without a position librdkafka (2.16.0) asks where the log begins. If the partition is taken from
# it meanwhile, it reads on in secret, and hands that out, with the offsets of the beginning, when
# it is given the partition again. So others begin where nothing is committed.
BEGINNERS = {
    "range": ("aiokafka", "kafka-python", "busd"),
    "cooperative-sticky": ("kafka-python", "busd"),
}


class Member:
    """A process of tests/crash/group_member.py."""

    def __init__(self, number: int, told: tuple[str, str], assignor: str, folder: Path) -> None:
        """`told`: the client and where it finds the broker."""
        self.name = f"{number}-{told[0]}"
        self._path, self._read = folder / f"{self.name}.notes", 0
        self._path.touch()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.group_member", *told, GROUP, assignor, self._path],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def news(self) -> Iterator[str]:
        """Whole lines that were not told yet."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")[:-1]
        for line in lines:
            self._read += len(line) + 1
            yield line.decode()

    def leave(self) -> None:
        """Begin to."""
        self.process.stdin.close()

    def crash(self) -> None:
        self.process.kill()

    def gone(self, seconds: float) -> str:
        """What it said when it ended, if it did not end as it should."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"member {self.name} does not leave"
        finally:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            said = self.process.stderr.read().decode(errors="replace")
            self.process.stderr.close()
        return f"member {self.name} failed: {said[-1500:]}" if self.process.returncode > 0 else ""


class Feed:
    """Sends records to all partitions, through all that happens."""

    def __init__(self, url: str) -> None:
        self._producer = bus.Producer(url, delivery_timeout_ms=60_000)
        self._may_go, self._is_over = threading.Event(), False
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._may_go.set()
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._is_over:
            self._may_go.wait()
            with self._sending:
                for _ in range(SEND_RECORDS * self._may_go.is_set()):
                    self._producer.send(TOPIC, b"%d" % number, partition=number % PARTITIONS)
                    number += 1
            time.sleep(SEND_SECONDS)

    def pause(self) -> None:
        """Return when all that was sent stands in the log."""
        self._may_go.clear()
        with self._sending:  # nobody is in the midst of it
            self._producer.flush()

    def go_on(self) -> None:
        self._may_go.set()

    def close(self) -> None:
        self._is_over = True
        self._may_go.set()
        self._thread.join()
        self._producer.close()


class Scene:
    """A broker, a group, and its history."""

    def __init__(self, folder: Path, chance: random.Random, *, has_positions: bool = True) -> None:
        """The group has committed the beginning, or nothing."""
        self.chance, self._folder = chance, folder
        self._port = free_port()
        listener = ["--kafka", f"127.0.0.1:{self._port}"]
        settings = [word for pair in SETTINGS.items() for word in ("--set", "{}={}".format(*pair))]
        self.daemon = Daemon(folder / "data", *listener, *settings).start()
        with bus.Admin(self.daemon.url) as admin:
            admin.create_topic(TOPIC, PARTITIONS)
            if has_positions:
                starts = {TopicPartition(TOPIC, index): 0 for index in range(PARTITIONS)}
                admin.alter_group_offsets(GROUP, starts)
        self.assignor = chance.choice(list(BEGINNERS))
        self._clients = CLIENTS if has_positions else BEGINNERS[self.assignor]
        self.history = GroupHistory()
        self._members: list[Member] = []
        self._gone: list[Member] = []  # whose notes are still to be read
        self._count = 0
        self._logged = 0  # of `__consumer_offsets`
        self.problems: list[str] = []
        self.feed = Feed(self.daemon.url)

    # --- what happens ----------------------------------------------------------------------

    def join(self) -> None:
        """A new member, about to join; of each library in turn, ours over each of its links."""
        self._count += 1
        client = self._clients[self._count % len(self._clients)]
        kafka = f"127.0.0.1:{self._port}"
        server = kafka
        if client == "busd":
            server = self.chance.choice([self.daemon.url, f"kafka://{kafka}"])
        member = Member(self._count, (client, server), self.assignor, self._folder)
        self._members.append(member)
        self._wait(lambda: self._has_begun(member), f"member {member.name} does not begin")

    def leave(self) -> None:
        member = self._pick()
        member.leave()
        self._gone.append(member)

    def crash(self) -> None:
        member = self._pick()
        member.crash()
        self._gone.append(member)

    def change(self) -> None:
        """Whatever the group allows."""
        count = len(self._members)
        wishes = [self.join] * (count < MEMBERS_MAX)
        wishes += [self.leave, self.crash] * (count > MEMBERS_MIN)
        self.chance.choice(wishes)()

    def blink(self, seconds_max: float = BLINK_SECONDS_MAX) -> None:
        """The broker is killed, soon, and comes again."""
        time.sleep(self.chance.uniform(0, seconds_max))
        self.daemon.kill()
        self.daemon.start()

    def _pick(self) -> Member:
        return self._members.pop(self.chance.randrange(len(self._members)))

    # --- what comes of it ------------------------------------------------------------------

    def rest(self) -> None:
        """All that was sent is read and committed."""
        self.feed.pause()
        with bus.Admin(self.daemon.url) as admin:
            ends = admin.offsets(TOPIC, "latest")
        self._wait(lambda: self._has_read(ends), "the group does not read all there is")
        self._wait(lambda: self._has_committed(ends), "the group does not commit all it has read")
        for member in self._gone:
            self._tell(member.gone(REST_SECONDS))
            self._take_notes(member)
        self._gone.clear()
        self.feed.go_on()

    def verdict(self) -> list[str]:
        """Of the history so far."""
        found, self.problems = self.problems + self.history.verdict(), []
        return found

    def close(self) -> None:
        self.feed.close()
        for member in self._members:
            member.crash()
        for member in self._members + self._gone:
            member.gone(REST_SECONDS)
        self.daemon.kill()

    def _tell(self, problem: str) -> None:
        if problem:
            self.problems.append(problem)

    def _has_begun(self, member: Member) -> bool:
        lines = list(member.news())
        for line in lines:
            self.history.noted(member.name, line)
        return bool(lines) or member.process.poll() is not None

    def _take_notes(self, member: Member) -> None:
        for line in member.news():
            self.history.noted(member.name, line)

    def _has_read(self, ends: dict[int, int]) -> bool:
        for member in self._members + self._gone:
            self._take_notes(member)
        return all(self.history.covered(partition) >= end for partition, end in ends.items())

    def _has_committed(self, ends: dict[int, int]) -> bool:
        """As the log says: the answer to a commit may be lost with its member."""
        self._read_log()
        return self.history.positions == ends

    def _wait(self, what: Callable[[], bool], problem: str) -> None:
        give_up = time.monotonic() + REST_SECONDS
        while not what():
            if time.monotonic() > give_up:
                states = [(member.name, member.process.poll()) for member in self._members]
                self.problems.append(f"{problem} in {REST_SECONDS} s: {states}")
                return
            time.sleep(0.02)

    def _read_log(self) -> None:
        """What the broker has written down since the last time."""
        with bus.Admin(self.daemon.url) as admin:
            end = admin.offsets(OFFSETS, "latest")[0]
        with bus.Consumer(self.daemon.url, out_of_range="earliest") as consumer:
            consumer.assign([(OFFSETS, 0)])
            consumer.seek(OFFSETS, 0, self._logged)
            while consumer.position(OFFSETS, 0) < end:
                for record in consumer.poll_batch(timeout=1.0):
                    self.history.logged(GROUP, record.key, record.value)
        self._logged = end


def run_group_rounds(folder: Path, seed: int, rounds: int) -> Iterator[list[str]]:
    """The problems found in each round; all empty is the promise kept."""
    scene = Scene(folder, random.Random(seed))
    try:
        for _ in range(MEMBERS_MIN):
            scene.join()
        for _ in range(rounds):
            for _ in range(scene.chance.choice([1, 1, 2])):
                scene.change()
            scene.blink()
            scene.rest()
            yield scene.verdict()
    finally:
        scene.close()


def run_first_rounds(folder: Path, seed: int, rounds: int) -> Iterator[list[str]]:
    """The same, each of them in the first rebalances of a group that has no position yet."""
    chance = random.Random(seed)
    for number in range(rounds):
        place = folder / str(number)
        place.mkdir()
        scene = Scene(place, chance, has_positions=False)
        try:
            for _ in range(chance.randint(MEMBERS_MIN, MEMBERS_MAX - 1)):
                scene.join()
            scene.blink(FIRST_SECONDS_MAX)
            scene.change()
            scene.rest()
            yield scene.verdict()
        finally:
            scene.close()
