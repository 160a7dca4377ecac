"""The I/O thread's side of a group's member: its machine's effects, carried out.

Effect    What is done
------    ------------
Find      FindCoordinator to any broker
Join      JoinGroup to the coordinator, with what the user holds at this moment
Count     once the partitions of all members' topics are known, the assignor shares them out
Sync      SyncGroup
Beat      Heartbeat
Leave     LeaveGroup, without waiting
Release, Settle, Lose, Fail    laid on the desk; the user is woken

While we lead, a topic that grows or shows up makes the group rebalance.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from bus.client import group_messages as messages
from bus.client.cluster import Cluster
from bus.client.desk import Desk
from bus.client.link import Done
from bus.client.member_steps import (
    Beat,
    Count,
    Effect,
    Fail,
    Find,
    Join,
    Leave,
    Lose,
    Release,
    Settle,
    Sync,
)
from bus.client.membership import MemberRules, Membership
from bus.client.options import GroupOptions
from bus.client.outcome import Outcome
from bus.errors import (
    BusError,
    CoordinatorNotAvailable,
    FrameError,
    InconsistentGroupProtocol,
    MemberIdRequired,
    error_of,
)
from bus.model.ids import TopicPartition
from bus.ports import Clock
from bus.wire.groups import (
    FindCoordinatorResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupResponse,
    SyncGroupResponse,
)
from bus.wire.schema import Message

MARGIN_MS = 10_000  # beyond the rebalance time-out, which a join may be kept waiting for
COUNT_MS_MAX = 5_000  # a topic unknown for so long has no partitions to share out


class Group:
    """Membership of one consumer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cluster: Cluster,
        options: GroupOptions,
        desk: Desk,
        clock: Clock,
        wake_user: Callable[[], object],
    ) -> None:
        self.options = options
        self.coordinator: str | None = None  # endpoint
        self.machine = Membership(
            MemberRules(
                eager=options.eager,
                stays=options.instance_id is not None,
                heartbeat_ms=options.heartbeat_ms,
                spread=options.spread,
            )
        )
        self.on_coordinator: Callable[[], object] = bool  # told when there is one
        self._loop = loop
        self._cluster = cluster
        self._desk = desk
        self._clock = clock
        self._wake_user = wake_user
        self._topics: Sequence[str] = ()
        self._last_share: frozenset[TopicPartition] = frozenset()  # what "sticky" wants to keep
        self._count: Count | None = None  # shares that wait for their topics to be known
        self._count_until_ms = 0
        self._count_timer: asyncio.TimerHandle | None = None
        self._counted: dict[str, int] = {}  # what was shared out, while we lead
        self._left: Outcome[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def subscribe(self, topics: Sequence[str]) -> None:
        """Read these topics from now on."""
        self._topics = topics
        for topic in topics:
            self._cluster.want(topic)
        self._carry_out(self.machine.subscribe(self._clock.now_ms()))

    def find(self) -> None:
        """Have `on_coordinator` told, for whoever commits without being a member."""
        if self.coordinator is not None:
            self._loop.call_soon(self.on_coordinator)
        else:
            request = messages.find_request(self.options.group)
            self._cluster.call_any(request, self.options.request_timeout_ms, self._on_known)

    def released(self) -> None:
        """The user let go of everything."""
        self._carry_out(self.machine.on_released())

    def settled(self, generation: int, gave_up: bool) -> None:
        """The user holds its share and nothing else."""
        self._carry_out(self.machine.on_settled(generation, gave_up, self._clock.now_ms()))

    def refused(self, generation: int, error: BusError) -> None:
        """The coordinator did not take a commit."""
        self._carry_out(self.machine.on_refused(generation, error, self._clock.now_ms()))

    def step_out(self) -> None:
        """The user has not polled for too long."""
        self._carry_out(self.machine.step_out())

    def leave(self, outcome: "Outcome[bool] | None" = None) -> None:
        """End the membership; nothing more is laid on the desk. `outcome` is when we are heard."""
        effects = self.machine.leave()
        if effects and outcome is not None:
            self._left = outcome
        elif outcome is not None:
            outcome.succeed(True)
        self._carry_out(effects)
        self._desk.clear()

    def close(self) -> None:
        """Leave, and let go of the timer."""
        if not self._closed:
            self.leave()
            self._closed = True
            for timer in (self._timer, self._count_timer):
                if timer is not None:
                    timer.cancel()

    def _on_left(self, _answer: object) -> None:
        if self._left is not None:
            self._left.succeed(True)

    def on_change(self) -> None:
        """The cluster's picture is new."""
        if self._closed:
            return
        self._try_count()
        now = {topic: self._partitions(topic) for topic in self._counted}
        if self.machine.leads and self._count is None and now != self._counted:
            self._counted = now
            self._carry_out(self.machine.rejoin(self._clock.now_ms()))

    def call(self, request: Message, timeout_ms: int, done: Done) -> None:
        """Send a request to the coordinator."""
        if self.coordinator is None:
            self._loop.call_soon(done, CoordinatorNotAvailable())
            return
        self._cluster.call_at(self.coordinator, request, timeout_ms, done)

    def _turn(self) -> None:
        self._timer = None
        self._carry_out(self.machine.tick(self._clock.now_ms()))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        if self._closed:
            return
        for effect in effects:
            match effect:
                case Find(attempt):
                    self.coordinator = None
                    request = messages.find_request(self.options.group)
                    done = partial(self._on_found, attempt)
                    self._cluster.call_any(request, self.options.request_timeout_ms, done)
                case Join():
                    self._join(effect)
                case Count():
                    self._begin_count(effect)
                case Sync():
                    self._sync(effect)
                case Beat():
                    self._beat(effect)
                case Leave(member_id):
                    leave = messages.leave_request(self.options, member_id, "it closes")
                    self.call(leave, self.options.request_timeout_ms, self._on_left)
                case _:
                    self._tell(effect)
        self._set_timer()

    def _tell(self, effect: Effect) -> None:
        """Lay it on the desk."""
        match effect:
            case Release():
                self._desk.ask_release()
            case Settle(generation, share):
                self._settle(generation, share)
            case Lose():
                self._last_share = frozenset()
                self._desk.lose()
            case Fail(error):
                self._desk.fail(error)
        self._wake_user()

    def _on_known(self, answer: Message | BusError) -> None:
        if isinstance(answer, FindCoordinatorResponse):
            found = messages.coordinator_of(answer)
            if isinstance(found, str):
                self.coordinator = found
        if not self._closed:
            self.on_coordinator()

    def _on_found(self, attempt: int, answer: Message | BusError) -> None:
        error = answer if isinstance(answer, BusError) else None
        if isinstance(answer, FindCoordinatorResponse):
            found = messages.coordinator_of(answer)
            if isinstance(found, BusError):
                error = found
            else:
                self.coordinator = found
        self._carry_out(self.machine.on_found(attempt, error, self._clock.now_ms()))
        if error is None and not self._closed:
            self.on_coordinator()

    def _join(self, join: Join) -> None:
        owned = self._desk.claims()
        if self.options.eager:
            owned = self._last_share
        request = messages.join_request(self.options, join, self._topics, owned, None)
        timeout_ms = self.options.rebalance_timeout_ms + MARGIN_MS
        self.call(request, timeout_ms, partial(self._on_joined, join.attempt))

    def _on_joined(self, attempt: int, answer: Message | BusError) -> None:
        now_ms = self._clock.now_ms()
        if isinstance(answer, JoinGroupResponse):
            if answer.error_code == MemberIdRequired.code:
                self._carry_out(self.machine.on_id_required(attempt, answer.member_id))
                return
            if not answer.error_code:
                joined = messages.joined(answer)
                self._carry_out(self.machine.on_joined(attempt, joined, now_ms))
                return
        self._carry_out(self.machine.on_joined(attempt, _error(answer), now_ms))

    def _begin_count(self, count: Count) -> None:
        self._count = count
        self._count_until_ms = self._clock.now_ms() + COUNT_MS_MAX
        for topic in self._counted.keys() - set(self._topics):
            self._cluster.routing.forget(topic)
        members = messages.members_of(count.protocol, count.members)
        self._counted = dict.fromkeys(frozenset().union(*(m.topics for m in members)), 0)
        for topic in self._counted:
            self._cluster.want(topic)
        self._try_count()
        if self._count is count:
            self._count_timer = self._loop.call_later(COUNT_MS_MAX / 1000, self._try_count)

    def _try_count(self) -> None:
        """Share out, if all topics are known or have had their time."""
        count = self._count
        if count is None or self._closed:
            return
        missing = [t for t in self._counted if self._cluster.routing.topics.get(t) is None]
        waits = any(self._cluster.refusal(topic) is None for topic in missing)
        if waits and self._clock.now_ms() < self._count_until_ms:
            return
        self._count = None
        self._counted = {topic: self._partitions(topic) for topic in self._counted}
        members = messages.members_of(count.protocol, count.members)
        try:
            shares = messages.shares_of(count.protocol, members, self._counted)
        except InconsistentGroupProtocol as error:
            self._desk.fail(error)
            self._wake_user()
            return
        self._carry_out(self.machine.on_counted(count.attempt, shares))

    def _partitions(self, topic: str) -> int:
        view = self._cluster.routing.topics.get(topic)
        return 0 if view is None else view.count

    def _sync(self, sync: Sync) -> None:
        request = messages.sync_request(self.options, sync)
        timeout_ms = self.options.rebalance_timeout_ms + MARGIN_MS
        self.call(request, timeout_ms, partial(self._on_synced, sync.attempt))

    def _on_synced(self, attempt: int, answer: Message | BusError) -> None:
        share: bytes | BusError
        if isinstance(answer, SyncGroupResponse) and not answer.error_code:
            share = bytes(answer.assignment)
        else:
            share = _error(answer)
        self._carry_out(self.machine.on_synced(attempt, share, self._clock.now_ms()))

    def _settle(self, generation: int, share: bytes) -> None:
        try:
            partitions = messages.share_of(share)
        except FrameError as error:
            self._desk.fail(
                InconsistentGroupProtocol(f"The leader's assignment cannot be read: {error}")
            )
            return
        self._last_share = partitions
        lets_go = self._desk.offer(generation, partitions)
        self.machine.on_offered(lets_go, self._clock.now_ms())

    def _beat(self, beat: Beat) -> None:
        options = self.options
        request = HeartbeatRequest(
            options.group, beat.generation, beat.member_id, options.instance_id
        )
        timeout_ms = max(options.session_timeout_ms // 3, 1)
        self.call(request, timeout_ms, partial(self._on_beaten, beat.attempt))

    def _on_beaten(self, attempt: int, answer: Message | BusError) -> None:
        beaten = isinstance(answer, HeartbeatResponse) and not answer.error_code
        error = None if beaten else _error(answer)
        self._carry_out(self.machine.on_beaten(attempt, error, self._clock.now_ms()))

    def _set_timer(self) -> None:
        due_ms = self.machine.next_due_ms()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ms is not None:
            delay = max(due_ms - self._clock.now_ms(), 1) / 1000
            self._timer = self._loop.call_later(delay, self._turn)


def _error(answer: Message | BusError) -> BusError:
    """Of an answer that is no success."""
    if isinstance(answer, BusError):
        return answer
    code = getattr(answer, "error_code", 0)
    return error_of(code) if code else CoordinatorNotAvailable("The answer cannot be understood.")
