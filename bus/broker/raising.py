"""The cluster goes to a higher level (model/features.py), by whoever controls.

Written only while every broker that has an entry knows that level, and guarded by the controller's
own revision (R3). A broker that enters at the same moment and does not know it reads the level once
it is a member, and ends (membership.py).
"""

from collections.abc import Callable, Mapping, Sequence

from bus.broker.founding import cluster_record
from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BusError, InvalidRequest, RequestTimedOut
from bus.model.features import OLDEST, Levels, raise_refusal
from bus.model.keys import Keys, Kind
from bus.model.store_errors import StoreUnreachable
from bus.model.stored_brokers import BrokerRecord
from bus.ports import Write, revision_of

Told = Callable[[int | BusError], None]  # the store's revision that shows it, 0 if it was so


def raise_level(
    mirror: Mirror,
    keys: Keys,
    here: dict[int, Levels],
    guards: Callable[[], Mapping[str, int]],
    wanted: int,
    told: Told,
    *,
    validate_only: bool = False,
) -> None:
    """`here` is this broker; `told` is called once."""

    def decide() -> Sequence[Write]:
        record = cluster_record(mirror, keys)
        refusal = raise_refusal(record.level, wanted, entered(mirror, keys) | here)
        if refusal is not None:
            raise InvalidRequest(refusal)
        if record.level == wanted or validate_only:
            return []
        revision = revision_of(mirror.get(keys.meta))
        return [Write(keys.meta, record.at(wanted).to_bytes(), revision)]

    def on_told(outcome: int | BusError) -> None:
        is_open = isinstance(outcome, StoreUnreachable)
        told(RequestTimedOut(str(outcome)) if is_open else outcome)

    change(mirror, decide, on_told, guards)


def entered(mirror: Mirror, keys: Keys) -> dict[int, Levels]:
    """What the brokers that have entries know; one whose entry cannot be read knows little."""
    found: dict[int, Levels] = {}
    for key, entry in mirror.under(keys.prefix(Kind.BROKER)).items():
        name = keys.name_of(key)
        if name is None:
            continue
        try:
            found[name.number] = BrokerRecord.from_bytes(key, entry.value).levels
        except BusError:
            found[name.number] = OLDEST
    return found
