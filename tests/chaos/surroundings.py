"""What happens around brokers: clocks that jump (F10), etcd that fails (F11), slowness (F12).

Fault                    What it does
-----                    ------------
clocks jump              those of some brokers, by up to years, and back at the next jump
etcd's leader is killed  and started again after a while
etcd has no quorum       two of three are killed; reading and writing go on without (R5)
etcd starts anew         all of it is killed and started
a follower is slow       it stands still most of the time
"""

import random
import signal
import time

from bus.client.admin import Admin
from tests.chaos.faults import a_leader
from tests.chaos.site import Site

JUMPS = (0, 5, -5, 3600, -3600, 40 * 86_400, -40 * 86_400, 3 * 365 * 86_400)  # seconds
AWAY_SECONDS = 0.5, 15.0
SLOW_SECONDS = 2.0, 6.0
STANDS_SECONDS, RUNS_SECONDS = 0.15, 0.05


def clocks_jump(site: Site, admin: Admin, chance: random.Random) -> int:
    for number in chance.sample(list(site.brokers), chance.randint(1, len(site.brokers))):
        site.machines[number].clock.jump(chance.choice(JUMPS))
    return 1


def etcd_members_die(site: Site, chance: random.Random, members: list) -> None:
    for member in members:
        member.kill()
    time.sleep(chance.uniform(*AWAY_SECONDS))
    for member in members:
        site.etcd.restart(member)
    site.etcd.wait_until_it_serves()


def etcd_leader(site: Site, admin: Admin, chance: random.Random) -> int:
    etcd_members_die(site, chance, [site.etcd.leader()])
    return 1


def etcd_quorum(site: Site, admin: Admin, chance: random.Random) -> int:
    etcd_members_die(site, chance, chance.sample(site.etcd.members, 2))
    return 1


def etcd_anew(site: Site, admin: Admin, chance: random.Random) -> int:
    etcd_members_die(site, chance, list(site.etcd.members))
    return 1


def slow_follower(site: Site, admin: Admin, chance: random.Random) -> int:
    number = chance.choice([n for n in site.brokers if n != a_leader(site, admin, chance)])
    until = time.monotonic() + chance.uniform(*SLOW_SECONDS)
    while time.monotonic() < until:
        site.kill(number, signal.SIGSTOP)
        time.sleep(STANDS_SECONDS)
        site.kill(number, signal.SIGCONT)
        time.sleep(RUNS_SECONDS)
    return 1


SURROUNDINGS = {
    "clocks jump": clocks_jump,
    "etcd's leader is killed": etcd_leader,
    "etcd has no quorum": etcd_quorum,
    "etcd starts anew": etcd_anew,
    "a follower is slow": slow_follower,
}
