"""The guard looks until the memory is too much, and then it says so once."""

import asyncio

import pytest

from bus.broker.memory_guard import MemoryGuard, limit_of
from bus.model.limits import MIB


def watched(*readings: int | None, looks: int) -> list[int]:
    """When (as numbers of looks) the guard let go, given what each look finds."""
    found: list[int] = []
    seen = 0

    async def run() -> None:
        nonlocal seen
        done = asyncio.Event()

        def own_bytes() -> int | None:
            nonlocal seen
            seen += 1
            if seen == looks:
                done.set()
            return readings[min(seen, len(readings)) - 1]

        def on_exceeded() -> None:
            found.append(seen)
            done.set()

        guard = MemoryGuard(asyncio.get_running_loop(), 100 * MIB, own_bytes, on_exceeded)
        await asyncio.wait_for(done.wait(), 60)
        guard.close()

    asyncio.run(run())
    return found


def test_up_to_the_limit_nothing_happens() -> None:
    assert watched(50 * MIB, 100 * MIB, looks=3) == []


def test_above_the_limit_the_broker_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert watched(50 * MIB, 101 * MIB, looks=9) == [2]
    assert "101 MiB of memory, above the limit of 100 MiB" in caplog.text


def test_where_memory_is_not_told_nothing_happens() -> None:
    assert watched(None, looks=2) == []


def test_the_limit_is_half_the_machine_unless_it_is_set() -> None:
    assert (limit_of(0, 8000), limit_of(300, 8000)) == (4000, 300)
