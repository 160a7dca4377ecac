"""What a coordination store takes: the same for one node's file and for a cluster's etcd."""

from collections.abc import Mapping, Sequence

from bus.model.limits import (
    KEY_BYTES_MAX,
    TRANSACTION_BYTES_MAX,
    TRANSACTION_KEYS_MAX,
    TRANSACTION_WRITES_MAX,
    VALUE_BYTES_MAX,
)
from bus.model.store_errors import StoreRefused
from bus.ports import Write


def objection(writes: Sequence[Write], guards: Mapping[str, int]) -> StoreRefused | None:
    """What is too large about a transaction; asserts what no caller of ours may ask for."""
    keys = [write.key for write in writes]
    assert keys, "a transaction writes something"
    assert len({*keys, *guards}) == len(keys) + len(guards), "each key once"
    for write in writes:
        assert write.expected >= 0, "revisions are positive"
        assert write.value is not None or write.expected, "what is absent is not deleted"
        assert write.value is not None or write.session is None, "a deletion leaves no key"
    for key in (*keys, *guards):
        assert key, "a key has a name"
        assert key.isascii(), "keys are made by model.keys"
        assert key.isprintable(), "keys are made by model.keys"
        if len(key) > KEY_BYTES_MAX:
            return StoreRefused(f"A key has {len(key)} bytes; {KEY_BYTES_MAX} are allowed.")
    return _too_large(writes, len(keys) + len(guards))


def _too_large(writes: Sequence[Write], keys: int) -> StoreRefused | None:
    if len(writes) > TRANSACTION_WRITES_MAX or keys > TRANSACTION_KEYS_MAX:
        return StoreRefused(
            f"The transaction writes {len(writes)} keys of {keys}; {TRANSACTION_WRITES_MAX} of "
            f"{TRANSACTION_KEYS_MAX} are allowed."
        )
    total = 0
    for write in writes:
        size = len(write.value or b"")
        if size > VALUE_BYTES_MAX:
            return StoreRefused(
                f"The value of {write.key} has {size} bytes; {VALUE_BYTES_MAX} are allowed."
            )
        total += len(write.key) + size
    if total > TRANSACTION_BYTES_MAX:
        return StoreRefused(
            f"The transaction has {total} bytes; {TRANSACTION_BYTES_MAX} are allowed."
        )
    return None
