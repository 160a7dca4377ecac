"""The beginning of a cluster: its own key, written by whoever comes first, and by nobody after."""

import base64
from collections.abc import Callable

from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BusError, CorruptLog
from bus.model.keys import Keys
from bus.model.stored import FORMAT, ClusterRecord
from bus.ports import Random, Write


def found(
    mirror: Mirror, keys: Keys, random: Random, done: Callable[[BusError | None], None]
) -> None:
    """`done` with None once the cluster has an id; or with why it has none that we can read."""
    made = base64.urlsafe_b64encode(random.uuid_bytes()).decode().rstrip("=")
    record = ClusterRecord(made, FORMAT, {}).to_bytes()

    def decide() -> list[Write]:
        return [] if mirror.get(keys.meta) is not None else [Write(keys.meta, record)]

    def told(outcome: int | BusError) -> None:
        if isinstance(outcome, BusError):
            done(outcome)
            return
        try:
            cluster_id(mirror, keys)
        except CorruptLog as error:
            done(error)
        else:
            done(None)

    change(mirror, decide, told)


def cluster_id(mirror: Mirror, keys: Keys) -> str:
    """Of the cluster that has begun. Raises CorruptLog if it is newer than this program."""
    entry = mirror.get(keys.meta)
    assert entry is not None, "it has begun"
    record = ClusterRecord.from_bytes(keys.meta, entry.value)
    if record.format > FORMAT:
        raise CorruptLog(
            f"The metadata has format {record.format}; this version of busd reads up to {FORMAT}."
        )
    return record.cluster_id
