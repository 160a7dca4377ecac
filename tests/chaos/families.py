"""The kinds of faults, how many of each are wanted over all sittings, and where they go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos import disks, faults, harm, network, partitions, surroundings
from tests.fixtures.etcd import SKIP_REASON, is_installed

GROUP_AND_OS = {"chaos-group": "group", "chaos-os": "os"}
GROUP_ALONE = {"chaos-group": "group", "chaos-more": "group"}  # for power that fails everywhere


@dataclass(frozen=True, slots=True)
class Family:
    """Faults of one kind; each round does one of them, and perhaps one of `companions` before."""

    title: str
    unit: str
    goal: int
    faults: Mapping[str, Callable[..., int]]
    companions: Mapping[str, Callable[..., int]] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=lambda: GROUP_AND_OS)  # name -> flush
    needs_site: bool = True  # else any machine with an etcd will do

    def why_not(self) -> str:
        """Why it cannot be done here; empty if it can."""
        if not is_installed():
            return SKIP_REASON
        return network.why_not() if self.needs_site else ""


BESIDES = {**faults.KILLS, **faults.STOPS, **partitions.PARTITIONS}
FAMILIES = {
    "chaos_kills": Family(
        "brokers killed or restarted, with the etcd beside them",
        "kills",
        200,
        {**faults.KILLS, "restart in turn": faults.restart_in_turn},
        needs_site=False,
    ),
    "chaos_stops": Family(
        "brokers stopped for a while", "stops", 50, faults.STOPS, needs_site=False
    ),
    "chaos_partitions": Family(
        "partitions of the network", "partitions", 60, partitions.PARTITIONS, faults.KILLS
    ),
    "chaos_power": Family(
        "the power of one or all fails", "power failures", 20, disks.POWER, BESIDES, GROUP_ALONE
    ),
    "chaos_disks": Family(
        "disks that fail, are empty or old",
        "disk faults",
        50,
        {**disks.CALLS, **disks.CONTENT},
        {**BESIDES, "the power of one fails": disks.power_of_one},
    ),
    "chaos_harm": Family("damage to one broker's files", "replicas", 200, harm.HARM, faults.STOPS),
    "chaos_around": Family(
        "clocks, etcd and slow followers", "faults", 50, surroundings.SURROUNDINGS, BESIDES
    ),
}
EVERYWHERE = "chaos"  # kills, stops and restarts, as a short test has them
FAMILIES[EVERYWHERE] = Family(
    "brokers killed, stopped and restarted, with the etcd beside them",
    "rounds",
    400,
    faults.FAULTS,
    needs_site=False,
)
