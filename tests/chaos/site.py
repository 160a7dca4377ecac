"""Three brokers whose network, disks, clocks and etcd can each be broken on their own.

Each broker is in a place of its own (network.py), on a filesystem of its own
(tests/crash/volume.py), by calls that fail on request (tests/faults/shim.py), under a wall clock
that is set (libfaketime). Three members of etcd stand in places of their own. A power failure
changes what the broker takes for the kernel's boot id, as the kernel does not really start again.
"""

import shutil
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path

from bus.cli.local_cluster import NAME, LocalBroker, LocalCluster
from tests.chaos.network import Network
from tests.crash.fake_time import FakeTime
from tests.crash.volume import Volume
from tests.faults.shim import Faults
from tests.fixtures.etcd import Etcd

NODES = 3
VOLUME_BYTES = 8 << 30  # sparse
BOOT_ID = "/proc/sys/kernel/random/boot_id"
REBOOTED = f'mount --bind "$0" {BOOT_ID} && exec "$@"'  # a mount that only this broker sees
OPTIONS = [
    *("--set", "logging.level=warning"),
    *("--set", "log.reserve.bytes=0", "--set", "log.reserve.percent=0"),
]


class SiteBroker(LocalBroker):
    """One that listens in its own place."""

    @property
    def host(self) -> str:
        return f"127.1.0.{self.number}"

    @property
    def url(self) -> str:
        return f"tcp://{self.host}:{self.ports['listen']}"

    @property
    def kafka(self) -> str:
        return f"{self.host}:{self.ports['kafka']}"


class Machine:
    """What a broker runs on; it stays while brokers come and go."""

    def __init__(self, folder: Path, filesystem: str) -> None:
        folder.mkdir()
        self.volume = Volume(folder, filesystem, VOLUME_BYTES)
        self.faults = Faults(folder)
        self.clock = FakeTime(folder)
        self.boot = folder / "boot_id"
        self.begin_boot()

    @property
    def data(self) -> Path:
        """The broker's data directory."""
        return self.volume.path / "data"

    def begin_boot(self) -> None:
        """Whoever starts from now on finds that the kernel has started since."""
        self.boot.write_text(f"{uuid.uuid4()}\n")

    def environment(self) -> list[str]:
        """NAME=VALUE of those variables by which the broker's calls fail and its clock is set."""
        found, shim = {**self.clock.environment}, self.faults.environment
        found["FAULTS_FILE"] = shim["FAULTS_FILE"]
        found["LD_PRELOAD"] += " " + shim["LD_PRELOAD"]
        return [f"{name}={value}" for name, value in found.items()]


class Site(LocalCluster):
    """Runs while the `with` block does; this process has entered its own namespaces."""

    def __init__(self, folder: Path, filesystem: str) -> None:
        super().__init__(str(folder / "cluster"), NODES)
        self.brokers = {n: SiteBroker(n, each.ports) for n, each in self.brokers.items()}
        self.network = Network([f"{kind}{n}" for kind in "be" for n in range(1, NODES + 1)])
        self.machines = {n: Machine(folder / f"machine-{n}", filesystem) for n in self.brokers}
        addresses = self.network.addresses.items()
        places = [(at, self.network.command(name)) for name, at in addresses if name[0] == "e"]
        self.etcd = Etcd(folder, NODES, places=places)
        self.is_missed: set[int] = set()  # whose data is gone, as whoever starts them says
        self._stack = ExitStack()

    def __enter__(self) -> "Site":
        with self._stack as stack:
            for machine in self.machines.values():
                stack.enter_context(machine.volume)
                stack.callback(machine.faults.close)
            stack.enter_context(self.etcd)
            super().__enter__()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:
            for machine in self.machines.values():
                machine.faults.heal()
            super().__exit__(None, None, None)

    def empty(self, number: int) -> None:
        """Take all data from a broker that does not run."""
        shutil.rmtree(self.machines[number].data)
        self.is_missed.add(number)

    def is_dead(self, number: int) -> bool:
        return not self.brokers[number].is_running

    def command(self, broker: LocalBroker) -> list[str]:
        machine, place = self.machines[broker.number], f"b{broker.number}"
        rebooted = ["sh", "-c", REBOOTED, str(machine.boot), "env", *machine.environment()]
        serve = [sys.executable, "-m", "bus.cli.main", "serve", "--data", str(machine.data)]
        serve += ["--node-id", str(broker.number), "--cluster", NAME, "--etcd", self.etcd.urls]
        serve += ["--listen", broker.url, "--kafka", broker.kafka]
        serve += ["--peers", f"{self.network.addresses[place]}:0"]
        missed = ["--accept-missing-data"] if broker.number in self.is_missed else []
        self.is_missed.discard(broker.number)  # its next start has a disk that is known
        return [*self.network.command(place), *rebooted, *serve, *OPTIONS, *missed]
