"""A broker in its cluster: who is a member, which role it has where, and what it says to its peers.

From                    What                          To
----                    ----                          --
coordination store      records of partitions         roles, then feeds and following
a follower              Fetch, ReplicaAck             feeds
a leader                AlterPartition                the controller's machine, if that is here
a broker that started   BrokerReport                  the same
one that will stop      BrokerLeave                   the same
here                    the same three                whoever controls, over its link or by a call
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from uuid import UUID

from bus.broker.context import Reply
from bus.broker.feeding import Feeds
from bus.broker.following import Following
from bus.broker.membership import NOBODY, Membership
from bus.broker.partition import Partition
from bus.broker.peers import Peers
from bus.broker.repairing import Repairing
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.streams import Later
from bus.control.insync import Proposal
from bus.control.knowledge import LogEnd, Report
from bus.control.timers import Timers
from bus.control.wishes import Wish
from bus.errors import NONE, BusError, NotController
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.limits import MEMBERSHIP_RETRY_MS
from bus.ports import Clock
from bus.wire.fetch import FetchRequest
from bus.wire.replicas import (
    AlteredPartition,
    AlteredTopic,
    AlterPartitionRequest,
    AlterPartitionResponse,
    AlterPartitionResult,
    AlterTopicResult,
    BrokerLeaveRequest,
    BrokerLeaveResponse,
    BrokerReportRequest,
    BrokerReportResponse,
    BrokerState,
    ReplicaAckRequest,
    SuspectPartition,
    SuspectTopic,
)
from bus.wire.schema import Message

logger = logging.getLogger("busd")


class Replication:
    """On the event loop's thread."""

    def __init__(
        self,
        me: int,
        membership: Membership,
        runtime: Runtime,
        roles: Roles,
        feeds: Feeds,
        following: Following,
        peers: Peers,
        clock: Clock,
        later: Later,
    ) -> None:
        self._me = me
        self._membership = membership
        self._runtime = runtime
        self._roles = roles
        self._feeds = feeds
        self._following = following
        self._peers = peers
        self._clock = clock
        self._later = later
        self._report: BrokerReportRequest | None = None
        self._is_reporting = False
        self._reported_to = NOBODY  # who has heard it
        self._repairing = Repairing(me)
        self._late: Timers[PartitionId] = Timers()  # when a follower of it may have to leave
        runtime.on_appended = feeds.on_appended
        runtime.on_replica_flushed = following.on_flushed
        runtime.on_proposed = self._propose

    def begin(
        self, disk_ids: Sequence[UUID], boot_id: str, suspects: Iterable[PartitionId]
    ) -> None:
        """The logs are recovered: report it, and be counted on."""
        found = sorted(suspects)
        self._repairing.begin(found)
        by_topic = groupby(found, key=lambda pid: pid.topic_id)
        told = [
            SuspectTopic(topic, [self._suspect(pid) for pid in pids]) for topic, pids in by_topic
        ]
        self._report = BrokerReportRequest(self._me, 0, boot_id, list(disk_ids), told)
        self.on_members_changed()

    def on_members_changed(self) -> None:
        """Lives of brokers, this one's own, or the controller are not as they were."""
        self._feeds.on_lives_changed()
        now, lives = self._clock.now_ms(), self._membership.lives
        for partition in self._runtime.partitions.values():
            if not partition.leader.resigned:
                for broker in partition.leader.insync.image.replicas:
                    if broker in lives:
                        partition.leader.insync.forget(broker, lives[broker].epoch)
                self._look_for_late(partition, now)
        self._send_report()

    def assume(self, wanted: Iterable[tuple[Partition, PartitionImage]]) -> None:
        """The records of these partitions, as the store has them now."""
        known = list(wanted)
        repaired = [each for each, image in known if self._repairing.repair(each, image)]
        changed = self._roles.assume(known)
        self._following.assign(dict.fromkeys([*changed, *repaired]))
        now = self._clock.now_ms()
        for partition, image in known:
            is_added = self._me in image.adding and self._me not in image.isr
            self._following.slow_down(partition.log.partition, is_added=is_added)
            self._feeds.on_changed(partition)
            self._look_for_late(partition, now)

    def handle(self, broker: int, request: Message, reply: Reply) -> None:
        """A peer asks, whose identity its link has proven."""
        if isinstance(request, FetchRequest):
            self._feeds.fetch(broker, request, reply)
        elif isinstance(request, ReplicaAckRequest):
            self._feeds.acknowledge(broker, request)
        elif isinstance(request, AlterPartitionRequest) and request.broker_id == broker:
            self._alter(request, reply)
        elif isinstance(request, BrokerReportRequest) and request.broker_id == broker:
            self._hear_report(request, reply)
        elif isinstance(request, BrokerLeaveRequest) and request.broker_id == broker:
            self._let_leave(request, reply)
        else:
            logger.warning("Broker %d sent a %s, which is not for us.", broker, type(request))

    def on_link(self, broker: int, is_up: bool) -> None:
        """The link to a peer is there, or is lost with all that was on it."""
        if not is_up:
            self._feeds.drop(broker)
            self._following.on_link_lost(broker)
        controlling = self._membership.controlling
        if controlling is not None and is_up:
            controlling.on_heard(broker)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        controlling = self._membership.controlling
        due_ms = controlling.next_tick_ms() if controlling is not None else None
        times = (self._feeds.next_tick_ms(), self._late.next_ms(), due_ms)
        return min((each for each in times if each is not None), default=None)

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""
        self._feeds.tick(now_ms)
        if self._membership.controlling is not None:
            self._membership.controlling.tick(now_ms)
        for pid in self._late.due(now_ms):
            partition = self._runtime.partitions.get(pid)
            if partition is not None:
                self._feeds.hear_again(partition)
                self._look_for_late(partition, now_ms)

    # --- in-sync sets ------------------------------------------------------------------------

    def _look_for_late(self, partition: Partition, now_ms: int) -> None:
        pid, leader = partition.log.partition, partition.leader
        if leader.resigned or leader.failed:
            self._late.cancel(pid)
            return
        self._runtime.run(partition, leader.on_lives(self._membership.lives, now_ms))
        due = leader.insync.next_ms(now_ms)
        if due is not None:
            self._late.set(pid, due)

    def _propose(self, partition: Partition, proposal: Proposal) -> None:
        """Ask whoever controls; until it has answered, both sets count (R20, R21)."""
        pid, epoch = partition.log.partition, partition.leader.epoch
        lives = {**{broker: -1 for broker in proposal.isr}, **proposal.added}
        altered = AlteredPartition(
            partition_index=pid.partition,
            leader_epoch=epoch,
            new_isr_with_epochs=[BrokerState(broker, life) for broker, life in lives.items()],
            partition_epoch=proposal.partition_epoch,
        )
        topics = [AlteredTopic(pid.topic_id, [altered])]
        request = AlterPartitionRequest(self._me, self._membership.epoch, topics)

        def on_answer(answer: Message | BusError) -> None:
            if partition.leader.epoch == epoch and not self._is_granted(answer):
                self._later(MEMBERSHIP_RETRY_MS / 1000, partial(self._give_up, partition, proposal))

        self.ask_controller(request, on_answer)

    def _give_up(self, partition: Partition, proposal: Proposal) -> None:
        """It was refused, or nobody answered: propose what is right by now."""
        partition.leader.on_refused(proposal)
        self._look_for_late(partition, self._clock.now_ms())

    def _is_granted(self, answer: Message | BusError) -> bool:
        if not isinstance(answer, AlterPartitionResponse) or answer.error_code != NONE:
            return False
        return all(p.error_code == NONE for topic in answer.topics for p in topic.partitions)

    def _alter(self, request: AlterPartitionRequest, reply: Reply) -> None:
        """Each partition is answered for itself; the answer leaves when all are."""
        controlling = self._membership.controlling
        if controlling is None:
            reply(AlterPartitionResponse(NotController.code))
            return
        response = AlterPartitionResponse()
        wanted = [(topic, part) for topic in request.topics for part in topic.partitions]
        left = len(wanted)

        def told(result: AlterPartitionResult, error: int, _: str | None) -> None:
            nonlocal left
            result.error_code = error
            left -= 1
            if left == 0:
                reply(response)

        for topic, part in wanted:
            result = AlterPartitionResult(part.partition_index)
            response.topics.append(AlterTopicResult(topic.topic_id, [result]))
            wish = Wish(
                PartitionId(topic.topic_id, part.partition_index),
                request.broker_id,
                request.broker_epoch,
                part.leader_epoch,
                part.partition_epoch,
                tuple(member.broker_id for member in part.new_isr_with_epochs),
                {each.broker_id: each.broker_epoch for each in part.new_isr_with_epochs},
            )
            controlling.wish(wish, partial(told, result))

    def _suspect(self, pid: PartitionId) -> SuspectPartition:
        return SuspectPartition(pid.partition, *self._runtime.log_end(pid))

    # --- reports -----------------------------------------------------------------------------

    def _send_report(self) -> None:
        """Until the store shows that it was heard; each controller has to know suspects (R30)."""
        members, report = self._membership, self._report
        if members.controller == NOBODY:
            self._reported_to = NOBODY
        if report is None or self._is_reporting:
            return
        is_news = bool(report.suspects) and members.controller != self._reported_to
        is_known = members.epoch > 0 and members.controller != NOBODY
        if not is_known or (members.is_accepted and not is_news):
            return
        report.broker_epoch = members.epoch
        self._is_reporting = True
        self.ask_controller(report, partial(self._on_reported, members.controller))

    def _on_reported(self, controller: int, answer: Message | BusError) -> None:
        if isinstance(answer, BrokerReportResponse) and answer.error_code == NONE:
            self._reported_to = controller

        def again() -> None:
            self._is_reporting = False
            self._send_report()

        self._later(MEMBERSHIP_RETRY_MS / 1000, again)

    def _hear_report(self, request: BrokerReportRequest, reply: Reply) -> None:
        controlling = self._membership.controlling
        if controlling is None:
            reply(BrokerReportResponse(NotController.code))
            return
        suspects = {
            PartitionId(topic.topic_id, part.partition): LogEnd(part.last_epoch, part.end_offset)
            for topic in request.suspects
            for part in topic.partitions
        }
        report = Report(request.broker_epoch, tuple(request.disk_ids), request.boot_id, suspects)
        controlling.report(request.broker_id, report)
        reply(BrokerReportResponse())

    def _let_leave(self, request: BrokerLeaveRequest, reply: Reply) -> None:
        controlling = self._membership.controlling
        if controlling is None:
            reply(BrokerLeaveResponse(NotController.code))
            return
        controlling.leave(request.broker_id, request.broker_epoch, is_due=request.is_due)
        reply(BrokerLeaveResponse())

    def ask_controller(self, request: Message, done: Callable[[Message | BusError], None]) -> None:
        """Whoever that is; `done` is called once, later, also if there is none."""
        controller = self._membership.controller
        if controller == self._me:
            self._later(0, partial(self.handle, self._me, request, partial(_answered, done)))
        elif controller == NOBODY:
            self._later(0, partial(done, NotController()))
        else:
            self._peers.ask(controller, request, done)


def _answered(done: Callable[[Message | BusError], None], answer: Message | None) -> None:
    assert answer is not None, "only what has an answer is asked for"
    done(answer)
