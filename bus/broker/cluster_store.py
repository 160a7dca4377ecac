"""The way into a cluster that the settings name: its store, the links, and an etcd beside us."""

import asyncio
import logging
from pathlib import Path

from bus.adapters.disk.facts import boot_id
from bus.adapters.etcd.directory import MemberDirectory
from bus.adapters.etcd.settings import PORT, EtcdSettings, etcd_endpoints, first_line
from bus.adapters.etcd.store import EtcdStore, etcd_store
from bus.adapters.local_socket import new_socket_path
from bus.adapters.peer_key import peer_keys
from bus.broker.etcd_member import BesideEtcd, MemberWish
from bus.broker.peer_links import Handle, OnLink, PeerLinks
from bus.errors import BadSetting
from bus.model.broker_settings import BrokerSettings
from bus.model.endpoint import join_host_port, split_host_port
from bus.model.keys import Keys
from bus.model.listeners import EVERY_ADDRESS, listeners
from bus.ports import Clock, Random

EVERY_ADDRESSES = (EVERY_ADDRESS, "::")
log = logging.getLogger("busd.peers")


def store_of(
    loop: asyncio.AbstractEventLoop, settings: BrokerSettings, clock: Clock, random: Random
) -> EtcdStore:
    """The store of the cluster. Raises BadSetting."""
    check_listeners(settings)
    at = EtcdSettings(
        etcd_endpoints(settings.etcd),
        settings.etcd_user,
        first_line(settings.etcd_password_file),
        settings.etcd_ca_file,
        settings.etcd_cert_file,
        settings.etcd_key_file,
    )
    scratch, name = Keys(settings.cluster).clients, str(settings.node_id)
    return etcd_store(loop, at, clock, random, scratch, name)


def check_listeners(settings: BrokerSettings) -> None:
    """Raise BadSetting if other brokers would send Kafka's clients to every address of theirs."""
    advertised = listeners(settings.advertised_listeners)
    for name, (host, port) in listeners(settings.kafka).items():
        if host in EVERY_ADDRESSES and name not in advertised:
            raise BadSetting(
                f"The listener {name} is bound to every address, and clients that come in by "
                "another broker of the cluster have to be told one of them: give it by --set "
                f"advertised.listeners={name}=HOST:{port}."
            )


def links_of(
    loop: asyncio.AbstractEventLoop,
    settings: BrokerSettings,
    random: Random,
    handle: Handle,
    on_link: OnLink,
) -> PeerLinks:
    """The links to other brokers. Raises BadSetting, or OSError with a sentence."""
    host, port = split_host_port(settings.peers)
    url = f"tcp://{join_host_port(host, 0).removesuffix('0')}{'*' if port in ('0', '*') else port}"
    keys = peer_keys(settings.data_directories[0])
    kernel, path = _local(settings, random)
    return PeerLinks(
        loop,
        settings.cluster,
        settings.node_id,
        keys,
        url,
        random,
        handle,
        on_link,
        boot_id=kernel,
        local_path=path,
    )


def _local(settings: BrokerSettings, random: Random) -> tuple[str, str]:
    """The boot id, and where brokers of this machine connect to; empty if they do not."""
    kernel = boot_id() if settings.peer_local_sockets else ""
    if not kernel:
        return "", ""
    try:
        return kernel, new_socket_path(settings.data_directories[0], random.uuid_bytes())
    except OSError as error:
        log.warning("There is no socket for brokers of this machine: %s.", error)
        return kernel, ""


def beside(
    loop: asyncio.AbstractEventLoop, settings: BrokerSettings, clock: Clock
) -> BesideEtcd | None:
    """The member of etcd that there shall be beside this broker, if none is named.

    Raises BadSetting, or OSError if no etcd is installed.
    """
    if not settings.cluster or settings.etcd:
        return None
    directory = Path(settings.data_directories[0]) / "etcd"
    if not (settings.bootstrap or settings.join or _holds_member(directory)):
        raise BadSetting(
            f"The cluster {settings.cluster!r} needs an etcd: name one by --etcd URL, begin with "
            "one beside this broker by --bootstrap, or join another broker's by --join HOST."
        )
    host, port = split_host_port(settings.etcd_listen)
    number = PORT if port in ("0", "*") else int(port)
    wish = MemberWish(
        settings.cluster,
        f"broker{settings.node_id}",
        directory,
        f"http://{join_host_port(host, number)}",
        f"http://{join_host_port(host, number + 1)}",
        _url(settings.join) if settings.join else "",
    )
    return BesideEtcd(loop, wish, clock)


def _holds_member(directory: Path) -> bool:
    return directory.is_dir() and MemberDirectory(directory).holds_member


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"
