"""What may be done with topics: made, grown, altered, deleted; checked, placed, and written.

What is not said                  What it is
----------------                  ----------
number of partitions              num.partitions, or one, or four in a cluster (5.4)
replication factor                default.replication.factor, or three, or all brokers (5.4)
min.insync.replicas               a majority of the replicas, unless the broker's settings say more

Nothing is made that could not keep what it promises: the checks are those of the moment at which it
is written, whatever they said before.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from bus.broker.metadata import Metadata
from bus.broker.topic_changes import Done, Plan, TopicChanges
from bus.control.placement import (
    PARTITIONS,
    default_min_isr,
    default_replication_factor,
    place,
)
from bus.errors import (
    BusError,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidTopic,
    TopicAlreadyExists,
)
from bus.model.broker_settings import BrokerSettings
from bus.model.cluster import TopicImage
from bus.model.ids import check_topic_name
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX
from bus.model.topic_settings import (
    TopicSettings,
    check_replication,
    topic_config,
    topic_settings,
)

Assigned = Sequence[tuple[int, ...]]  # the replicas of each partition


class Topics:
    """On the event loop's thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        metadata: Metadata,
        changes: TopicChanges,
        brokers: Callable[[], Mapping[int, str]],
        hosts: Callable[[], Mapping[int, str]] = dict,
    ) -> None:
        """`brokers` are those that may be given replicas, with their racks; `hosts` says which of
        them fall together."""
        self._settings = settings
        self._metadata = metadata
        self._changes = changes
        self._brokers = brokers
        self._hosts = hosts

    def create(
        self,
        name: str,
        done: Done,
        *,
        partitions: int | None = None,
        replication_factor: int | None = None,
        assigned: Assigned | None = None,
        config: Mapping[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        """A new topic."""
        given = dict(config or {})

        def plan() -> Plan:
            self._check_name(name)
            brokers = self._brokers()
            if assigned is not None:
                placed = _checked(assigned, brokers)
            else:
                count = self._default_partitions() if partitions is None else partitions
                _check_partitions(name, count)
                factor = replication_factor
                if factor is None:
                    factor = self._default_factor(len(brokers))
                placed = self._place(count, factor, brokers)
            settings = self.settings_for(given, len(placed[0]))
            check_replication(settings, len(placed[0]))
            return Plan(placed, settings.min_insync_replicas)

        if validate_only:
            _validate(plan, done)
        else:
            is_said = bool(replication_factor or assigned)
            grows = not (is_said or self._settings.default_replication_factor)
            self._changes.create(name, plan, given, done, grows=grows)

    def grow(
        self,
        name: str,
        total: int,
        done: Done,
        *,
        assigned: Assigned | None = None,
        validate_only: bool = False,
    ) -> None:
        """A topic of `total` partitions."""

        def plan() -> Plan:
            topic = self._metadata.topic(name)
            now, factor = len(topic.partitions), len(topic.partitions[0].replicas)
            _check_partitions(name, total)
            if total <= now:
                raise InvalidPartitions(
                    f"The topic {name!r} has {now} partitions; {total} would not be more."
                )
            brokers = self._brokers()
            if assigned is not None:
                placed = _checked(assigned, brokers, total - now, factor)
            else:
                placed = self._place(total - now, factor, brokers)
            return Plan(placed, self.settings_of(topic).min_insync_replicas)

        if validate_only:
            _validate(plan, done)
        else:
            self._changes.grow(name, plan, done)

    def alter(
        self,
        name: str,
        altered: Callable[[TopicImage], dict[str, str]],
        done: Done,
        *,
        validate_only: bool = False,
    ) -> None:
        """Replace a topic's settings by what `altered`, which may raise BusError, makes of them."""

        def plan() -> tuple[dict[str, str], int]:
            topic = self._metadata.topic(name)
            config = altered(topic)
            factor = len(topic.partitions[0].replicas)
            settings = self.settings_for(config, factor)
            check_replication(settings, factor)
            return config, settings.min_insync_replicas

        if validate_only:
            _validate(plan, done)
        else:
            self._changes.alter(name, plan, done)

    def delete(self, name: str, done: Done) -> None:
        """The topic, its records and its settings are gone."""
        self._changes.delete(name, done)

    @property
    def revision(self) -> int:
        """Of the store, when it shows all that was changed here."""
        return self._changes.revision

    def settings_of(self, topic: TopicImage) -> TopicSettings:
        """All of them. Raises InvalidConfig if this version cannot keep one of them."""
        return self.settings_for(topic.config, len(topic.partitions[0].replicas))

    def settings_for(self, config: Mapping[str, str], factor: int) -> TopicSettings:
        """Of a topic with so many replicas. Raises InvalidConfig."""
        defaults = self._settings.topic
        least = default_min_isr(max(1, factor))
        if defaults.min_insync_replicas < least:
            defaults = dataclasses.replace(defaults, min_insync_replicas=least)
        return topic_settings(config, defaults)

    def described(self, topic: TopicImage) -> dict[str, str]:
        """Every setting of a topic as text, defaults included."""
        return topic_config(self.settings_of(topic))

    def _default_partitions(self) -> int:
        return self._settings.num_partitions or (PARTITIONS if self._settings.cluster else 1)

    def _default_factor(self, brokers: int) -> int:
        return self._settings.default_replication_factor or default_replication_factor(brokers)

    def _check_name(self, name: str) -> None:
        check_topic_name(name)
        if name in self._metadata.image.topics:
            raise TopicAlreadyExists(f"The topic {name!r} exists already.")
        twin = self._metadata.alike(name)
        if twin:
            raise InvalidTopic(
                f"The topic {name!r} collides with {twin!r}: in metric names '.' and '_' are one."
            )

    def _place(self, partitions: int, factor: int, brokers: Mapping[int, str]) -> Assigned:
        if len(brokers) == 1:
            return place(partitions, factor, brokers, {})
        return place(partitions, factor, brokers, self._metadata.groups.load(), self._hosts())


def _validate(plan: Callable[[], object], done: Done) -> None:
    try:
        plan()
    except BusError as error:
        done(error)
    else:
        done(None)


def _check_partitions(name: str, partitions: int) -> None:
    if not 1 <= partitions <= PARTITIONS_PER_TOPIC_MAX:
        raise InvalidPartitions(
            f"The topic {name!r} cannot have {partitions} partitions; "
            f"1 to {PARTITIONS_PER_TOPIC_MAX} are allowed."
        )


def _checked(
    assigned: Assigned, brokers: Mapping[int, str], count: int = 0, factor: int = 0
) -> Assigned:
    """As an operator has placed them: so many, with so many replicas each, if that is given."""
    if count and len(assigned) != count:
        raise InvalidReplicaAssignment("Each new partition is assigned, and no other.")
    if not 1 <= len(assigned) <= PARTITIONS_PER_TOPIC_MAX:
        raise InvalidPartitions(f"A topic cannot have {len(assigned)} partitions.")
    wanted = factor or len(assigned[0])
    known = ", ".join(map(str, sorted(brokers)))
    for replicas in assigned:
        if not set(replicas) <= brokers.keys():
            raise InvalidReplicaAssignment(f"Partitions can be assigned to the brokers {known}.")
        if not replicas or len(set(replicas)) < len(replicas) or len(replicas) != wanted:
            raise InvalidReplicaAssignment(
                "Each partition is assigned to as many brokers as the others, and to each once."
            )
    return assigned
