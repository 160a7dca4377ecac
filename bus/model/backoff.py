"""How long to wait before the next try: doubling from the first pause on, up to a longest one."""

from typing import TypeVar

DOUBLINGS_MAX = 16  # which any bound here is reached within: what is counted on may go on for ever
Time = TypeVar("Time", int, float)


def doubled(first: Time, times: int, longest: Time) -> Time:
    """`first`, doubled so many times, `longest` at the most; in the unit of the two."""
    return min(first * (1 << min(times, DOUBLINGS_MAX)), longest)
