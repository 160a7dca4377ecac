"""The beginning of a cluster: its own key, written by whoever comes first, and read at each start.

A cluster that begins stands at the highest level that its first broker knows (model/features.py).
"""

import base64
from collections.abc import Callable

from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BusError, CorruptLog
from bus.model.features import CLUSTER_VERSION, KNOWN, Levels, start_refusal
from bus.model.keys import Keys
from bus.model.store_errors import StoreRefused
from bus.model.stored import FORMAT, ClusterRecord
from bus.ports import Random, Write


def found(
    mirror: Mirror,
    keys: Keys,
    random: Random,
    done: Callable[[BusError | None], None],
    known: Levels = KNOWN,
) -> None:
    """`done` with None once there is a cluster; or with why it is none that we can serve."""
    made = base64.urlsafe_b64encode(random.uuid_bytes()).decode().rstrip("=")
    record = ClusterRecord(made, FORMAT, {CLUSTER_VERSION: known.high}).to_bytes()

    def decide() -> list[Write]:
        return [] if mirror.get(keys.meta) is not None else [Write(keys.meta, record)]

    def told(outcome: int | BusError) -> None:
        if isinstance(outcome, BusError):
            done(outcome)
            return
        try:
            check_level(mirror, keys, known)
        except (CorruptLog, StoreRefused) as error:
            done(error)
        else:
            done(None)

    change(mirror, decide, told)


def cluster_record(mirror: Mirror, keys: Keys) -> ClusterRecord:
    """Of the cluster that has begun. Raises CorruptLog if it is newer than this program."""
    assert mirror.get(keys.meta) is not None, "it has begun"
    record = mirror.parsed(keys.meta, ClusterRecord.from_bytes)
    if record.format > FORMAT:
        raise CorruptLog(
            f"The metadata has format {record.format}; this version of busd reads up to {FORMAT}."
        )
    return record


def check_level(mirror: Mirror, keys: Keys, known: Levels) -> None:
    """Raise StoreRefused if the cluster, which has begun, is not for who knows these levels."""
    refusal = start_refusal(cluster_record(mirror, keys).level, known)
    if refusal is not None:
        raise StoreRefused(refusal)
