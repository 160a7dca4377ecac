"""The end of a world: what clients were told, against what is there once all faults are over."""

from collections.abc import Sequence

from tests.sim import invariants as rules
from tests.sim.batches import Batch
from tests.sim.consumers import SimConsumer
from tests.sim.ghosts import Ghost
from tests.sim.producers import SimProducer
from tests.sim.violation import Violation, fail_if


def judge(ghost: Ghost, auditor: SimConsumer, producers: Sequence[SimProducer]) -> None:
    """One partition; the auditor has read all of it."""
    log = {batch.base: batch for batch in auditor.read}
    crcs: dict[int, list[Batch]] = {}
    for batch in auditor.read:
        crcs.setdefault(batch.crc, []).append(batch)
    start = auditor.read[0].base if auditor.read else auditor.position
    if not ghost.is_damaged:
        _judge_committed(ghost, log, start)
    for producer in producers:
        problem = _told(ghost, producer, log, crcs, start)
        fail_if("I10", problem and f"{ghost.name}: {problem}")
        problem = _order(ghost, producer, crcs, start)
        fail_if("I11", problem and f"{ghost.name}: {problem}")


def _judge_committed(ghost: Ghost, log: dict[int, Batch], start: int) -> None:
    if start > 0 and not ghost.may_shrink:
        raise Violation("I1", f"{ghost.name}: the log begins at {start}, deleted by nobody")
    for batch in ghost.committed:
        found = log.get(batch.base)
        if batch.base >= start and (found is None or found.what != batch.what):
            raise Violation("I1", f"{ghost.name}: {batch} was committed, and there is {found}")


def _told(
    ghost: Ghost,
    producer: SimProducer,
    log: dict[int, Batch],
    crcs: dict[int, list[Batch]],
    start: int,
) -> str | None:
    for sent in producer.sents:
        problem = None
        if sent.state == "acknowledged" and not ghost.is_damaged:
            problem = rules.acknowledged_is_missing(
                sent, log, start, may_shrink=ghost.may_shrink, losses=ghost.losses
            )
        elif sent.state == "refused":
            problem = rules.refused_is_there(sent, crcs)
        if problem is not None:
            return problem
    return None


def _order(
    ghost: Ghost, producer: SimProducer, crcs: dict[int, list[Batch]], start: int
) -> str | None:
    for sent in producer.sents:
        problem = rules.stands_twice(sent, crcs)
        if problem is not None:
            return problem
    problem = rules.out_of_order(producer.sents, crcs)
    is_whole = producer.spec.idempotent and not ghost.losses and not ghost.is_damaged
    if problem is None and is_whole:
        problem = rules.sequence_has_a_gap(producer.sents, crcs, start)
    return problem
