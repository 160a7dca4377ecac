"""Partitions of the network (F6), each undone by itself after a while.

What is cut                What goes on
-----------                ------------
a leader alone             the others elect another; clients may still reach the old one
a leader's words           it hears, and is not heard
a leader's hearing         it is heard, and hears nothing
a broker from etcd         it goes on, but that it asks for no change of who is in sync (R5)
etcd from all              all go on; nobody joins or leaves a set in sync
a leader from clients      it leads; nobody can write
a leader from everybody    as a machine that lost its cable
a follower from a leader   the leader takes it out of sync, the other follower sees both
"""

import random
import time
from collections.abc import Callable, Iterable
from functools import partial

from bus.client.admin import Admin
from tests.chaos.faults import a_leader
from tests.chaos.network import Cut
from tests.chaos.site import Site

CUT_SECONDS = 0.3, 8.0

Cutting = Callable[[Site, Admin, random.Random], Iterable[Cut]]


def both(one: str, others: Iterable[str]) -> list[Cut]:
    return [cut for other in others for cut in ((one, other), (other, one))]


def others(site: Site, place: str) -> list[str]:
    """All brokers and members of etcd but one."""
    return [each for each in site.network.addresses if each != place]


def etcds(site: Site) -> list[str]:
    return [each for each in site.network.addresses if each[0] == "e"]


def leader(site: Site, admin: Admin, chance: random.Random) -> str:
    return f"b{a_leader(site, admin, chance)}"


def alone(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    place = leader(site, admin, chance)
    return both(place, others(site, place))


def not_heard(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    place = leader(site, admin, chance)
    return [(place, other) for other in others(site, place)]


def deaf(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    return [(b, a) for a, b in not_heard(site, admin, chance)]


def from_etcd(site: Site, _: Admin, chance: random.Random) -> list[Cut]:
    return both(f"b{chance.choice(list(site.brokers))}", etcds(site))


def etcd_from_all(site: Site, _: Admin, __: random.Random) -> list[Cut]:
    return [cut for number in site.brokers for cut in both(f"b{number}", etcds(site))]


def from_clients(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    return both(leader(site, admin, chance), ["here"])


def from_everybody(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    place = leader(site, admin, chance)
    return both(place, [*others(site, place), "here"])


def follower_from_leader(site: Site, admin: Admin, chance: random.Random) -> list[Cut]:
    place = leader(site, admin, chance)
    followers = [f"b{number}" for number in site.brokers if f"b{number}" != place]
    return both(place, [chance.choice(followers)])


def cut(which: Cutting, site: Site, admin: Admin, chance: random.Random) -> int:
    site.network.cut(which(site, admin, chance))
    time.sleep(chance.uniform(*CUT_SECONDS))
    site.network.heal()
    return 1


PARTITIONS = {
    name: partial(cut, which)
    for name, which in {
        "a leader alone": alone,
        "a leader is not heard": not_heard,
        "a leader is deaf": deaf,
        "a broker without etcd": from_etcd,
        "all without etcd": etcd_from_all,
        "a leader without clients": from_clients,
        "a leader without anybody": from_everybody,
        "a follower without its leader": follower_from_leader,
    }.items()
}
