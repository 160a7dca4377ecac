"""The smallest plan that still breaks the same rule, by leaving out what can be left out (ddmin).

First whole kinds of steps, then halves, quarters, ... of the faults, then of the work, until no
single step can be left out or the tries are used up.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tests.sim.plan import Plan, Step

TRIES_MAX = 400
Thing = TypeVar("Thing")


def shrink(plan: Plan, is_broken: Callable[[Plan], bool], tries_max: int = TRIES_MAX) -> Plan:
    """`is_broken` says whether a plan still fails as the first one did."""
    tries = 0

    def still(work: Sequence[Step], faults: Sequence[Step]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= tries_max and is_broken(plan.but(tuple(work), tuple(faults)))

    work, faults = list(plan.work), list(plan.faults)
    before = -1
    while before != len(work) + len(faults) and tries < tries_max:
        before = len(work) + len(faults)
        faults = minimal(faults, partial(still, work))
        work = minimal(work, partial(_swapped, still, faults))
    smallest = plan.but(tuple(work), tuple(faults))
    fewer = replace(smallest, consumers=())
    return fewer if is_broken(fewer) else smallest


def _swapped(
    still: Callable[[Sequence[Step], Sequence[Step]], bool],
    faults: Sequence[Step],
    work: Sequence[Step],
) -> bool:
    return still(work, faults)


def minimal(things: list[Thing], is_broken: Callable[[list[Thing]], bool]) -> list[Thing]:
    """A part of them, from which no single one can be left out; `is_broken` of all holds."""
    size = len(things)
    while size >= 1:
        start, was_smaller = 0, False
        while start < len(things):
            rest = things[:start] + things[start + size :]
            if is_broken(rest):
                things, was_smaller = rest, True
            else:
                start += size
        if not was_smaller or size > len(things):
            size = min(size, len(things) + 1) // 2
    return things
