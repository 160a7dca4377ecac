"""Which data directories belong to this broker: their ids in the metadata, compared at each start.

Key                         Value
---                         -----
/busd/CLUSTER/disks/NODE    JSON {disk_uuid: path}

A directory that is known and not there may hold partitions: a start without it is refused unless
the operator asks for it. One that was used, and not by this broker, is refused: its records would
be nobody's.
"""

import json
from collections.abc import Callable, Mapping
from uuid import UUID

from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BadSetting, BusError, CorruptLog, MissingDirectory
from bus.model.keys import Keys
from bus.ports import Write, revision_of


class Directories:
    """The broker's directories as the metadata names them."""

    def __init__(self, mirror: Mirror, keys: Keys, node_id: int) -> None:
        self._mirror = mirror
        self._node_id = node_id
        self._key = keys.directories(node_id)
        self._life = keys.broker(node_id)

    def known(self) -> dict[UUID, str]:
        """Path by id. Raises CorruptLog."""
        entry = self._mirror.get(self._key)
        if entry is None:
            return {}
        try:
            return {UUID(name): str(path) for name, path in json.loads(entry.value).items()}
        except (ValueError, AttributeError) as error:
            raise CorruptLog(f"The metadata of {self._key} cannot be read: {error}.") from None

    def check(self, found: Mapping[UUID, str], accept_missing: bool) -> dict[UUID, str]:
        """What is missing, if that is accepted. Raises MissingDirectory, CorruptLog, or BadSetting
        if a broker of this id runs, as its directories are others."""
        known = self.known()
        is_other = bool(known) and known.keys() != found.keys()
        if is_other and not accept_missing and self._mirror.get(self._life) is not None:
            raise BadSetting(
                f"Broker {self._node_id} of this cluster is running already, on "
                f"{', '.join(sorted(known.values()))}: give this one a --node-id of its own. If it "
                "was killed just now, start again in a few seconds."
            )
        for identity, path in found.items():
            if known and identity not in known:
                raise CorruptLog(
                    f"The data directory {path} was used by another broker. Leave it out, or "
                    "empty it if nothing in it is needed."
                )
        missing = {identity: path for identity, path in known.items() if identity not in found}
        if missing and not accept_missing:
            paths = ", ".join(sorted(missing.values()))
            raise MissingDirectory(
                f"The data directory last seen as {paths} is missing, or its disk was exchanged. "
                "Bring it back, or start without its partitions by --accept-missing-data; if this "
                "is another broker, give it a --node-id of its own."
            )
        return missing

    def check_orphans(self, topics: Mapping[str, int], accept_missing: bool) -> None:
        """Raise MissingDirectory if the metadata is new and the directories (path -> topics) are
        not: their records would be nobody's, and be taken for lost."""
        held = {path: count for path, count in topics.items() if count}
        if held and not self.known() and not accept_missing:
            path, count = next(iter(held.items()))
            raise MissingDirectory(
                f"{path} holds records (topics: {count}), but the file `metadata` that names their "
                "topics is missing. Put it back from a copy; to begin anew beside them, which "
                "serves none of them and deletes nothing, start with --accept-missing-data."
            )

    def check_strangers(self, topics: Callable[[], Mapping[str, int]]) -> None:
        """Raise CorruptLog if directories (path -> topics) hold records, and this broker of this
        cluster has had none so far."""
        if self.known():
            return
        for path, count in topics().items():
            if count:
                raise CorruptLog(
                    f"The data directory {path} holds records (topics: {count}) that are not of "
                    "this broker of this cluster. Start it where it belongs, take the topics of a "
                    "single node along by --bootstrap, or begin with an empty directory."
                )

    def note(
        self, directories: Mapping[UUID, str], done: Callable[[BusError | None], None]
    ) -> None:
        """These are the broker's directories from now on.

        Nothing is written where only a path has changed: it serves people alone.
        """
        content = {str(identity): path for identity, path in sorted(directories.items())}
        value = json.dumps(content).encode()

        def decide() -> list[Write]:
            entry = self._mirror.get(self._key)
            if entry is not None and self.known().keys() == directories.keys():
                return []
            return [Write(self._key, value, revision_of(entry))]

        def told(outcome: int | BusError) -> None:
            done(outcome if isinstance(outcome, BusError) else None)

        change(self._mirror, decide, told)
