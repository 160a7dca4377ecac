"""Medians and percentiles of what was measured."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of all lie, by nearest rank."""
    assert values, "a percentile of nothing"
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def latencies(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Percentiles in milliseconds, by the names that they have in results."""
    shares = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
    found = {name: percentile(nanoseconds, share) / 1e6 for name, share in shares.items()}
    return {**found, "max_ms": max(nanoseconds) / 1e6}
