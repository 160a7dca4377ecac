"""What each of several brokers on one host is told: its own directory, number and ports.

Of shard I, counted from 0     Value
--------------------------     -----
data                           DIR/shard-I, of each directory
node.id                        that of the host, and I
listen, http, peers            the host's port and I; a free one stays a free one
kafka, advertised.listeners    the host's port and I times as many as the host's lie apart
rack                           the host's; its name if none is given
etcd                           shard 0: as the host was told; the others: the same etcd, or the
                               member beside shard 0, so that a host has one at most

All else is the same for all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bus.adapters.etcd.directory import MemberDirectory
from bus.cli.failure import UserError
from bus.cli.options import Namespace, assignments
from bus.cli.ports import check_distinct
from bus.model.endpoint import join_host_port, split_host_port
from bus.model.listeners import Address, listeners
from bus.model.settings import BrokerSettings, parse_broker_settings

SHARDS_MAX = 64
OWN = (
    "data",
    "node.id",
    "listen",
    "kafka",
    "advertised.listeners",
    "http",
    "peers",
    "rack",
    "etcd",
    "bootstrap",
    "join",
)
Settings = dict[str, str]


def shard_settings(settings: BrokerSettings, count: int, host: str) -> list[Settings]:
    """Of each shard, what is its own. Raises UserError if the host cannot have so many."""
    _check(settings, count)
    plans = [_of(settings, number, host) for number in range(count)]
    ports = [port for number, plan in enumerate(plans) for port in _ports(number, plan)]
    if has_member(settings):
        port = int(split_host_port(settings.etcd_listen)[1])
        ports += [("etcd", port), ("etcd's members", port + 1)]
    check_distinct(ports)
    return plans


def has_member(settings: BrokerSettings) -> bool:
    """Is there a member of etcd beside shard 0?"""
    return not settings.etcd


def options(args: Namespace, flags: Iterable[str], own: Settings) -> list[str]:
    """Of a shard's `busd serve`: what the host was given, and what is the shard's own."""
    given = ["--config", args.config] if args.config else []
    for text in args.set:
        (pair,) = assignments([text], "--set").items()
        if not parse_broker_settings(dict([pair])).keys() & set(OWN):
            given += ["--set", text]
    for name in flags:
        value = getattr(args, name.replace(".", "_"))
        if value is not None and name not in OWN:
            given += ["--set", f"{name}={value}"]
    for name, value in own.items():
        given += ["--set", f"{name}={value}"]
    return given


def etcd_urls(settings: BrokerSettings) -> str:
    """Where shards other than 0 find the metadata, as far as that is known at this moment."""
    if not has_member(settings):
        return settings.etcd
    member = _member(settings)
    noted = member.urls() if member is not None else []
    joined = [_url(text) for text in settings.join.split(",") if text]
    return ",".join(dict.fromkeys([_url(settings.etcd_listen), *noted, *joined]))


def _of(settings: BrokerSettings, number: int, host: str) -> Settings:
    kafka = listeners(settings.kafka)
    ports = [port for _, port in kafka.values()]
    step = max(ports) - min(ports) + 1 if ports else 1
    own = {
        "data": ",".join(_data(settings, number)),
        "node.id": str(settings.node_id + number),
        "listen": _listen(settings.listen, number),
        "kafka": _listeners(kafka, number * step),
        "advertised.listeners": _listeners(listeners(settings.advertised_listeners), number * step),
        "http": _moved(settings.http, number),
        "peers": _moved(settings.peers, number),
        "rack": settings.rack or host,
        "etcd": settings.etcd,
    }
    is_first = number == 0
    own["bootstrap"] = str(settings.bootstrap and is_first).lower()
    own["join"] = settings.join if is_first else ""
    return own


def _check(settings: BrokerSettings, count: int) -> None:
    if count > SHARDS_MAX:
        raise UserError(f"A host has at most {SHARDS_MAX} shards, not {count}.")
    if not settings.cluster:
        raise UserError(
            "Several shards are a cluster: name it by --cluster NAME, and say where it keeps its "
            "metadata: --bootstrap on the first host, --join HOST:PORT, or --etcd URL."
        )
    member = _member(settings)
    holds_member = member is not None and member.holds_member
    if not (settings.etcd or settings.bootstrap or settings.join or holds_member):
        raise UserError(
            f"The cluster {settings.cluster!r} needs an etcd: name one by --etcd URL, begin with "
            "one beside shard 0 by --bootstrap, or join another host's by --join HOST:PORT."
        )
    for directory in map(Path, settings.data_directories):
        if (directory / "topics").is_dir():
            raise UserError(
                f"{directory} holds the data of one broker. Move what is in it to "
                f"{directory / 'shard-0'}, and it goes on as the first shard."
            )
        left = [path for path in directory.glob("shard-*") if _number(path) >= count]
        if left:
            raise UserError(
                f"{min(left, key=_number)} holds the data of one more shard. Drain and remove its "
                "broker first, then move that directory away."
            )


def _member(settings: BrokerSettings) -> MemberDirectory | None:
    path = Path(_data(settings, 0)[0]) / "etcd"
    return MemberDirectory(path) if path.is_dir() else None


def _number(path: Path) -> int:
    text = path.name.removeprefix("shard-")
    return int(text) if text.isdecimal() else -1


def _data(settings: BrokerSettings, number: int) -> list[str]:
    return [str(Path(path) / f"shard-{number}") for path in settings.data_directories]


def _listen(url: str, number: int) -> str:
    if url.startswith("ipc://"):
        return f"{url}-{number}"
    return f"tcp://{_moved(url.removeprefix('tcp://'), number)}" if url else ""


def _moved(address: str, by: int) -> str:
    if not address:
        return ""
    host, port = split_host_port(address)
    return address if port in {"*", "0"} else join_host_port(host, int(port) + by)


def _listeners(found: dict[str, Address], by: int) -> str:
    return ",".join(
        f"{name}={join_host_port(host, port + by if port else 0)}"
        for name, (host, port) in found.items()
    )


def _ports(number: int, own: Settings) -> Iterator[tuple[str, int]]:
    """By what it is for."""
    addresses: Sequence[tuple[str, str]] = [
        ("listen", own["listen"].removeprefix("tcp://")),
        ("http", own["http"]),
        ("peers", own["peers"]),
    ]
    for name, address in addresses:
        if address and not address.startswith("ipc://"):
            port = split_host_port(address)[1]
            yield f"{name} of shard {number}", 0 if port == "*" else int(port)
    for name, (_, port_number) in listeners(own["kafka"]).items():
        yield f"kafka {name} of shard {number}", port_number


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"
