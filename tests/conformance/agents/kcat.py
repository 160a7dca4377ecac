"""kcat as an agent: each command is a call of the program, a member of a group a running one."""

import ctypes
import json
import re
import signal
import subprocess
import threading
from itertools import groupby

from tests.conformance.agents.agent import PATIENCE_SECONDS, Absent, Agent, Member, Refused, main

CODES = {"Message size too large": 10, "Unknown topic or partition": 3}
KEY_END, VALUE_END = "\x01", "\x02"  # what ends a key and a value on kcat's standard input
REBALANCED = (
    re.compile(  # either "(MEMBER): assigned: PLACES" or "incremental assignment of ... : PLACES"
        r"rebalanced(?: \(.*?\))?: (?:incremental )?(assign|revoke|unassign)[^:]*(?:: (.*))?"
    )
)
PLACE = re.compile(r"(\S+) \[(\d+)\]")
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class KcatAgent(Agent):
    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._process: subprocess.Popen | None = None
        self._owned: set[tuple] = set()

    def _run(self, *words: str, given: bytes = b"") -> bytes:
        command = ["kcat", "-b", self._bootstrap, *words]
        done = subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE_SECONDS)
        said = done.stderr.decode(errors="replace")
        for told, code in CODES.items():
            if told in said:
                raise Refused(code, said)
        if done.returncode:
            raise RuntimeError(said)
        return done.stdout

    def topics(self) -> dict[str, int]:
        told = json.loads(self._run("-L", "-J"))
        return {topic["topic"]: len(topic["partitions"]) for topic in told["topics"]}

    def offsets(self, topic: str, partition: int = 0) -> list[int]:
        told = [self._run("-Q", "-t", f"{topic}:{partition}:{at}") for at in (-2, -1)]
        return [int(line.split()[-1]) for line in told]

    def produce(
        self,
        topic: str,
        records: list,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> None:
        settings = ["-z", compression, "-X", f"acks={acks}"]
        settings += ["-X", f"enable.idempotence={str(idempotent).lower()}"]
        for (keyless, null, headers, stamp, partition), run in groupby(records, key=_kind):
            if stamp is not None:
                raise Absent("it sets no timestamps")
            words = ["-P", "-t", topic, "-D", "\\x02", *settings]
            words += [] if keyless else ["-K", "\\x01"]
            words += ["-Z"] if null else []
            words += [] if partition is None else ["-p", str(partition)]
            for name, value in headers:
                words += ["-H", f"{name}={value}"]
            lines = [("" if keyless else key + KEY_END) + (value or "") for key, value, *_ in run]
            self._run(*words, given=VALUE_END.join(lines).encode("latin-1"))

    def read(
        self,
        topic: str,
        count: int,
        partition: int = 0,
        offset: int | None = None,
        at_ms: int | None = None,
    ) -> list[list]:
        start = f"s@{at_ms}" if at_ms is not None else "beginning" if offset is None else offset
        words = ["-C", "-J", "-q", "-t", topic, "-p", str(partition), "-o", str(start)]
        lines = self._run(*words, "-c", str(count)).splitlines()
        return [_row(json.loads(line)) for line in lines]

    def join(
        self,
        group: str,
        topics: list[str],
        strategy: str = "range",
        instance: str | None = None,
        session_ms: int = 10_000,
    ) -> None:
        settings = {
            "auto.offset.reset": "earliest",
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": 500,
            "partition.assignment.strategy": strategy,
            "topic.metadata.refresh.interval.ms": 1000,
        }
        if instance is not None:
            settings["group.instance.id"] = instance
        words = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]
        command = ["kcat", "-b", self._bootstrap, "-u", "-J", *words, "-G", group, *topics]
        self._member = Member()
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL),
        )
        for listen in (self._hear_records, self._hear_rebalances):
            threading.Thread(target=listen, args=(self._process, self._member), daemon=True).start()

    def commit(self) -> None:
        """It commits what it has printed by itself, at the latest when it leaves."""

    def leave(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        self._process = self._member = None

    def _poll(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def _assignment(self) -> list[list]:
        return [list(place) for place in self._owned]

    def _hear_records(self, process: subprocess.Popen, member: Member) -> None:
        for line in process.stdout or ():
            row = json.loads(line)
            place = [row["topic"], row["partition"], row["offset"]]
            member.seen.append([*place, row["payload"]])

    def _hear_rebalances(self, process: subprocess.Popen, member: Member) -> None:
        for line in process.stderr or ():
            if told := REBALANCED.search(line):
                places = {(topic, int(number)) for topic, number in PLACE.findall(told[2] or "")}
                if told[1] == "assign":
                    self._owned |= places
                    member.given += [list(place) for place in places]
                else:
                    gone = places or set(self._owned)
                    self._owned -= gone
                    member.taken += [list(place) for place in gone]


def _kind(record: list) -> tuple:
    """What one call of kcat has in common for all its records."""
    key, value, headers, timestamp, partition = record
    return key is None, value is None, headers, timestamp, partition


def _row(told: dict) -> list:
    flat = told.get("headers") or []
    headers = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
    return [told["offset"], told["ts"], told["key"], told["payload"], headers]


if __name__ == "__main__":
    main(KcatAgent)
