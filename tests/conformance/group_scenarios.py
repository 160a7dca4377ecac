"""Scenarios of consumer groups: who owns what, who takes over, where reading goes on."""

from collections.abc import Sequence

from tests.conformance.agent_process import AgentProcess
from tests.conformance.world import World, expect, expect_refused, record, wait_for

PARTITIONS = 6
NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND = 68, 69
SESSION_MS = 6000  # the least that brokers allow


def group_of_three(world: World) -> None:
    """Three members share six partitions, and every record reaches one of them once."""
    topic, group = world.topic(partitions=PARTITIONS), world.name("group")
    members = [world.member(group=group, topics=[topic]) for _ in range(3)]
    _wait_until_shared(topic, members, PARTITIONS // 3)
    sent = [record(str(n), partition=n % PARTITIONS) for n in range(300)]
    world.client.produce(topic=topic, records=sent)
    wait_for("all records are seen", lambda: sum(map(len, map(_seen, members))) >= 300)
    values = sorted(int(row[3]) for member in members for row in _seen(member))
    expect(values, list(range(300)), "each record once")


def leave(world: World) -> None:
    """What a member had is taken over at once when it goes."""
    topic, group = world.topic(partitions=PARTITIONS), world.name("group")
    members = [world.member(group=group, topics=[topic]) for _ in range(3)]
    _wait_until_shared(topic, members, PARTITIONS // 3)
    members.pop().leave()
    _wait_until_shared(topic, members, PARTITIONS // 2)


def crash(world: World) -> None:
    """What a member had is taken over when its session has ended."""
    topic, group = world.topic(partitions=PARTITIONS), world.name("group")
    wanted = {"group": group, "topics": [topic], "session_ms": SESSION_MS}
    members = [world.member(**wanted) for _ in range(3)]
    _wait_until_shared(topic, members, PARTITIONS // 3)
    members.pop().kill()
    _wait_until_shared(topic, members, PARTITIONS // 2)


def static_member(world: World) -> None:
    """A member that comes back under its instance's name gets what it had; nobody else is asked."""
    topic, group = world.topic(partitions=PARTITIONS), world.name("group")
    wanted = {"group": group, "topics": [topic], "session_ms": 30_000}
    members = [world.member(**wanted, instance=f"instance-{n}") for n in range(3)]
    _wait_until_shared(topic, members, PARTITIONS // 3)
    had = members[2].state()["assigned"]
    moved = [len(member.state()["taken"]) for member in members[:2]]
    members[2].kill()
    again = world.member(**wanted, instance="instance-2")
    wait_for("it has what it had", lambda: again.state()["assigned"] == had)
    expect([len(m.state()["taken"]) for m in members[:2]], moved, "what the others had to give up")


def round_robin(world: World) -> None:
    topics = [world.topic(partitions=3) for _ in range(2)]
    group = world.name("group")
    wanted = {"group": group, "topics": topics, "strategy": "roundrobin"}
    members = [world.member(**wanted) for _ in range(2)]
    wait_for(
        "three partitions each, of two topics",
        lambda: (
            _owned(members) == sorted([t, p] for t in topics for p in range(3))
            and all(len(member.state()["assigned"]) == 3 for member in members)
        ),
    )


def cooperative(world: World) -> None:
    """Somebody new takes a part, and those who were there keep the rest all the while."""
    topic, group = world.topic(partitions=PARTITIONS), world.name("group")
    wanted = {"group": group, "topics": [topic], "strategy": "cooperative-sticky"}
    first = world.member(**wanted)
    _wait_until_shared(topic, [first], PARTITIONS)
    members = [first, world.member(**wanted)]
    _wait_until_shared(topic, members, PARTITIONS // 2)
    expect(len(first.state()["taken"]), PARTITIONS // 2, "partitions that the first gave up")


def commit_and_resume(world: World) -> None:
    topic, group = world.topic(), world.name("group")
    world.client.produce(topic=topic, records=[record(str(n)) for n in range(50)])
    first = world.member(group=group, topics=[topic])
    wait_for("fifty records", lambda: len(_seen(first)) >= 50)
    first.commit()
    first.leave()
    world.client.produce(topic=topic, records=[record(str(n)) for n in range(50, 80)])
    second = world.member(group=group, topics=[topic])
    wait_for("the rest", lambda: len(_seen(second)) >= 30)
    expect([row[2] for row in _seen(second)], list(range(50, 80)), "offsets after the commit")


def group_admin(world: World) -> None:
    """Groups are listed, described, moved, deleted; one with members is not."""
    topic, group, client = world.topic(partitions=2), world.name("group"), world.client
    client.groups()  # a client that cannot says so before anything else
    client.produce(topic=topic, records=[record(str(n), partition=n % 2) for n in range(20)])
    member = world.member(group=group, topics=[topic])
    wait_for("all records are seen", lambda: len(_seen(member)) >= 20)
    member.commit()
    expect(group in client.groups(), True, "it is listed")
    told = client.group(group=group)
    expect([told["state"].lower(), told["members"]], ["stable", 1], "described")
    expect(told["assigned"], [[topic, 0], [topic, 1]], "assigned")
    expect(client.group_offsets(group=group), [[topic, 0, 10], [topic, 1, 10]], "committed")
    expect_refused(NON_EMPTY_GROUP, client.delete_group, group=group)
    member.leave()
    client.alter_group_offset(group=group, topic=topic, partition=1, offset=3)
    expect(client.group_offsets(group=group)[1], [topic, 1, 3], "moved")
    client.delete_group(group=group)
    expect(group in client.groups(), False, "it is listed after its deletion")
    expect_refused(GROUP_ID_NOT_FOUND, client.delete_group, group=group)


def _wait_until_shared(topic: str, members: Sequence[AgentProcess], each: int) -> None:
    everything = [[topic, partition] for partition in range(each * len(members))]
    wait_for(
        f"{len(members)} members with {each} partitions each",
        lambda: (
            _owned(members) == everything
            and all(len(member.state()["assigned"]) == each for member in members)
        ),
    )


def _owned(members: Sequence[AgentProcess]) -> list[list]:
    return sorted(place for member in members for place in member.state()["assigned"])


def _seen(member: AgentProcess) -> list[list]:
    return member.state()["seen"]
