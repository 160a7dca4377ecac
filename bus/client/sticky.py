"""A balanced sharing of partitions that moves as little as possible.

step        what is done
----        ------------
claims      each partition goes to who claims it with the youngest generation; if two claim it
            in the same one, to neither
even        all read the same topics: each keeps up to its quota; the rest fills who has less
uneven      else: the rest goes to the least loaded reader of its topic, those with the fewest
            readers first; then partitions move from loaded readers to less loaded ones as long
            as one is two or more below another, first what its holder did not have before

Quotas are as even as whole numbers are: the larger ones go to those that had the most.

Invariant: every partition that somebody reads has one owner, and no move of one partition would
make two members more equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.model.ids import TopicPartition


@dataclass(frozen=True, slots=True)
class Claim:
    """A member: what it reads, and what it had in which generation."""

    member_id: str
    topics: frozenset[str]
    owned: frozenset[TopicPartition]
    generation: int


Shares = dict[str, list[TopicPartition]]


def balanced(claims: Sequence[Claim], counts: Mapping[str, int]) -> Shares:
    """Everybody's partitions, sorted."""
    shares = _kept(claims, counts)
    taken = {partition for share in shares.values() for partition in share}
    wanted = frozenset().union(*(claim.topics for claim in claims)) & counts.keys()
    rest = [
        partition
        for topic in sorted(wanted)
        for partition in (TopicPartition(topic, index) for index in range(counts[topic]))
        if partition not in taken
    ]
    if len({claim.topics & wanted for claim in claims}) <= 1:
        _even(shares, rest)
    else:
        _Uneven(claims, shares).share_out(rest)
    return {member: sorted(share) for member, share in shares.items()}


def _kept(claims: Sequence[Claim], counts: Mapping[str, int]) -> Shares:
    """What each has a right to keep, sorted."""
    best: dict[TopicPartition, tuple[int, str | None]] = {}
    for claim in claims:
        for partition in claim.owned:
            known = best.get(partition)
            if known is None or claim.generation > known[0]:
                best[partition] = (claim.generation, claim.member_id)
            elif claim.generation == known[0]:
                best[partition] = (claim.generation, None)
    return {
        claim.member_id: sorted(
            partition
            for partition in claim.owned
            if best[partition][1] == claim.member_id
            and partition.topic in claim.topics
            and 0 <= partition.partition < counts.get(partition.topic, 0)
        )
        for claim in claims
    }


def _even(shares: Shares, rest: list[TopicPartition]) -> None:
    """All read the same."""
    if not shares:
        return
    count = len(rest) + sum(map(len, shares.values()))
    size, larger = divmod(count, len(shares))
    by_load = sorted(shares, key=lambda member: -len(shares[member]))  # stable: ties as they came
    quotas = {member: size + (place < larger) for place, member in enumerate(by_load)}
    for member, quota in quotas.items():
        rest += shares[member][quota:]
        del shares[member][quota:]
    rest.sort(reverse=True)
    for member, share in shares.items():
        while len(share) < quotas[member]:
            share.append(rest.pop())
    assert not rest, "the quotas add up to all partitions"


class _Uneven:
    """Members that read different topics."""

    def __init__(self, claims: Sequence[Claim], shares: Shares) -> None:
        self._shares = shares
        self._had = {claim.member_id: claim.owned for claim in claims}
        self._readers: dict[str, list[str]] = {}
        for claim in claims:
            for topic in claim.topics:
                self._readers.setdefault(topic, []).append(claim.member_id)

    def share_out(self, rest: list[TopicPartition]) -> None:
        for partition in sorted(rest, key=lambda p: (len(self._readers[p.topic]), p)):
            self._shares[self._lightest(partition.topic)].append(partition)
        while any([self._lighten(member) for member in self._by_load()]):
            pass

    def _by_load(self) -> list[str]:
        return sorted(self._shares, key=lambda member: -len(self._shares[member]))

    def _lightest(self, topic: str) -> str:
        return min(self._readers[topic], key=lambda member: len(self._shares[member]))

    def _lighten(self, member: str) -> bool:
        """Move what another one should have; whether anything moved."""
        share, had, moved = self._shares[member], self._had[member], False
        for partition in sorted(share, key=lambda p: (p in had, p)):
            target = self._shares[self._lightest(partition.topic)]
            if len(target) + 1 < len(share):
                share.remove(partition)
                target.append(partition)
                moved = True
        return moved
