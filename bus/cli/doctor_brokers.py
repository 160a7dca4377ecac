"""What `busd doctor` sees of the brokers themselves: their machines, their etcd, their settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bus.cli.cluster_view import Row, View
from bus.cli.plan import name_of
from bus.cli.unclean import States, in_words
from bus.client.admin_calls import TopicDescription
from bus.client.admin_cluster import HostDescription
from bus.errors import BusError
from bus.model.endpoint import is_loopback, join_host_port
from bus.model.ids import TopicPartition

PARTITIONS_ASKED_MAX = 1000  # for what was lost of them
NEAR = 0.8  # of a limit: time to raise it
ETCD_MEMBERS = 3  # of which one may be lost
SERVING = "serving"
UNSAFE = {  # setting -> the value that is, and what it means
    "insecure": ("true", "whoever reaches its listeners may read and write all there is"),
    "accept.missing.data": ("true", "it starts although a data directory is missing"),
    "log.flush": ("os", "topics that are made without saying so may lose the last seconds"),
}
ALIKE = (  # settings that decide what becomes of a new topic, whichever broker is asked
    "default.replication.factor",
    "min.insync.replicas",
    "num.partitions",
    "auto.balance.enable",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One broker; None: it did not tell."""

    broker: int
    host: HostDescription | None
    settings: dict[str, str] | None
    why_not: str = ""


def see(admin: Any, view: View) -> list[Seen]:
    """Ask each broker."""
    return [_see(admin, each.node) for each in view.cluster.brokers]


def _see(admin: Any, broker: int) -> Seen:
    why_not = ""
    host: HostDescription | None = None
    settings: dict[str, str] | None = None
    try:
        config = admin.describe_broker_config(broker)
        settings = {name: entry.value or "" for name, entry in config.items()}
        host = admin.describe_host(broker)
    except BusError as error:
        why_not = str(error)
    return Seen(broker, host, settings, why_not)


HEAD = ["broker", "open files", "mappings", "etcd", "member beside it"]


def rows(seen: Sequence[Seen]) -> list[Row]:
    """What was seen, also where all is well."""
    return [_row(each) for each in seen]


def _row(seen: Seen) -> Row:
    host = seen.host
    if host is None:
        return [str(seen.broker), "not told", "not told", "not told", "not told"]
    return [
        str(seen.broker),
        _of(host.open_files, host.open_files_max),
        _of(host.mappings, host.mappings_max),
        ", ".join(host.etcd_versions) or "-",
        host.etcd_state or "-",
    ]


def _of(count: int | None, limit: int | None) -> str:
    if count is None:
        return "not told"
    return f"{count:,} of {limit:,}" if limit is not None else f"{count:,}"


def findings(seen: Sequence[Seen]) -> Iterable[str]:
    """What to put right, each with what to do."""
    for each in seen:
        if each.host is not None:
            yield from _of_host(each.broker, each.host)
    hosts = [each.host for each in seen if each.host is not None]
    yield from _of_etcd(seen, hosts)
    yield from _of_settings([each for each in seen if each.settings is not None])


def _of_host(broker: int, host: HostDescription) -> Iterable[str]:
    if _is_near(host.open_files, host.open_files_max):
        yield (
            f"Broker {broker} has {_of(host.open_files, host.open_files_max)} files open that it "
            "may have. Raise its limit (LimitNOFILE of systemd, ulimit -Hn) and start it again."
        )
    if _is_near(host.mappings, host.mappings_max):
        yield (
            f"Broker {broker} has {_of(host.mappings, host.mappings_max)} mappings that it may "
            "have; past that no segment can be begun. Raise them: sysctl vm.max_map_count=1048576."
        )
    if host.unsafe_directories:
        yield (
            f"Broker {broker} keeps records in {', '.join(host.unsafe_directories)}: a filesystem "
            "that is not known to keep what flush=group promises. Use ext4 or xfs."
        )
    if host.etcd_state not in ("", SERVING):
        yield f"The member of etcd beside broker {broker} is {host.etcd_state}; see its log."


def _is_near(count: int | None, limit: int | None) -> bool:
    return count is not None and limit is not None and count > NEAR * limit


def _of_etcd(seen: Sequence[Seen], hosts: Sequence[HostDescription]) -> Iterable[str]:
    versions = sorted({version for host in hosts for version in host.etcd_versions})
    if len(versions) > 1:
        yield f"The members of etcd have different versions: {', '.join(versions)}. Make them one."
    beside = sum(bool(host.etcd_state) for host in hosts)
    if len(hosts) == len(seen) >= ETCD_MEMBERS and 0 < beside < ETCD_MEMBERS:
        yield (
            f"{beside} of the brokers {'has a member' if beside == 1 else 'have members'} of etcd "
            f"beside {'it' if beside == 1 else 'them'}: none may be lost. Have three."
        )


def _of_settings(seen: Sequence[Seen]) -> Iterable[str]:
    for name, (value, meaning) in UNSAFE.items():
        those = [str(s.broker) for s in seen if s.settings and s.settings.get(name) == value]
        if those:
            yield f"Broker {', '.join(those)} has {name} = {value}: {meaning}."
    for url in sorted({url for s in seen if s.settings for url in _open_etcds(s.settings)}):
        yield (
            f"etcd is reached at {url} without TLS and a user: whoever reaches it there may change "
            "who leads what. Give it certificates (etcd.ca.file) or passwords (etcd.user)."
        )
    for name in ALIKE:
        values = sorted({s.settings[name] for s in seen if s.settings and name in s.settings})
        if len(values) > 1:
            yield (
                f"Brokers differ in {name} ({', '.join(values)}): what a new topic is given "
                "depends on who controls. Set them alike."
            )
    lone = [s for s in seen if s.settings and s.settings.get("default.replication.factor") == "1"]
    if lone and len(seen) > 1:
        yield (
            "default.replication.factor is 1: a topic that is made without saying how many is lost "
            "with one disk. Leave it out, or set it to 3."
        )


def _open_etcds(settings: Mapping[str, str]) -> list[str]:
    """Members beyond this machine that anybody may write to."""
    if settings.get("etcd.user"):
        return []
    urls = filter(None, (url.strip() for url in settings.get("etcd", "").split(",")))
    return [url for url in urls if not (url.startswith("https://") or _is_here(url))]


def _is_here(url: str) -> bool:
    host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    return is_loopback(join_host_port(host, 0))


def remarks(seen: Sequence[Seen]) -> Iterable[str]:
    """What may be meant so: it costs nothing until a disk is busy."""
    shared = [str(s.broker) for s in seen if s.host is not None and s.host.etcd_on_data_disk]
    if shared:
        yield (
            f"The member of etcd beside broker {', '.join(shared)} shares a disk with records: "
            "where writing keeps that busy, or fills it, elections wait. Mount another disk at "
            "etcd/ in the data directory."
        )


def states_of(admin: Any, topics: Sequence[TopicDescription]) -> States:
    """How far logs go and what was lost of them; nothing where that cannot be asked."""
    chosen = [TopicPartition(each.name, p.partition) for each in topics for p in each.partitions]
    try:
        found: States = admin.describe_replicas(chosen[:PARTITIONS_ASKED_MAX]) if chosen else {}
    except BusError:
        return {}
    return found


def recoveries(states: States) -> Iterable[str]:
    """The last election of each partition that may have lost records: it stays told."""
    for partition, each in states.items():
        if each.recoveries:
            yield f"{name_of(partition)}: {in_words(each.recoveries[-1])}"


def unseen(seen: Sequence[Seen]) -> Iterable[str]:
    """What could not be looked at, so that nobody takes silence for health."""
    for each in seen:
        if each.host is None:
            yield f"broker {each.broker}'s machine and etcd ({each.why_not.rstrip('.')})"
    hosts = [each.host for each in seen if each.host is not None]
    if any(host.etcd_versions and not host.etcd_state for host in hosts):
        yield "how many members an etcd has that runs elsewhere, and on what disks"
    if any(host.open_files is None or host.mappings is None for host in hosts):
        yield "limits of files and mappings where the system does not tell them"
