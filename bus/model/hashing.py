"""Which partition of a topic of Kafka's own a name belongs to."""

from functools import lru_cache


def java_hash(text: str) -> int:
    """String.hashCode of Java: over UTF-16 code units, as a signed 32-bit number."""
    value = 0
    for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


@lru_cache(maxsize=10_000)
def coordinator_partition(name: str, count: int) -> int:
    """Where what is kept of a group (or transaction) of this name stands, of `count` partitions."""
    value = java_hash(name)
    return (0 if value == -(1 << 31) else abs(value)) % count
