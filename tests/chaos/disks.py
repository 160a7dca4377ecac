"""What happens to disks: power that fails (F3), calls that fail (F7), another disk's content (F9).

Fault                   What it does
-----                   ------------
the power of one fails  what its disk did not have yet is gone, as is the broker
the power of all fails  the same, everywhere at once
syncs fail              once or always: nothing may be acknowledged by it thereafter (S4)
writes, reads fail      or writes are done by half
there is no room        until there is again; the broker lives
the disk is empty       the broker starts with nothing
the disk is older       it starts with what it had in an earlier life
"""

import errno
import random
import shutil
import time
from functools import partial

from bus.client.admin import Admin
from tests.chaos.faults import a_leader
from tests.chaos.site import Site
from tests.faults.shim import ALWAYS, HALF

LATER_SECONDS_MAX = 0.05  # between the failure and the end of the broker
FAILING_SECONDS = 0.2, 3.0
HIT_SECONDS_MAX = 10.0  # until a call of the kind is made at all


def lose_power(site: Site, numbers: list[int], chance: random.Random) -> None:
    for number in numbers:
        site.machines[number].volume.cut_power()
    time.sleep(chance.uniform(0, LATER_SECONDS_MAX))
    for number in numbers:
        if not site.is_dead(number):
            site.kill(number)
    for number in numbers:
        site.machines[number].volume.restore_power()
        site.machines[number].begin_boot()


def power_of_one(site: Site, admin: Admin, chance: random.Random) -> int:
    lose_power(site, [a_leader(site, admin, chance)], chance)
    return 1


def power_of_all(site: Site, admin: Admin, chance: random.Random) -> int:
    lose_power(site, list(site.brokers), chance)
    return 1


def calls_fail(
    kind: str, error: int, times: int, site: Site, admin: Admin, chance: random.Random
) -> int:
    """They fail for a while; the disk is exchanged for a good one with the same content."""
    number = a_leader(site, admin, chance)
    faults = site.machines[number].faults
    faults.fail(kind, error, times=times, part="/data/")
    until = time.monotonic() + HIT_SECONDS_MAX
    while not faults.hits(kind) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(chance.uniform(*FAILING_SECONDS))
    count = min(1, faults.hits(kind))
    if error != errno.ENOSPC and not site.is_dead(number):
        site.kill(number)
    faults.heal()
    return count


def empty_disk(site: Site, admin: Admin, chance: random.Random) -> int:
    number = a_leader(site, admin, chance)
    site.kill(number)
    site.empty(number)
    return 1


def older_disk(site: Site, admin: Admin, chance: random.Random) -> int:
    """As it was before the life that ends here."""
    number = a_leader(site, admin, chance)
    data = site.machines[number].data
    site.kill(number)
    older = data.with_name("older")
    shutil.copytree(data, older)
    site.start(number)
    site.wait_until_ready(number)
    site.wait_until_in_sync(admin)
    time.sleep(chance.uniform(0, 2.0))
    site.kill(number)
    shutil.rmtree(data)
    older.rename(data)
    return 1


POWER = {"the power of one fails": power_of_one, "the power of all fails": power_of_all}
CALLS = {
    "a sync fails": partial(calls_fail, "sync", errno.EIO, 1),
    "all syncs fail": partial(calls_fail, "sync", errno.EIO, ALWAYS),
    "writes fail": partial(calls_fail, "write", errno.EIO, ALWAYS),
    "a write is done by half": partial(calls_fail, "write", HALF, 1),
    "writes are done by half": partial(calls_fail, "write", HALF, ALWAYS),
    "reads fail": partial(calls_fail, "read", errno.EIO, ALWAYS),
    "there is no room": partial(calls_fail, "allocate", errno.ENOSPC, ALWAYS),
}
CONTENT = {"the disk is empty": empty_disk, "the disk is older": older_disk}
