"""A history of one group: what its members noted, what the log keeps of it, and what is wrong.

What was seen                         What must hold
-------------                         --------------
shares of one generation              each partition is in one of them
a commit, answered before another     is not above it, of the same partition
all that was read                     covers every offset below every commit: no record is skipped
positions in `__consumer_offsets`     never go back
generations there                     never go back, and give each partition to one member
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bus.wire.consumer_protocol import decode_assignment
from bus.wire.group_log import (
    GroupMetadataKey,
    OffsetCommitKey,
    decode_group_value,
    decode_key,
    decode_offset_value,
)


@dataclass(frozen=True, slots=True)
class Commit:
    """One that was answered well; times in ns."""

    partition: int
    offset: int
    begun: int
    answered: int


@dataclass(slots=True)
class GroupHistory:
    """All of one group that anybody has noted."""

    shares: dict[int, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(dict))
    reads: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    commits: list[Commit] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)  # as the log says
    _generation: int = -1  # of the log
    _told: set[str] = field(default_factory=set)

    def noted(self, member: str, line: str) -> None:
        """One line of a member's notes (tests/crash/group_member.py)."""
        word, *rest = line.split()
        if word == "share":
            generation, partitions = int(rest[0]), rest[1]
            found = set() if partitions == "-" else {int(one) for one in partitions.split(",")}
            self.shares[generation][member] = found
        elif word == "read":
            partition, first, last = map(int, rest)
            self.reads[partition].append((first, last + 1))
        elif word == "commit":
            self.commits.append(Commit(*map(int, rest)))

    def logged(self, group: str, key: bytes, value: bytes | None) -> None:
        """One record of `__consumer_offsets`, in order."""
        about = decode_key(key)
        if about is None or about.group != group or value is None:
            return
        if isinstance(about, OffsetCommitKey):
            offset, before = decode_offset_value(value).offset, self.positions
            if offset < before.get(about.partition, -1):
                self.problems.append(
                    f"the log takes partition {about.partition} back from "
                    f"{before[about.partition]} to {offset}"
                )
            before[about.partition] = offset
        elif isinstance(about, GroupMetadataKey):
            self._on_generation(decode_group_value(value))

    def _on_generation(self, value) -> None:
        if value.generation < self._generation:
            self.problems.append(f"generation {value.generation} came after {self._generation}")
        self._generation = value.generation
        shares = {}
        for member in value.members:
            if member.assignment:
                topics = decode_assignment(member.assignment).assigned_partitions
                shares[member.member_id] = {one for topic in topics for one in topic.partitions}
        self._check_owners(f"the log's generation {value.generation}", shares)

    def _check_owners(self, where: str, shares: dict[str, set[int]]) -> None:
        owners: dict[int, str] = {}
        for member, partitions in shares.items():
            for partition in partitions:
                other = owners.setdefault(partition, member)
                if other != member:
                    self.problems.append(
                        f"{where} gives partition {partition} to {other} and {member}"
                    )

    def covered(self, partition: int) -> int:
        """Every offset below it was read."""
        end = 0
        for first, behind in sorted(self.reads[partition]):
            if first > end:
                break
            end = max(end, behind)
        return end

    def verdict(self) -> list[str]:
        """All that is wrong and was not told before, in sentences; empty if the history holds."""
        for generation, shares in self.shares.items():
            self._check_owners(f"generation {generation}", shares)
        for partition in {one.partition for one in self.commits} | self.positions.keys():
            self._check_commits(partition)
        found = [problem for problem in self.problems if problem not in self._told]
        self._told.update(found)
        self.problems = []
        return found

    def _check_commits(self, partition: int) -> None:
        commits = [one for one in self.commits if one.partition == partition]
        covered = self.covered(partition)
        highest = max([self.positions.get(partition, 0), *(one.offset for one in commits)])
        if highest > covered:
            self.problems.append(
                f"partition {partition} is committed at {highest}, but {covered} was skipped"
            )
        for before, after in went_back(commits):
            self.problems.append(
                f"partition {partition} was committed at {after.offset} after {before.offset}"
            )


def went_back(commits: Iterable[Commit]) -> list[tuple[Commit, Commit]]:
    """Pairs of which the second began when the first was answered, and is below it."""
    commits = list(commits)
    answered = sorted(commits, key=lambda one: one.answered)
    highest: Commit | None = None
    at, found = 0, []
    for one in sorted(commits, key=lambda one: one.begun):
        while at < len(answered) and answered[at].answered < one.begun:
            if highest is None or answered[at].offset > highest.offset:
                highest = answered[at]
            at += 1
        if highest is not None and one.offset < highest.offset:
            found.append((highest, one))
    return found
