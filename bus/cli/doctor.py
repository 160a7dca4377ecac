"""`busd doctor`: which failures each topic survives as it stands, and what would be lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.cli import doctor_brokers
from bus.cli.cluster_level import can_be_raised_to, level_line
from bus.cli.cluster_view import NOBODY, View, look, machine_of
from bus.cli.connect import add_options, connect
from bus.cli.failure import FAILED, OK
from bus.cli.options import Namespace, Parser
from bus.cli.table import print_table
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.control.placement import default_replication_factor
from bus.control.survival import Holding, Place, Records, Verdict, verdicts
from bus.model.endpoint import is_loopback, join_host_port

FAILURES = {
    "process": "a broker is killed",
    "machine": "a machine loses power",
    "rack": "a rack loses power",
    "power": "all lose power",
    "disk": "a disk is lost",
}
LEADERLESS = "no leader: nothing is read or written"
TOO_FEW = "fewer in sync than min.insync.replicas: acks=all is refused"
BEHIND = "not all replicas in sync: one more failure may stop writing"
ONE_MACHINE = (
    "All brokers answer at one machine: replicas survive a killed broker there, and no loss of the "
    "machine or its disk."
)
NAMED_MAX = 5  # topics or partitions in one sentence

EXAMPLES = """  busd doctor
  busd doctor --topic flights
  busd doctor --server tcp://broker-1:7901

It proves from the settings and from the cluster as it stands what becomes of records that were
acknowledged with acks=all, and asks each broker how its machine and its etcd are. It ends with 1
if there is something to put right; a remark is not, and what it could not look at it says.
"""


def parser() -> Parser:
    """Where, and of which topics."""
    made = Parser("busd doctor", "Tell which failures each topic survives.", EXAMPLES)
    made.add_argument("--topic", action="append", metavar="TOPIC", help="repeatable; default: all")
    add_options(made)
    return made


@dataclass(frozen=True, slots=True)
class Checked:
    """One topic: its weakest partition decides."""

    topic: TopicDescription
    min_isr: int
    is_flushed: bool
    verdicts: Mapping[str, Verdict]

    @property
    def replication_factor(self) -> int:
        """Of the partition that has fewest replicas."""
        return min(len(each.replicas) for each in self.topic.partitions)


def run(args: Namespace) -> int:
    """Look, and tell."""
    with connect(args) as connection:
        admin = connection.admin()
        view = look(admin)
        topics = [t for t in view.topics if not args.topic or t.name in args.topic]
        if args.topic:
            topics = [admin.describe_topic(name) for name in args.topic]
        checked = [_check(admin, view, topic) for topic in topics]
        seen = doctor_brokers.see(admin, view)
        states = doctor_brokers.states_of(admin, topics)
    if checked:
        has_racks = any(broker.rack for broker in view.cluster.brokers)
        _print_verdicts(checked, [name for name in FAILURES if has_racks or name != "rack"])
    else:
        print("There are no topics yet.")
    print()
    print_table("", doctor_brokers.HEAD, doctor_brokers.rows(seen))
    found = [*findings(view, checked), *doctor_brokers.findings(seen)]
    print()
    for sentence in found:
        print(f"- {sentence}")
    if not found:
        print("Nothing to put right.")
    lost = doctor_brokers.recoveries(states)
    for sentence in (*remarks(view, checked), *doctor_brokers.remarks(seen), *lost):
        print(f"Remark: {sentence}")
    for what in doctor_brokers.unseen(seen):
        print(f"Not seen: {what}.")
    if can_be_raised_to(view.cluster) is not None:
        print(f"The cluster stands at {level_line(view.cluster)}.")
    return FAILED if found else OK


def _check(admin: Any, view: View, topic: TopicDescription) -> Checked:
    config = admin.describe_config(topic.name)
    flush = config.get("flush")
    is_flushed = flush is not None and flush.value == "group"
    min_isr = int(config["min.insync.replicas"].value or 1)
    return check(view, topic, min_isr, is_flushed)


def check(view: View, topic: TopicDescription, min_isr: int, is_flushed: bool) -> Checked:
    """Of all partitions the worst, failure by failure."""
    found = [
        verdicts(Holding(_places(view, each), len(each.isr), min_isr, is_flushed))
        for each in topic.partitions
    ]
    worst = {name: _worst([one[name] for one in found]) for name in FAILURES}
    return Checked(topic, min_isr, is_flushed, worst)


def _places(view: View, partition: PartitionDescription) -> tuple[Place, ...]:
    found = []
    for number in partition.replicas:
        broker = view.broker(number)
        rack = broker.rack if broker is not None else None
        found.append(Place(number, machine_of(broker, number), rack or ""))
    return tuple(found)


def _worst(found: Sequence[Verdict]) -> Verdict:
    order = list(Records)
    return Verdict(
        max((each.records for each in found), key=order.index),
        all(each.can_write for each in found),
        all(each.can_read for each in found),
    )


def _print_verdicts(checked: Sequence[Checked], shown: Sequence[str]) -> None:
    head = ["topic", "replicas", "min in sync", "flush", *(FAILURES[name] for name in shown)]
    rows: list[list[object]] = [
        [
            each.topic.name,
            each.replication_factor,
            each.min_isr,
            "group" if each.is_flushed else "os",
            *(_in_words(each.verdicts[name]) for name in shown),
        ]
        for each in checked
    ]
    print_table("Acknowledged records, and writing with acks=all, when", head, rows)


def _in_words(verdict: Verdict) -> str:
    if verdict.can_write:
        return f"{verdict.records.value}, writes go on"
    return f"{verdict.records.value}, {'read only' if verdict.can_read else 'waits for it'}"


def findings(view: View, checked: Sequence[Checked]) -> Iterable[str]:
    """What to put right, the worst first; each names topics, a consequence and what to do."""
    yield from _of_partitions(checked)
    brokers = len(view.cluster.brokers)
    lone = [each for each in checked if each.replication_factor == 1]
    if lone and brokers > 1:
        yield (
            f"{_named(lone)}: one replica. If its disk is lost, so are the records. "
            "Raise it: `busd partition reassign --topic TOPIC --replication-factor "
            f"{default_replication_factor(brokers)}`."
        )
    weak = [each for each in checked if each.min_isr == 1 < each.replication_factor]
    if weak:
        yield (
            f"{_named(weak)}: min.insync.replicas is 1, so a record may be acknowledged that one "
            "broker alone holds. Set it to 2: `busd topic alter TOPIC --config "
            "min.insync.replicas=2`."
        )
    at_risk = [each for each in checked if each.verdicts["machine"].records is not Records.KEPT]
    if at_risk:
        yield (
            f"{_named(at_risk)}: flush=os, and a machine that loses power may take all copies of "
            "the last seconds. Set flush=group, or spread the replicas over more machines than "
            "min.insync.replicas takes."
        )
    yield from _of_places(view, checked)


def _of_partitions(checked: Sequence[Checked]) -> Iterable[str]:
    by_trouble: dict[str, list[str]] = {}
    for each in checked:
        for partition in each.topic.partitions:
            trouble = _trouble(partition, each.min_isr)
            if trouble:
                name = f"{each.topic.name}-{partition.partition}"
                by_trouble.setdefault(trouble, []).append(name)
    for trouble in (LEADERLESS, TOO_FEW, BEHIND):
        if trouble in by_trouble:
            yield f"{_few(by_trouble[trouble])}: {trouble}. See `busd cluster status`."


def _trouble(partition: PartitionDescription, min_isr: int) -> str:
    if partition.leader == NOBODY:
        return LEADERLESS
    if len(partition.isr) < min_isr:
        return TOO_FEW
    return BEHIND if len(partition.isr) < len(partition.replicas) else ""


def _of_places(view: View, checked: Sequence[Checked]) -> Iterable[str]:
    if len(_machines(view)) == 1 and not _is_on_loopback(view) and _is_spread(view, checked):
        yield ONE_MACHINE
    racks = {broker.rack for broker in view.cluster.brokers}
    if _is_spread(view, checked) and len(racks) > 1 and None in racks:
        yield "Some brokers name a rack and some do not: give each its own by `busd serve --rack`."


def remarks(view: View, checked: Sequence[Checked]) -> Iterable[str]:
    """What is as it was meant, and worth knowing: nobody else reaches a cluster on loopback."""
    if _is_on_loopback(view) and _is_spread(view, checked):
        yield ONE_MACHINE


def _is_spread(view: View, checked: Sequence[Checked]) -> bool:
    return len(view.cluster.brokers) > 1 and any(one.replication_factor > 1 for one in checked)


def _machines(view: View) -> set[str]:
    return {machine_of(broker, broker.node) for broker in view.cluster.brokers}


def _is_on_loopback(view: View) -> bool:
    return all(is_loopback(join_host_port(host, 0)) for host in _machines(view))


def _named(checked: Sequence[Checked]) -> str:
    return _few([each.topic.name for each in checked])


def _few(names: Sequence[str]) -> str:
    rest = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {rest:,} more" if rest > 0 else "")
