"""Leaders that may lack records: what would be lost with them, and what has been."""

import getpass
import platform
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bus.cli.failure import OK, Failure
from bus.cli.moving import refusals
from bus.cli.options import Namespace
from bus.cli.plan import name_of
from bus.cli.table import print_table
from bus.client.admin import Admin
from bus.client.admin_replicas import Unclean
from bus.client.replica_states import RecoveryDescription, ReplicaStates
from bus.errors import BusError
from bus.model.ids import TopicPartition

NOBODY = -1
HEAD = ["partition", "broker", "", "first offset", "end", "flushed", "committed", "last epoch"]
States = Mapping[TopicPartition, ReplicaStates]


def print_states(states: States) -> None:
    """All replicas, and below them what was lost."""
    rows = [row for partition, each in states.items() for row in _rows(partition, each)]
    print_table("", HEAD, rows)
    told = [
        f"{name_of(partition)}: {in_words(recovery)}"
        for partition, each in states.items()
        for recovery in each.recoveries
    ]
    told += [
        f"{name_of(partition)}: broker {broker} takes nothing more: {log.halted}"
        for partition, each in states.items()
        for broker, log in each.logs.items()
        if log.halted
    ]
    if told:
        print()
    for sentence in told:
        print(f"- {sentence}")


def _rows(partition: TopicPartition, states: ReplicaStates) -> Iterable[list[object]]:
    for broker in states.replicas:
        log = states.logs.get(broker)
        ends: list[object] = ["not told"] * 5
        if log is not None:
            ends = [log.start_offset, log.end_offset, log.flushed_offset, log.high_watermark]
            ends.append(log.last_epoch)
        yield [name_of(partition), str(broker), _standing(states, broker), *ends]


def _standing(states: ReplicaStates, broker: int) -> str:
    if broker == states.leader:
        return "leads"
    if broker in states.isr:
        return "in sync"
    if broker in states.elr:
        return "eligible"
    return "was eligible" if broker in states.last_elr else "behind"


def in_words(recovery: RecoveryDescription) -> str:
    """One sentence."""
    when = datetime.fromtimestamp(recovery.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    who = recovery.by if recovery.cause == "operator" else "the cluster itself, as flush=os"
    lost = "records may be lost"
    if recovery.end_offset >= 0:
        lost = f"records from offset {recovery.end_offset} on may be lost"
    if recovery.seen_offset > recovery.end_offset >= 0:
        lost += f", those up to {recovery.seen_offset} for certain"
    before = sorted({*recovery.isr, *recovery.elr, *recovery.last_elr})
    held = f"; {_named(before)} held as much or more" if before else ""
    return (
        f"at {when} broker {recovery.leader} was made the leader, in epoch "
        f"{recovery.leader_epoch}, by {who}: {lost}{held}."
    )


def elect_unclean(admin: Admin, chosen: Iterable[TopicPartition], args: Namespace) -> int:
    """Show what would be lost; and do it, if that is accepted."""
    lost = tuple(args.lost or ())
    states = {p: s for p, s in admin.describe_replicas(chosen).items() if s.leader == NOBODY}
    if not states:
        print("All of these have a leader: nothing is elected, and nothing is lost.")
        return OK
    print_states(states)
    print()
    by = f"{getpass.getuser()}@{platform.node()}"
    wanted = {p: replace(choice(each, args.to, lost), by=by) for p, each in states.items()}
    for partition, each in states.items():
        print(f"{name_of(partition)}: {losses(each, wanted[partition])}")
    if not args.accept_data_loss:
        print("\nNothing was changed; --accept-data-loss does it.")
        return OK
    refused: dict[TopicPartition, BusError] = {}
    for partition, how in wanted.items():
        refused |= admin.elect_leaders([partition], unclean=how)
    if refused:
        raise Failure(refusals(refused))
    return OK


def choice(states: ReplicaStates, to: int | None, lost: tuple[int, ...]) -> Unclean:
    """The one that is named, or who has flushed most in the latest epoch (R7)."""
    logs = states.logs
    if to is None:
        there = [broker for broker in states.replicas if broker in logs]
        to = max(
            there,
            key=lambda b: (logs[b].last_epoch, logs[b].flushed_offset, logs[b].end_offset),
            default=NOBODY,
        )
    end = logs[to].end_offset if to in logs else -1
    seen = max((max(log.end_offset, log.high_watermark) for log in logs.values()), default=-1)
    return Unclean(to, lost, end, seen)


def losses(states: ReplicaStates, how: Unclean) -> str:
    """What an operator has to know before."""
    if how.leader == NOBODY:
        return "no broker that holds any of it is there."
    told = []
    waited = sorted({*states.isr, *states.elr} - set(how.lost))
    if waited:
        told.append(
            f"{_brokers(waited)} all that was acknowledged. Start {_one(waited)}, and nothing is "
            f"lost; if that can never be, say so: --lost {_numbers(waited)}."
        )
    told.append(f"If broker {how.leader} leads,")
    if how.end_offset < 0:
        told.append("nobody can tell what is lost, as it does not tell what it has.")
    else:
        if how.seen_offset > how.end_offset:
            told.append(
                f"the records from offset {how.end_offset} to {how.seen_offset} are lost, and"
            )
        told.append(
            f"whatever else was acknowledged from offset {max(how.end_offset, how.seen_offset)} on "
            "is lost, which nobody here has seen."
        )
    return " ".join(told)


def _brokers(numbers: list[int]) -> str:
    return f"{_named(numbers).capitalize()} {'holds' if len(numbers) == 1 else 'hold'}"


def _named(numbers: list[int]) -> str:
    return f"broker{'' if len(numbers) == 1 else 's'} {_numbers(numbers)}"


def _one(numbers: list[int]) -> str:
    return "it" if len(numbers) == 1 else "one of them"


def _numbers(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers)) or "-"
