"""One member of one group: when to find, join, sync, beat and leave.

state     leaves it                 on
-----     ---------                 --
out       subscribe                 -> finding
any       leave, step_out           -> out
finding   the coordinator is known  -> where it was in doubt: releasing or stable, else joining
releasing the user let go of all    -> joining
joining   joined                    -> counting if it leads, else syncing
counting  the shares are made       -> syncing
syncing   synced                    -> stable: Settle tells the user
stable    the group rebalances      -> joining, or if it is eager and holds something, releasing

answer                                        in                what is done
------                                        --                ------------
no answer, or not (yet) the coordinator       any               finding, after a pause
loading, rebalancing                          joining           joining again, after a pause
rebalancing                                   syncing, stable   joining
a member id is required                       joining           joining again with it
unknown member, illegal generation            any               Lose; joining as a new member
fenced, refused for good                      any               Lose, Fail; out

An eager member gives up everything before it joins (Release, answered by `on_released`). One that
rebalances in steps joins with what it holds, whatever its user is busy with; what it is to give up
it lets go of after Settle, and then joins again (`on_settled`). If the group rebalances before
that, it gives its user a moment: a generation that begins with what is to move still in old hands
moves nothing, and has another one follow.

Heartbeats follow each other closely after a rebalance, for rebalances come together, and then at
the interval. They say that the process lives; whether its user polls is looked at only where a
limit is set. A lost connection loses no membership: only the coordinator's word does.

Every effect that wants an answer bears an attempt; what is answered to an older one is ignored.

Invariant: at most one of find, join, count and sync is under way, and at most one heartbeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from bus.client.member_steps import (
    Beat,
    Count,
    Effect,
    Fail,
    Find,
    Join,
    Joined,
    Leave,
    Lose,
    Release,
    Settle,
    Sync,
)
from bus.errors import (
    BrokerStopped,
    BusError,
    CoordinatorLoading,
    CoordinatorNotAvailable,
    IllegalGeneration,
    MemberIdRequired,
    NetworkError,
    NotCoordinator,
    RebalanceInProgress,
    RequestTimedOut,
    UnknownMemberId,
)
from bus.model.backoff import doubled

NOBODY, NO_GENERATION = "", -1
PAUSE_MS = 50  # before a request is made again, doubling
PAUSE_MS_MAX = 1000
LET_GO_MS = 500  # that the next generation is kept waiting for a user to let go
FIRST_BEAT_MS = 100  # after a sync; the next ones come after twice as long each

ELSEWHERE = (
    CoordinatorNotAvailable,
    NotCoordinator,
    NetworkError,
    RequestTimedOut,
    BrokerStopped,
)


class State(Enum):
    """See the table."""

    OUT = "out"
    FINDING = "finding"
    RELEASING = "releasing"
    JOINING = "joining"
    COUNTING = "counting"
    SYNCING = "syncing"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The options of a member that the machine obeys."""

    eager: bool = False
    stays: bool = False  # a static member does not leave: it comes back under its instance id
    heartbeat_ms: int = 3000
    spread: float = 1.0  # of pauses: no two members' are the same


@dataclass(slots=True)
class Membership:
    """The machine. `now_ms` never goes back."""

    rules: MemberRules
    state: State = State.OUT
    member_id: str = NOBODY
    generation: int = NO_GENERATION
    protocol: str = ""
    leads: bool = False
    holds: bool = False  # the user may hold partitions
    _settled: int = NO_GENERATION  # the last in which we learned our share
    _attempt: int = 0
    _again: bool = False  # join once more after this rebalance
    _lets_go_by_ms: int = -1  # until then the user may hold what it is to give up
    _is_called: bool = False  # the group rebalances meanwhile
    _resume: State = State.JOINING  # where to go from finding
    _failures: int = 0  # in a row
    _retry_at_ms: int | None = None
    _beat_at_ms: int = 0
    _beat_gap_ms: int = 0
    _beat_out: bool = False
    _beats: int = field(default=0)

    @property
    def is_member(self) -> bool:
        """Whether commits may bear our generation."""
        return self.generation != NO_GENERATION

    @property
    def is_between(self) -> bool:
        """Whether it takes part but has no generation (yet, or any more)."""
        return self.state is not State.OUT and not self.is_member

    def subscribe(self, now_ms: int) -> list[Effect]:
        """Take part, or take part anew: what we want to read is another."""
        if self.state is State.OUT:
            return self._find(State.JOINING)
        return self.rejoin(now_ms)

    def rejoin(self, now_ms: int) -> list[Effect]:
        """Have the group rebalance; during a rebalance, once it is over."""
        if self.state is State.STABLE:
            return self._begin(now_ms)
        if self.state in (State.JOINING, State.COUNTING, State.SYNCING):
            self._again = True
        return []

    def leave(self) -> list[Effect]:
        """End the membership; the user has let go of everything, or never will."""
        known = self.member_id != NOBODY and not self.rules.stays
        effects: list[Effect] = [Leave(self.member_id)] if known else []
        self._end()
        return effects

    def step_out(self) -> list[Effect]:
        """The user has not polled for too long: others are to have what it holds."""
        held = self.holds
        effects = self.leave()
        return [*effects, Lose()] if held else effects

    def tick(self, now_ms: int) -> list[Effect]:
        """What is due by now."""
        if self._retry_at_ms is not None and now_ms >= self._retry_at_ms:
            self._retry_at_ms = None
            return [self._find_now() if self.state is State.FINDING else self._join_now()]
        if self._beats_now() and now_ms >= self._beat_at_ms:
            self._beat_out = True
            self._beats += 1
            return [Beat(self._beats, self.generation, self.member_id)]
        return []

    def next_due_ms(self) -> int | None:
        """When to call `tick` again, if nothing happens before."""
        if self._retry_at_ms is not None:
            return self._retry_at_ms
        return self._beat_at_ms if self._beats_now() else None

    def on_found(self, attempt: int, error: BusError | None, now_ms: int) -> list[Effect]:
        """Who coordinates is known, or not."""
        if not self._expects(State.FINDING, attempt):
            return []
        if error is not None:
            return self._on_error(error, now_ms)
        if self._resume is State.JOINING or (self._resume is State.RELEASING and not self.holds):
            return self._begin(now_ms)
        self.state, self._beat_at_ms = self._resume, now_ms
        return []

    def on_joined(self, attempt: int, answer: Joined | BusError, now_ms: int) -> list[Effect]:
        """The next generation begins, or not yet."""
        if not self._expects(State.JOINING, attempt):
            return []
        if isinstance(answer, BusError):
            return self._on_error(answer, now_ms)
        self._failures = 0
        self.generation, self.member_id = answer.generation, answer.member_id
        self.protocol, self.leads = answer.protocol, answer.leader == answer.member_id
        self._attempt += 1
        if self.leads and not answer.skip_assignment:
            self.state = State.COUNTING
            self._schedule_beat(now_ms)
            return [Count(self._attempt, answer.protocol, answer.members)]
        return self._sync({})

    def on_id_required(self, attempt: int, member_id: str) -> list[Effect]:
        """The coordinator gave us an id to join with (KIP-394)."""
        if not self._expects(State.JOINING, attempt):
            return []
        self.member_id = member_id
        return [self._join_now()]

    def on_counted(self, attempt: int, shares: Mapping[str, bytes]) -> list[Effect]:
        """The partitions are shared out."""
        if not self._expects(State.COUNTING, attempt):
            return []
        self._attempt += 1
        return self._sync(shares)

    def on_synced(self, attempt: int, answer: bytes | BusError, now_ms: int) -> list[Effect]:
        """Our share is known."""
        if not self._expects(State.SYNCING, attempt):
            return []
        if isinstance(answer, BusError):
            return self._on_error(answer, now_ms)
        self.state, self._failures, self.holds = State.STABLE, 0, True
        self._settled = self.generation
        self._schedule_beat(now_ms)
        effects: list[Effect] = [Settle(self.generation, answer)]
        if self._again:
            self._again = False
            effects += self._begin(now_ms)
        return effects

    def on_beaten(self, attempt: int, error: BusError | None, now_ms: int) -> list[Effect]:
        """A heartbeat was answered, or was not."""
        if attempt != self._beats:
            return []
        self._beat_out = False
        self._beat_gap_ms = min(self._beat_gap_ms * 2, self.rules.heartbeat_ms)
        self._beat_at_ms = now_ms + int(self._beat_gap_ms * self.rules.spread)
        if error is None:
            self._failures = 0
        if error is None or self.state not in (State.STABLE, State.RELEASING, State.COUNTING):
            return []
        return self._on_word(error, now_ms)

    def on_refused(self, generation: int, error: BusError, now_ms: int) -> list[Effect]:
        """A commit of this generation was refused: the same as if a heartbeat had been."""
        if generation != self.generation or self.state not in (State.STABLE, State.RELEASING):
            return []
        return self._on_word(error, now_ms)

    def on_released(self) -> list[Effect]:
        """The user holds nothing any more."""
        self.holds = False
        return self._join() if self.state is State.RELEASING else []

    def on_offered(self, lets_go: bool, now_ms: int) -> None:
        """The share of this generation was laid before the user: is it to let go of something?"""
        self._lets_go_by_ms = now_ms + LET_GO_MS if lets_go else -1

    def on_settled(self, generation: int, gave_up: bool, now_ms: int) -> list[Effect]:
        """The user holds its share, and let go of what was not in it."""
        if generation != self.generation or self.rules.eager:
            return []
        self._lets_go_by_ms = -1
        return self.rejoin(now_ms) if gave_up or self._is_called else []

    def _expects(self, state: State, attempt: int) -> bool:
        return self.state is state and attempt == self._attempt

    def _beats_now(self) -> bool:
        in_session = self.state in (State.STABLE, State.RELEASING, State.COUNTING)
        return in_session and self.is_member and not self._beat_out

    def _schedule_beat(self, now_ms: int) -> None:
        self._beats += 1  # an answer that is still out says nothing of this generation
        self._beat_out = False
        self._beat_gap_ms = min(FIRST_BEAT_MS, self.rules.heartbeat_ms)
        self._beat_at_ms = now_ms + int(self._beat_gap_ms * self.rules.spread)

    def _find(self, resume: State) -> list[Effect]:
        self.state, self._resume = State.FINDING, resume
        return [self._find_now()]

    def _find_now(self) -> Effect:
        self._attempt += 1
        return Find(self._attempt)

    def _begin(self, now_ms: int) -> list[Effect]:
        """A rebalance begins for us."""
        if self.rules.eager and self.holds:
            self.state = State.RELEASING
            self._schedule_beat(now_ms)
            return [Release()]
        return self._join()

    def _join(self) -> list[Effect]:
        self.state, self._again, self._is_called = State.JOINING, False, False
        return [self._join_now()]

    def _join_now(self) -> Effect:
        self._attempt += 1
        return Join(self._attempt, self.member_id, self._settled)

    def _sync(self, shares: Mapping[str, bytes]) -> list[Effect]:
        self.state = State.SYNCING
        return [Sync(self._attempt, self.generation, self.member_id, self.protocol, shares)]

    def _on_word(self, error: BusError, now_ms: int) -> list[Effect]:
        """What the coordinator says while we work."""
        if isinstance(error, RebalanceInProgress):
            self._is_called = now_ms < self._lets_go_by_ms
            return self._begin(now_ms) if self.state is State.STABLE and not self._is_called else []
        if isinstance(error, CoordinatorLoading):
            return []
        return self._on_error(error, now_ms)

    def _on_error(self, error: BusError, now_ms: int) -> list[Effect]:
        if isinstance(error, ELSEWHERE):
            working = self.state in (State.STABLE, State.RELEASING)
            if self.state is not State.FINDING:
                self._resume = self.state if working else State.JOINING
            self.state = State.FINDING
            self._pause(now_ms)
            return []
        if isinstance(error, UnknownMemberId | IllegalGeneration):
            return self._lose(error) + self._join()
        if isinstance(error, RebalanceInProgress) and self.state is State.SYNCING:
            return self._join()
        if isinstance(error, RebalanceInProgress | MemberIdRequired) or type(error).retriable:
            if self.state is not State.FINDING:
                self.state = State.JOINING
            self._pause(now_ms)
            return []
        effects = self._lose(error)
        self._end()
        return [*effects, Fail(error)]

    def _lose(self, error: BusError) -> list[Effect]:
        """What we hold is not ours any more."""
        self.generation = self._settled = NO_GENERATION
        self.leads = False
        if not isinstance(error, IllegalGeneration):
            self.member_id = NOBODY
        held, self.holds = self.holds, False
        return [Lose()] if held else []

    def _pause(self, now_ms: int) -> None:
        self._attempt += 1
        pause_ms = doubled(PAUSE_MS, self._failures, PAUSE_MS_MAX)
        self._failures += 1
        self._retry_at_ms = now_ms + int(pause_ms * self.rules.spread)

    def _end(self) -> None:
        self.state, self.member_id = State.OUT, NOBODY
        self.generation = self._settled = NO_GENERATION
        self.leads = self.holds = self._again = self._beat_out = False
        self._failures, self._retry_at_ms = 0, None
        self._attempt += 1
