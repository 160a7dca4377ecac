"""Changes of topics in the store: made, grown, altered, deleted; one after the other.

Each reads what it depends on and writes its keys by compare-and-set, in several transactions where
one does not hold them all: the topic's own key last when it is made or grown, and first when it is
deleted, so that what is there is whole. Records of partitions go where others of the same brokers
are, so that the loss of a broker touches few keys (replication.md 5.2).

In a cluster only the controller writes: `guards` see to it (R3, R4).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BusError, PolicyViolation, RequestTimedOut, UnknownTopicOrPartition
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.model.stored import RECORDS_PER_GROUP_MAX, Group, TopicRecord, group_to_bytes
from bus.ports import Random, Write, revision_of

Done = Callable[[BusError | None], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """New partitions of a topic."""

    replicas: Sequence[tuple[int, ...]]  # of each, who leads it first
    min_isr: int


class TopicChanges:
    """On the event loop's thread."""

    def __init__(
        self,
        mirror: Mirror,
        metadata: Metadata,
        keys: Keys,
        random: Random,
        guards: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.revision = 0  # of the last one that was done
        self._mirror = mirror
        self._metadata = metadata
        self._keys = keys
        self._random = random
        self._guards = guards
        self._queue: deque[tuple[Callable[[], list[Write]], Done]] = deque()

    def create(
        self,
        name: str,
        plan: Callable[[], Plan],
        config: Mapping[str, str],
        done: Done,
        *,
        grows: bool = False,
    ) -> None:
        """A new topic with a new id; `plan` is asked when it is written, and raises BusError where
        the topic cannot be made. One that `grows` is given replicas as brokers join."""
        topic_id = UUID(bytes=self._random.uuid_bytes(), version=4)
        is_again = False

        def decide() -> list[Write]:
            nonlocal is_again
            new = _records(topic_id, 0, plan())
            groups, writes = self._put(new, is_again)
            is_again = True
            record = TopicRecord(topic_id, len(new), dict(config), groups, grows)
            return [*writes, Write(self._keys.topic(name), record.to_bytes(), 0)]

        self._change(decide, done)

    def grow(self, name: str, plan: Callable[[], Plan], done: Done) -> None:
        """More partitions; `plan` as in `create`, of the new ones alone."""

        def decide() -> list[Write]:
            record, revision = self._record(name)
            new = _records(record.topic_id, record.partitions, plan())
            groups, writes = self._put(new, True)
            grown = replace(
                record,
                partitions=record.partitions + len(new),
                groups=tuple(dict.fromkeys((*record.groups, *groups))),
            )
            return [*writes, Write(self._keys.topic(name), grown.to_bytes(), revision)]

        self._change(decide, done)

    def alter(self, name: str, plan: Callable[[], tuple[dict[str, str], int]], done: Done) -> None:
        """Other settings of a topic; `plan` gives them, as checked, and the min ISR that follows.

        Another min ISR is applied where the in-sync set is large enough for both (R6).
        """

        def decide() -> list[Write]:
            record, revision = self._record(name)
            config, min_isr = plan()
            writes = self._with_min_isr(record, min_isr)
            altered = replace(record, config=config)
            return [*writes, Write(self._keys.topic(name), altered.to_bytes(), revision)]

        self._change(decide, done)

    def delete(self, name: str, done: Done) -> None:
        """Forget a topic."""

        def decide() -> list[Write]:
            record, revision = self._record(name)
            writes: list[Write] = [Write(self._keys.topic(name), None, revision)]
            for number in record.groups:
                group = self._metadata.groups.get(number)
                if group:
                    kept = {pid: image for pid, image in group.items() if pid[0] != record.topic_id}
                    writes.append(self._write(number, kept))
            return writes

        self._change(decide, done)

    # --- one after the other -----------------------------------------------------------------

    def _change(self, decide: Callable[[], list[Write]], done: Done) -> None:
        self._queue.append((decide, done))
        if len(self._queue) == 1:
            self._begin()

    def _begin(self) -> None:
        decide, _ = self._queue[0]
        change(self._mirror, decide, self._on_told, self._guards)

    def _on_told(self, outcome: int | BusError) -> None:
        _, done = self._queue.popleft()
        if self._queue:
            self._begin()
        if isinstance(outcome, StoreRefused):
            done(PolicyViolation(str(outcome)))
        elif isinstance(outcome, StoreUnreachable):
            done(RequestTimedOut(str(outcome)))
        elif isinstance(outcome, BusError):
            done(outcome)
        else:
            self.revision = outcome
            done(None)

    # --- what is written ---------------------------------------------------------------------

    def _record(self, name: str) -> tuple[TopicRecord, int]:
        key = self._keys.topic(self._metadata.topic(name).name)
        entry = self._mirror.get(key)
        if entry is None:
            raise UnknownTopicOrPartition(f"There is no topic {name!r}.")
        return TopicRecord.from_bytes(key, entry.value), entry.revision

    def _put(self, new: Group, may_be_there: bool) -> tuple[tuple[int, ...], list[Write]]:
        """The numbers of the groups of new partitions, and the writes this takes.

        Some may stand there since a change that broke off: they stay where they are.
        """
        groups = self._metadata.groups.all()
        room: dict[frozenset[int], list[int]] = {}
        found = groups.items() if may_be_there else ()
        used = {number for number, group in found if not new.keys().isdisjoint(group)}
        there = {pid for number in used for pid in groups[number]}
        changed: dict[int, Group] = {}
        unused = max(groups, default=-1)
        for pid, image in new.items():
            if pid in there:
                continue
            brokers = frozenset(image.replicas)
            if brokers not in room:
                room[brokers] = self._metadata.groups.with_room(brokers)
            numbers = room[brokers]
            if not numbers:
                unused += 1
                numbers.append(unused)
            number = numbers[0]
            if number not in changed:
                changed[number] = dict(groups.get(number, {}))
            changed[number][pid] = image
            if len(changed[number]) == RECORDS_PER_GROUP_MAX:
                numbers.pop(0)
        return tuple(sorted({*used, *changed})), [self._write(n, g) for n, g in changed.items()]

    def _with_min_isr(self, record: TopicRecord, min_isr: int) -> list[Write]:
        writes: list[Write] = []
        for number in record.groups:
            group = self._metadata.groups.get(number)
            altered = {
                pid: replace(image, min_isr=min_isr, partition_epoch=image.partition_epoch + 1)
                for pid, image in group.items()
                if pid[0] == record.topic_id
                and image.min_isr != min_isr
                and len(image.isr) >= max(image.min_isr, min_isr)
            }
            if altered:
                writes.append(self._write(number, group | altered))
        return writes

    def _write(self, number: int, group: Group) -> Write:
        """One that holds nothing any more is gone."""
        key = self._keys.group(number)
        value = group_to_bytes(group) if group else None
        return Write(key, value, revision_of(self._mirror.get(key)))


def _records(topic_id: UUID, first: int, plan: Plan) -> Group:
    """Of new partitions, the first one's number given: all replicas are in sync, as all are
    empty."""
    return {
        PartitionId(topic_id, number): PartitionImage(held[0], 0, 0, plan.min_isr, held, held)
        for number, held in enumerate(plan.replicas, first)
    }
