"""A network of the run's own: each broker and each etcd in a namespace, joined by a bridge.

    this process (127.1.0.100) --- bridge --- 127.1.0.1 to .3    brokers
                                      \\------ 127.1.0.11 to .13  members of etcd

All addresses are of 127.0.0.0/8, routed like any others, so that nothing that may listen on
loopback alone has to listen elsewhere. What is cut is dropped where it enters the bridge, one
direction at a time: nobody is told, connections just fall silent.

`enter` starts a program anew in namespaces of its own (network, mounts, processes): whatever it
leaves behind, mounted or running, ends with it. Needs root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

INSIDE = "CHAOS_NETWORK"  # in the environment of a program that has entered
HERE = "127.1.0.100"
TABLE = """
table bridge chaos {
    set cut { type ipv4_addr . ipv4_addr; }
    chain before { type filter hook prerouting priority 0; ip saddr . ip daddr @cut drop; }
    chain ours { type filter hook output priority 0; ip saddr . ip daddr @cut drop; }
}
"""
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
ROUTED = "/proc/sys/net/ipv4/conf/all/route_localnet"
TOOLS = {"unshare": "util-linux", "ip": "iproute2", "nft": "nftables"}

Cut = tuple[str, str]  # from, to


def why_not() -> str:
    """Why there is no such network on this machine; empty if there is."""
    if os.geteuid() != 0:
        return "a network of its own needs root"
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            return f"{package} is not installed"
    probe = [
        *NAMESPACES,
        sys.executable,
        "-c",
        "import tests.chaos.network as n; n.Network(['b9'])",
    ]
    done = subprocess.run(probe, capture_output=True, check=False)
    return "" if done.returncode == 0 else "this machine gives no network of its own"


def entering(command: Iterable[str]) -> list[str]:
    """The command by which a program runs in namespaces of its own."""
    return [*NAMESPACES, "env", f"{INSIDE}=1", *command]


def has_entered() -> bool:
    return INSIDE in os.environ


class Network:
    """Set up as soon as it is made; it goes with the namespaces of this process."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names` are those of the places; a broker's begins with b, an etcd's with e."""
        os.makedirs("/run/netns", exist_ok=True)
        run("mount", "--make-rshared", "/")  # who starts in a namespace sees what is unmounted
        run("mount", "-t", "tmpfs", "none", "/run/netns")
        _loopback_is_routed([])
        run("ip", "link", "add", "bridge", "type", "bridge")
        run("ip", "address", "add", f"{HERE}/24", "dev", "bridge")
        run("ip", "link", "set", "bridge", "up")
        self.addresses = {name: self._join(name) for name in names}
        run("nft", "-f", "-", input=TABLE)

    def command(self, name: str) -> list[str]:
        """What a command begins with that runs in this place."""
        return ["ip", "netns", "exec", name]

    def cut(self, pairs: Iterable[Cut]) -> None:
        """Drop what goes from the first to the second of each; `here` is this process."""
        addresses = {**self.addresses, "here": HERE}
        elements = ", ".join(f"{addresses[a]} . {addresses[b]}" for a, b in pairs)
        run("nft", "add", "element", "bridge", "chaos", "cut", f"{{ {elements} }}")

    def heal(self) -> None:
        """Nothing is cut any more."""
        run("nft", "flush", "set", "bridge", "chaos", "cut")

    def _join(self, name: str) -> str:
        number = int(name[1:]) + (10 if name.startswith("e") else 0)
        address = f"127.1.0.{number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "out", "netns", name)
        run("ip", "link", "set", f"to-{name}", "master", "bridge", "up")
        inside = self.command(name)
        _loopback_is_routed(inside)
        run(*inside, "ip", "address", "add", f"{address}/24", "dev", "out")
        run(*inside, "ip", "link", "set", "out", "up")
        return address


def _loopback_is_routed(inside: list[str]) -> None:
    """Only 127.0.0.1 stays where it is, in the place that `inside` leads to."""
    run(*inside, "ip", "link", "set", "lo", "up")
    run(*inside, "ip", "address", "del", "127.0.0.1/8", "dev", "lo")
    run(*inside, "ip", "address", "add", "127.0.0.1/32", "dev", "lo")
    run(*inside, "sh", "-c", f"echo 1 > {ROUTED}")


def run(*command: str, input: str | None = None) -> None:
    """A command that must work; OSError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, input=input, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
