"""What exactly do the client's machines say, step by step?

tests/golden/client/MACHINE_STORY.txt: a command with `key=value` arguments, `----`, then what the
machine answered and one line of state. After a wanted change run
`python -m tests.golden.test_client` and review the difference.
"""

from dataclasses import fields
from pathlib import Path

import pytest

from bus import errors
from bus.client.accumulator import Accumulator
from bus.client.fetcher import Fetched, Fetcher, FetchRules
from bus.client.lane import Delivered, LaneRules, Parcel, Written
from bus.client.member_steps import Beat, Joined
from bus.client.membership import MemberRules, Membership
from bus.client.routing import Leader
from bus.model.ids import TopicPartition

FOLDER = Path(__file__).parent / "client"
STORIES = sorted(FOLDER.glob("*.txt"))


def partition_of(text):
    topic, _, index = text.rpartition("/")
    return TopicPartition(topic, int(index))


def error_of(name):
    return getattr(errors, name)() if name else None


class AccumulatorPlayer:
    """Commands of an accumulator's story; parcels are named."""

    def __init__(self):
        self.accumulator = Accumulator(LaneRules())
        self.parcels, self.names, self.leaders = {}, {}, {}

    def on_identity(self, id, epoch="0"):
        self.accumulator.on_identity(int(id), int(epoch))
        return []

    def on_leader(self, of, node):
        self.leaders[partition_of(of)] = None if node == "none" else int(node)
        return []

    def on_add(self, name, to, count="1", deadline="100000"):
        parcel = Parcel(int(count), 100, int(deadline))
        self.parcels[name], self.names[id(parcel)] = (partition_of(to), parcel), name
        self.accumulator.add(partition_of(to), parcel)
        return []

    def on_take(self, now):
        shipment = self.accumulator.take(int(now), self.leaders.get)
        sent = [
            f"to {node}: {self.names[id(p)]} sequence={p.sequence} epoch={p.epoch}"
            for node, entries in shipment.by_node.items()
            for _, p in entries
        ]
        return sent + [f"no leader: {p.topic}/{p.partition}" for p in shipment.leaderless]

    def on_written(self, name, offset):
        return self.told(self.accumulator.on_written(*self.parcels[name], Written(int(offset))))

    def on_refused(self, name, error, now):
        partition, parcel = self.parcels[name]
        return self.told(self.accumulator.on_refused(partition, parcel, error_of(error), int(now)))

    def on_moved(self, of, node, epoch, now):
        leader = (int(node), int(epoch))
        self.accumulator.on_leader(partition_of(of), leader, int(now))
        return self.on_leader(of, node)

    def on_sent(self, name, node, epoch):
        self.parcels[name][1].sent_to = (int(node), int(epoch))
        return []

    def on_cut(self, name, into):
        partition, parcel = self.parcels[name]
        parts = []
        for part in into.split(","):
            part_name, _, count = part.partition(":")
            made = Parcel(int(count), 50, parcel.deadline_ms)
            self.parcels[part_name], self.names[id(made)] = (partition, made), part_name
            parts.append(made)
        return self.told(self.accumulator.on_cut(partition, parcel, parts))

    def on_expire(self, now):
        return self.told(self.accumulator.expire(int(now)))

    def told(self, effects):
        return [
            f"delivered {self.names[id(e.parcel)]} at {e.written.base_offset}"
            if isinstance(e, Delivered)
            else f"failed {self.names[id(e.parcel)]}: {type(e.error).__name__}"
            for e in effects
        ]

    def state(self, now="0"):
        lanes = [
            f"{p.topic}/{p.partition} "
            f"waiting=[{' '.join(self.names[id(x)] for x in lane.waiting)}] "
            f"out=[{' '.join(self.names[id(x)] for x in lane.in_flight)}] "
            f"next={lane.next_sequence} epoch={lane.epoch}{' settling' if lane.settling else ''}"
            for p, lane in self.accumulator.lanes.items()
        ]
        return " | ".join(lanes) + f" | due={self.accumulator.next_due_ms(int(now))}"


class FetcherPlayer:
    """Commands of a fetcher's story; plans are numbered as they are made."""

    def __init__(self):
        self.fetcher = Fetcher(FetchRules(1000, 500, 300))
        self.leaders, self.plans = {}, []

    def leader_of(self, partition):
        return self.leaders.get(partition, Leader())

    def on_rules(self, out_of_range):
        self.fetcher.rules = FetchRules(1000, 500, 300, out_of_range)
        return []

    def on_leader(self, of, node, epoch="0"):
        self.leaders[partition_of(of)] = Leader(int(node), int(epoch))
        return []

    def on_moved(self, of, node, epoch, now):
        self.on_leader(of, node, epoch)
        self.fetcher.on_leaders(self.leader_of, int(now))
        return []

    def on_assign(self, of, generation="1", lookup="-2"):
        self.fetcher.assign(partition_of(of), int(generation))
        self.fetcher.seek(partition_of(of), int(generation), lookup=int(lookup))
        return []

    def on_seek(self, of, generation, offset):
        self.fetcher.seek(partition_of(of), int(generation), offset=int(offset))
        return []

    def on_unassign(self, of):
        self.fetcher.unassign(partition_of(of))
        return []

    def on_pause(self, of, paused="yes"):
        self.fetcher.pause([partition_of(of)], paused == "yes")
        return []

    def on_lookups(self, now):
        return self.planned(self.fetcher.lookups(int(now), self.leader_of))

    def on_fetches(self, now):
        return self.planned(self.fetcher.fetches(int(now), self.leader_of))

    def on_offset(self, plan, offset="-1", error="", now="0"):
        return self.told(
            self.fetcher.on_offset(self.plans[int(plan)], a, int(offset), error_of(error), int(now))
            for a in self.plans[int(plan)].asks
        )

    def on_fetched(self, plan, now="0", error="", more="no", **facts):
        plan = self.plans[int(plan)]
        asks = self.fetcher.asks(plan)
        if more == "no":
            self.fetcher.on_plan_done(plan)
        fetched = Fetched(error_of(error), **{key: int(value) for key, value in facts.items()})
        return self.told(
            self.fetcher.on_fetched(plan, a, fetched, int(now), more=more == "yes") for a in asks
        )

    def on_consumed(self, of, generation, size):
        self.fetcher.on_consumed(partition_of(of), int(generation), int(size))
        return []

    def planned(self, plans):
        told = []
        for plan in plans:
            asks = " ".join(
                f"{a.partition.topic}/{a.partition.partition}@{a.offset}"
                f"(epoch {a.leader_epoch}, last {a.last_epoch})"
                for a in plan.asks
            )
            told.append(f"plan {len(self.plans)} to {plan.node}: {asks} max={plan.bytes_max}")
            self.plans.append(plan)
        return told

    def told(self, answers):
        return [
            f"{type(e).__name__} {getattr(e, 'error', '')}".strip() for es in answers for e in es
        ]

    def state(self, now="0"):
        seats = [
            f"{p.topic}/{p.partition} offset={s.offset} lookup={s.lookup} buffered={s.buffered}"
            f"{' busy' if s.plan else ''}{' broken' if s.broken else ''}"
            f"{' paused' if s.paused else ''}"
            for p, s in self.fetcher.seats.items()
        ]
        due = self.fetcher.next_due_ms(int(now))
        return " | ".join(seats) + f" | buffered={self.fetcher.buffered} due={due}"


class MembershipPlayer:
    """Commands of a member's story; what is answered is to the newest attempt, unless it says."""

    def __init__(self):
        self.member, self.attempt, self.beat = Membership(MemberRules()), 0, 0

    def on_rules(self, **rules):
        options = {key: value == "yes" for key, value in rules.items()}
        self.member = Membership(MemberRules(**options))
        return []

    def on_subscribe(self, now="0"):
        return self.told(self.member.subscribe(int(now)))

    def on_rejoin(self, now="0"):
        return self.told(self.member.rejoin(int(now)))

    def on_tick(self, now):
        return self.told(self.member.tick(int(now)))

    def on_found(self, error="", to=None, now="0"):
        return self.told(self.member.on_found(self.at(to), error_of(error), int(now)))

    def on_joined(
        self, generation="1", id="m1", leader="m1", error="", to=None, now="0", skip="no"
    ):
        answer = error_of(error) or Joined(
            int(generation), id, "range", leader, skip_assignment=skip == "yes"
        )
        return self.told(self.member.on_joined(self.at(to), answer, int(now)))

    def on_id_required(self, id, to=None):
        return self.told(self.member.on_id_required(self.at(to), id))

    def on_counted(self, to=None):
        return self.told(self.member.on_counted(self.at(to), {"m1": b"all"}))

    def on_synced(self, error="", to=None, now="0"):
        answer = error_of(error) or b"share"
        return self.told(self.member.on_synced(self.at(to), answer, int(now)))

    def on_beaten(self, error="", to=None, now="0"):
        beat = self.beat if to is None else int(to)
        return self.told(self.member.on_beaten(beat, error_of(error), int(now)))

    def on_refused(self, generation, error, now="0"):
        return self.told(self.member.on_refused(int(generation), error_of(error), int(now)))

    def on_released(self):
        return self.told(self.member.on_released())

    def on_offered(self, lets_go, now="0"):
        self.member.on_offered(lets_go == "yes", int(now))
        return []

    def on_settled(self, generation, gave_up="no", now="0"):
        return self.told(self.member.on_settled(int(generation), gave_up == "yes", int(now)))

    def on_leave(self):
        return self.told(self.member.leave())

    def on_step_out(self):
        return self.told(self.member.step_out())

    def at(self, to):
        return self.attempt if to is None else int(to)

    def told(self, effects):
        lines = []
        for effect in effects:
            facts = {f.name: getattr(effect, f.name) for f in fields(effect)}
            if isinstance(effect, Beat):
                self.beat = effect.attempt
            else:
                self.attempt = facts.get("attempt", self.attempt)
            shown = {
                key: type(value).__name__ if isinstance(value, Exception) else value
                for key, value in facts.items()
                if value not in ((), {})
            }
            said = " ".join(f"{key}={value}" for key, value in shown.items())
            lines.append(f"{type(effect).__name__} {said}".strip())
        return lines

    def state(self, now="0"):
        member = self.member
        return (
            f"{member.state.value} id={member.member_id} generation={member.generation}"
            f"{' leads' if member.leads else ''}{' holds' if member.holds else ''}"
            f" due={member.next_due_ms()}"
        )


PLAYERS = {
    "accumulator": AccumulatorPlayer,
    "fetcher": FetcherPlayer,
    "membership": MembershipPlayer,
}


def played(path):
    player = PLAYERS[path.stem.split("_")[0]]()
    out = []
    for block in path.read_text().split("\n\n"):
        lines = block.strip().splitlines()
        comments = [line for line in lines if line.startswith("#")]
        commands = [line for line in lines if not line.startswith("#")]
        if not commands:
            out.append("\n".join(comments))
            continue
        name, *pairs = commands[0].split()
        arguments = dict(pair.split("=", 1) for pair in pairs)
        answers = getattr(player, f"on_{name}")(**arguments)
        state = player.state(arguments.get("now", "0"))
        out.append("\n".join([*comments, commands[0], "----", *answers, state]))
    return "\n\n".join(out) + "\n"


@pytest.mark.parametrize("path", STORIES, ids=lambda p: p.stem)
def test_a_machine_tells_its_story_as_ever(path):
    assert played(path) == path.read_text()


if __name__ == "__main__":
    for story in STORIES:
        story.write_text(played(story))
