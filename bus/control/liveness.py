"""Which brokers count as dead: what their links and their beats say, and what another one sees.

Fact                                  Condition                         The broker is
----                                  ---------                         -------------
its link is lost                      nobody has said what they see     silent after OPINION_MS
its link is lost                      another one has none either       silent
its link is lost                      another one hears it              silent after ISOLATED_MS
its link stands, no beat comes        for STUCK_MS                      silent: its loop is stuck
its beats tell of unfinished writes   as old as STUCK_MS                silent: its disk is stuck
its link stands, a beat has come      nothing is stuck                  heard

A link is lost when its peer's process ends, at once, or when libzmq's own thread has heard nothing
of libzmq's own thread there, whatever the two programs are busy with. More than half of all lost at
once is more likely our own network: then nobody is silent before FREEZE_MS have passed. While this
process stood still it could hear nobody: no time of that kind counts (`on_pause`).

It decides what is fenced, and so how long clients wait; never what is safe. That epochs decide.
"""

from dataclasses import dataclass, field

OPINION_MS = 100  # that others have to say what they see
ISOLATED_MS = 2000  # that a broker may be out of our reach and within another's
STUCK_MS = 2000
FREEZE_MS = 1000


@dataclass(frozen=True, slots=True)
class Silent:
    """It counts as dead from now on."""

    broker: int


@dataclass(frozen=True, slots=True)
class Heard:
    """It is there."""

    broker: int


@dataclass(frozen=True, slots=True)
class Inquire:
    """Ask all others whether they hear it."""

    broker: int


LivenessEffect = Silent | Heard | Inquire


@dataclass(slots=True)
class Seen:
    """What is known of one broker."""

    lost_ms: int | None = None  # its link is down since then
    beat_ms: int = 0
    stuck_ms: int = 0  # as its last beat has told: how long its oldest write is under way
    hears: dict[int, bool] = field(default_factory=dict)  # what others say, since it was lost
    is_silent: bool = False


@dataclass(slots=True)
class Liveness:
    """Sans-IO: the controller's broker feeds it while it controls."""

    _seen: dict[int, Seen] = field(default_factory=dict)

    def watch(self, broker: int, has_link: bool, now_ms: int) -> list[LivenessEffect]:
        """A broker is registered; it may have been lost before anybody watched."""
        if broker in self._seen:
            return []
        self._seen[broker] = Seen(beat_ms=now_ms)
        return [] if has_link else self.on_link(broker, False, now_ms)

    def forget(self, broker: int) -> None:
        """It is registered no more."""
        self._seen.pop(broker, None)

    @property
    def watched(self) -> frozenset[int]:
        """All that are registered."""
        return frozenset(self._seen)

    @property
    def silent(self) -> list[int]:
        """Those that count as dead."""
        return [broker for broker, seen in self._seen.items() if seen.is_silent]

    def is_heard_elsewhere(self, broker: int) -> bool:
        """Has another one said that it has a link to it, since ours was lost?"""
        seen = self._seen.get(broker)
        return seen is not None and any(seen.hears.values())

    def on_link(self, broker: int, is_up: bool, now_ms: int) -> list[LivenessEffect]:
        """The link to a broker is there, or is lost."""
        seen = self._seen.get(broker)
        if seen is None:
            return []
        if is_up:
            seen.lost_ms, seen.beat_ms, seen.stuck_ms = None, now_ms, 0
            return self._judge(broker, seen, now_ms)
        if seen.lost_ms is None:
            seen.lost_ms, seen.hears = now_ms, {}
        return [Inquire(broker), *self._judge(broker, seen, now_ms)]

    def on_beat(self, broker: int, stuck_ms: int, now_ms: int) -> list[LivenessEffect]:
        """A broker's loop goes round; its oldest unfinished write is so old."""
        seen = self._seen.get(broker)
        if seen is None:
            return []
        seen.beat_ms, seen.stuck_ms = now_ms, stuck_ms
        return self._judge(broker, seen, now_ms)

    def on_opinion(
        self, witness: int, broker: int, hears: bool, now_ms: int
    ) -> list[LivenessEffect]:
        """Another broker says whether it has a link to this one."""
        seen = self._seen.get(broker)
        if seen is None or seen.lost_ms is None or witness == broker:
            return []
        seen.hears[witness] = hears
        return self._judge(broker, seen, now_ms)

    def on_pause(self, paused_ms: int, now_ms: int) -> None:
        """This process stood still so long: what came meanwhile is yet to be read."""
        for seen in self._seen.values():
            seen.beat_ms = min(now_ms, seen.beat_ms + paused_ms)
            if seen.lost_ms is not None:
                seen.lost_ms = min(now_ms, seen.lost_ms + paused_ms)

    def on_tick(self, now_ms: int) -> list[LivenessEffect]:
        """Time has passed."""
        effects: list[LivenessEffect] = []
        for broker, seen in self._seen.items():
            effects += self._judge(broker, seen, now_ms)
        return effects

    def next_tick_ms(self) -> int | None:
        """When `on_tick` has something to do."""
        times: list[int] = []
        for seen in self._seen.values():
            if seen.is_silent:
                continue
            if seen.lost_ms is None:
                times.append(seen.beat_ms + STUCK_MS)
            else:
                times += [seen.lost_ms + OPINION_MS, seen.lost_ms + ISOLATED_MS]
        return min(times, default=None)

    def _judge(self, broker: int, seen: Seen, now_ms: int) -> list[LivenessEffect]:
        is_silent = self._is_silent(seen, now_ms)
        if is_silent == seen.is_silent:
            return []
        seen.is_silent = is_silent
        return [Silent(broker) if is_silent else Heard(broker)]

    def _is_silent(self, seen: Seen, now_ms: int) -> bool:
        if seen.lost_ms is None:
            return now_ms - seen.beat_ms >= STUCK_MS or seen.stuck_ms >= STUCK_MS
        lost_for = now_ms - seen.lost_ms
        if seen.is_silent or lost_for >= ISOLATED_MS:
            return True
        if any(seen.hears.values()) or not (seen.hears or lost_for >= OPINION_MS):
            return False
        return not self._is_frozen(now_ms)

    def _is_frozen(self, now_ms: int) -> bool:
        """More than half were lost a moment ago, all at once."""
        lost = [seen.lost_ms for seen in self._seen.values() if seen.lost_ms is not None]
        recent = [lost_ms for lost_ms in lost if now_ms - lost_ms < FREEZE_MS]
        return 2 * len(recent) > len(self._seen) + 1 and len(recent) > 1
