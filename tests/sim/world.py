"""One world: brokers, clients and their surroundings, from a plan, on simulated time.

    outcome = World(draw(seed, brokers=1)).run()

Phase     What happens
-----     ------------
run       the plan
heal      all faults end; whoever is down starts; brokers whose disk has failed start again
settle    what was under way comes to its end (I20)
probe     new producers are acknowledged in time (I20)
audit     all is read and judged (I1, I10, I11)
"""

import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from uuid import UUID

from bus.control import recovery
from bus.model.ids import PartitionId
from tests.fixtures.timeline import Timeline
from tests.sim.admin import SimAdmin
from tests.sim.authors import Authors
from tests.sim.churn import Churn
from tests.sim.cluster_invariants import RECOVERY_WAIT_MS
from tests.sim.cluster_observer import ClusterObserver
from tests.sim.consumers import SimConsumer
from tests.sim.faults import inflict
from tests.sim.judge import judge
from tests.sim.machine import Machine
from tests.sim.net import SimNet
from tests.sim.observer import Observer
from tests.sim.patched import patched
from tests.sim.plan import Consumer, Plan, Producer, Step, Topic
from tests.sim.producers import SimProducer
from tests.sim.store import CLUSTER, SharedStore
from tests.sim.violation import Violation

SETTLE_MS_MAX = 12_000
LED_MS_MAX = 2000
IN_SYNC_MS_MAX = 10_000
PROBE_MS_MAX = 3000
AUDIT_MS_MAX = 5000
STEP_MS = 25
PROBES = 1000  # the number of the first
TOPIC_IDS = 1000
LATE = 0.5  # in half of the worlds, half of what was under way on a link that is gone


@dataclass(slots=True)
class Outcome:
    """What came of a world."""

    plan: Plan
    violation: Violation | None
    time_ms: float
    notes: list[tuple[float, str]]
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0  # batches
    led_ms: float = 0.0  # after the faults, until all partitions were led
    in_sync_ms: float = 0.0  # and until all replicas were in sync
    digest: int = 0  # of all that happened: the same for the same plan


class World:
    """See the module."""

    cluster_name = CLUSTER

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.timeline = Timeline(self.chance("ties"))
        self.notes: list[tuple[float, str]] = []
        self.faults: Counter[str] = Counter()
        self.led_ms = self.in_sync_ms = 0.0
        self.observer = Observer(self)
        self.machines = [Machine(self, number) for number in range(plan.brokers)]
        late = LATE if self.chance("late").random() < 0.5 else 0.0
        self.net = SimNet(self.timeline, self.chance("net"), plan.brokers, late)
        self.store = SharedStore(self)
        self.authors = Authors(self)
        self._producer_ids = count(1)
        self.admin = SimAdmin(self)
        self.churn = Churn(self)
        self.producers = [SimProducer(self, n, spec) for n, spec in enumerate(plan.producers)]
        self.consumers = [
            SimConsumer(self, f"consumer {number}", spec)
            for number, spec in enumerate(plan.consumers)
        ]

    def chance(self, name: str) -> Random:
        """Chance of its own for each part, so that leaving something out changes nothing else."""
        return Random(f"{self.plan.seed} {name}")

    def after(self, ms: float, call: Callable[[], object]) -> None:
        self.timeline.later(ms / 1000, call)

    def note(self, text: str) -> None:
        self.notes.append((self.timeline.time_ms, text))

    @property
    def is_cluster(self) -> bool:
        """Do brokers replicate? One that is alone has its metadata in a file."""
        return len(self.machines) > 1

    def topic_of(self, pid: PartitionId) -> Topic:
        """As the plan has it."""
        return self.plan.topics[pid.topic_id.int - TOPIC_IDS]

    def partition_ids(self) -> list[PartitionId]:
        """Of all topics of the plan, in a cluster."""
        return [
            PartitionId(UUID(int=TOPIC_IDS + number), index)
            for number, topic in enumerate(self.plan.topics)
            for index in range(topic.partitions)
        ]

    def new_producer_id(self) -> int:
        return next(self._producer_ids)

    # --- phases -----------------------------------------------------------------------------

    def run(self) -> Outcome:
        with patched(recovery, "RECOVERY_WAIT_MS", RECOVERY_WAIT_MS):
            return self._run()

    def _run(self) -> Outcome:
        violation = None
        try:
            self._begin()
            self.timeline.pass_ms(self.plan.length_ms)
            self._heal()
            self._settle()
            self._probe()
            self._audit()
        except Violation as found:
            violation = found
        except Exception as error:
            violation = Violation("raised", f"{error!r}\n{traceback.format_exc(limit=-8)}")
            violation.__cause__ = None
        return Outcome(
            self.plan,
            violation,
            self.timeline.time_ms - 1000,
            self.notes,
            self.faults,
            sum(s.state == "acknowledged" for p in self.producers for s in p.sents),
            self.led_ms,
            self.in_sync_ms,
            self._digest(),
        )

    def _begin(self) -> None:
        if self.is_cluster:
            self.observer.cluster = ClusterObserver(self, self.observer)
            self.store.fill(self.plan, TOPIC_IDS)
            self.admin.missing.clear()
        for machine in self.machines:
            machine.start()
        for topic in () if self.is_cluster else self.plan.topics:
            self.admin.create(topic)
        for consumer in self.consumers:
            consumer.go_on()
        for step in self.plan.work:
            self.after(step.at_ms, lambda step=step: self._work(step))
        for step in self.plan.faults:
            self.after(step.at_ms, lambda step=step: self._inflict(step))

    def _work(self, step: Step) -> None:
        first, *rest = step.args
        if step.kind == "produce":
            self.producers[first].send(*rest)
        elif step.kind == "trim":
            self.admin.trim(self.plan.topics[first], *rest)
        elif step.kind == "fill":
            self.churn.produce(first, *rest)
        elif self.is_cluster and step.kind == "create":
            self.churn.create()
        elif self.is_cluster:
            self.churn.delete()
        elif step.kind == "create":
            self.admin.create_extra(first, self.plan.topics[0])
        else:
            self.admin.delete_extra(first)

    def _inflict(self, step: Step) -> None:
        self.note(f"fault: {step.kind} {step.args}")
        self.faults[step.kind] += 1
        inflict(self, step)

    def _heal(self) -> None:
        self.note("all faults are over")
        self.net.heal_all()
        for machine in self.machines:
            self.store.hurry(machine.number)
            self.store.heal(machine.number)
            machine.set_room(None)
            machine.set_slow(1.0)
            machine.set_unreadable(False)
            machine.disk.sync_error = machine.disk.write_error = None
            if machine.process is not None and machine.process.is_paused:
                machine.process.go_on()
            if machine.process is not None and machine.has_failed:
                machine.kill()
            machine.start()

    def _settle(self) -> None:
        def is_over() -> bool:
            return not self.admin.missing and all(
                producer.is_idle or self._is_damaged(producer) for producer in self.producers
            )

        begun_ms = self.timeline.time_ms
        cluster = self.observer.cluster
        if cluster is not None:
            self._pass_until(cluster.is_led, LED_MS_MAX, "electing leaders")
            self.led_ms = self.timeline.time_ms - begun_ms
        self._pass_until(is_over, SETTLE_MS_MAX, "what clients had begun")
        if cluster is not None:
            ms_max = begun_ms + IN_SYNC_MS_MAX - self.timeline.time_ms
            self._pass_until(cluster.is_in_sync, ms_max, "bringing all replicas in sync")
            self.in_sync_ms = self.timeline.time_ms - begun_ms
            cluster.judge_logs()

    def _probe(self) -> None:
        places = {(p.topic.name, p.spec.partition): p for p in self.producers}
        probes = []
        for number, (_, known) in enumerate(sorted(places.items()), PROBES):
            spec = Producer(known.spec.topic, known.spec.partition, -1, True)
            probe = SimProducer(self, number, spec, known.topic)
            if not self._is_damaged(probe):
                probe.send(1, 10)
                probes.append(probe)
        self._pass_until(lambda: all(p.is_idle for p in probes), PROBE_MS_MAX, "a new producer")
        for probe in probes:
            if probe.sents[0].state != "acknowledged":
                raise Violation("I20", f"a new producer was told: {probe.sents[0].state}")
        self.producers += probes

    def _audit(self) -> None:
        for consumer in self.consumers:
            consumer.is_stopped = True
        for machine in self.machines:
            if machine.node is not None:
                self.observer.judge_indexes(machine)
        ghosts = {place: ghost for place, ghost in self.observer.by_name.items()}
        auditors = {}
        churn = [self.churn.topic] if self.churn.producer is not None else []
        for number, topic in enumerate((*self.plan.topics, *churn)):
            for index in range(topic.partitions):
                if (topic.name, index) in ghosts:
                    spec = Consumer(number, index, False)
                    name = f"auditor {topic.name}-{index}"
                    auditors[topic.name, index] = SimConsumer(self, name, spec, True, topic)
        for auditor in auditors.values():
            auditor.go_on()
        self._pass_until(
            lambda: all(a.is_stuck or a.position >= ghosts[p].end for p, a in auditors.items()),
            AUDIT_MS_MAX,
            "who reads all",
        )
        for place, auditor in auditors.items():
            auditor.is_stopped = True
            writers = [p for p in self.producers if (p.topic.name, p.spec.partition) == place]
            judge(ghosts[place], auditor, writers)

    def _pass_until(self, is_over: Callable[[], bool], ms_max: float, who: str) -> None:
        end = self.timeline.time_ms + ms_max
        while not is_over():
            if self.timeline.time_ms >= end:
                raise Violation("I20", f"{who} did not come to an end within {ms_max} ms")
            self.timeline.pass_ms(STEP_MS)

    def _is_damaged(self, producer: SimProducer) -> bool:
        ghost = self.observer.by_name.get((producer.topic.name, producer.spec.partition))
        return ghost is not None and ghost.is_damaged

    def _digest(self) -> int:
        told = [(s.crc, s.state, s.span.base_offset, s.answered_ms)
                for p in self.producers for s in p.sents]  # fmt: skip
        return zlib.crc32(repr((self.notes, told)).encode())
