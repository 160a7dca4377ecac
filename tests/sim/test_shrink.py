"""Shrinking: what is left breaks the rule, and without any part of it it does not."""

from tests.sim.plan import draw
from tests.sim.shrink import minimal, shrink


def test_what_is_needed_together_stays_together() -> None:
    needed = {3, 17, 18, 40}
    assert minimal(list(range(64)), lambda some: needed <= set(some)) == sorted(needed)


def test_nothing_is_left_where_nothing_is_needed() -> None:
    assert minimal(list(range(10)), lambda some: True) == []


def test_a_plan_is_reduced_to_one_step_of_work_and_one_fault() -> None:
    plan = draw(3, brokers=1)
    step, fault = plan.work[-1], plan.faults[0]
    smallest = shrink(plan, lambda plan: step in plan.work and fault in plan.faults)
    assert (smallest.work, smallest.faults) == ((step,), (fault,))
    assert smallest.consumers == ()


def test_tries_are_bounded() -> None:
    tries: list[object] = []
    plan = draw(3, brokers=1)
    shrink(plan, lambda plan: tries.append(plan) is None and len(plan.work) % 2 == 0, tries_max=20)
    assert len(tries) <= 21
