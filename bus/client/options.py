"""What a client may be told, within which bounds; every refusal is one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from bus.client.assignors import ASSIGNORS
from bus.errors import BadSetting
from bus.model.endpoint import KAFKA_PORT, KAFKA_SCHEME
from bus.model.limits import CLIENT_ID_LENGTH_MAX, FETCH_BYTES_MAX, GIB, KIB, MIB
from bus.ports import Random

Acks = Literal["all", -1, 0, 1, "0", "1"]
Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]
Start = Literal["earliest", "latest"] | int

SEND_BYTES = 512 * KIB
BULK_BYTES = 2_000_000  # fewer requests count for more than what still fits into a cache
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HOST_SCHEMES = {"tcp", "kafka"}
SCHEMES = {*HOST_SCHEMES, "ipc", "inproc"}
DAY_MS = 86_400_000
REBALANCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ProducerOptions:
    """A producer's options, checked."""

    acks: int = -1
    codec: int = 0
    linger_ms: int = 5
    batch_size: int = SEND_BYTES  # of a batch that `send` fills
    bulk_size: int = BULK_BYTES  # of a batch that `send_batch` makes
    buffer_bytes: int = 64 * MIB
    max_in_flight: int = 5
    idempotent: bool = True
    delivery_timeout_ms: int = 120_000
    request_timeout_ms: int = 30_000
    max_block_ms: int = 60_000
    retry_backoff_ms: int = 50

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_range("linger_ms", self.linger_ms, 0, DAY_MS)
        check_range("batch_size", self.batch_size, KIB, FETCH_BYTES_MAX)
        check_range("buffer_bytes", self.buffer_bytes, 64 * KIB, 64 * GIB)
        check_range("max_in_flight", self.max_in_flight, 1, 5 if self.idempotent else 100)
        check_range("delivery_timeout_ms", self.delivery_timeout_ms, 1, DAY_MS)
        check_range("request_timeout_ms", self.request_timeout_ms, 1, DAY_MS)
        check_range("max_block_ms", self.max_block_ms, 0, DAY_MS)
        check_range("retry_backoff_ms", self.retry_backoff_ms, 1, 60_000)
        if self.idempotent and self.acks == 0:
            raise BadSetting(
                "acks=0 asks for no answers, so an idempotent producer cannot know what to send "
                "again; set idempotent=False too."
            )


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """A consumer's options, checked."""

    start: Start = "earliest"
    out_of_range: Literal["error", "earliest", "latest"] = "error"
    prefetch_bytes: int = 32 * MIB
    fetch_bytes: int = 16 * MIB
    partition_bytes: int = 8 * MIB
    min_bytes: int = 1
    max_wait_ms: int = 500
    check_crcs: bool = True
    request_timeout_ms: int = 30_000
    rack: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_start("start", self.start)
        check_choice("out_of_range", self.out_of_range, ("error", "earliest", "latest"))
        check_range("prefetch_bytes", self.prefetch_bytes, 64 * KIB, 64 * GIB)
        check_range("fetch_bytes", self.fetch_bytes, KIB, FETCH_BYTES_MAX)
        check_range("partition_bytes", self.partition_bytes, KIB, FETCH_BYTES_MAX)
        check_range("min_bytes", self.min_bytes, 1, FETCH_BYTES_MAX)
        check_range("max_wait_ms", self.max_wait_ms, 0, 60_000)
        check_range("request_timeout_ms", self.request_timeout_ms, 1, DAY_MS)


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """The options of a member of a group, checked."""

    group: str
    instance_id: str | None = None
    assignors: tuple[str, ...] = ("cooperative-sticky",)  # the first that all know is taken
    session_timeout_ms: int = 45_000
    heartbeat_ms: int = 3_000
    max_poll_interval_ms: int | None = None
    auto_commit: bool = True
    auto_commit_interval_ms: int = 5_000
    request_timeout_ms: int = 30_000
    spread: float = 1.0  # of pauses and heartbeats: no two members' are the same

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        for name, text in (("group", self.group), ("instance_id", self.instance_id)):
            if text is not None and (not isinstance(text, str) or not text):
                raise BadSetting(f"{name}={text!r}: it must be a string that is not empty.")
        if not self.assignors:
            raise BadSetting(f"assignor: name one of {', '.join(ASSIGNORS)}.")
        for name in self.assignors:
            check_choice("assignor", name, tuple(ASSIGNORS))
        check_range("session_timeout_ms", self.session_timeout_ms, 1, DAY_MS)
        check_range("heartbeat_ms", self.heartbeat_ms, 1, self.session_timeout_ms // 2)
        if self.max_poll_interval_ms is not None:
            check_range("max_poll_interval_ms", self.max_poll_interval_ms, 1, DAY_MS)
        check_range("auto_commit_interval_ms", self.auto_commit_interval_ms, 1, DAY_MS)

    @property
    def eager(self) -> bool:
        """Whether everything is given up before a rebalance: one assignor that asks for it does."""
        return not all(ASSIGNORS[name].in_steps for name in self.assignors)

    @property
    def rebalance_timeout_ms(self) -> int:
        """How long the group waits for us; in steps, nobody waits for our user."""
        if not self.eager:
            return REBALANCE_MS
        return DAY_MS if self.max_poll_interval_ms is None else self.max_poll_interval_ms


class GroupKeywords(TypedDict, total=False):
    """What else a member of a group may be told, as keywords."""

    instance_id: str | None
    assignor: str | Iterable[str]
    session_timeout_ms: int
    heartbeat_ms: int
    max_poll_interval_ms: int | None
    auto_commit: bool
    auto_commit_interval_ms: int


def group_options(
    group: str | None, keywords: GroupKeywords, request_timeout_ms: int, spread: float
) -> GroupOptions | None:
    """None without a group. Raises BadSetting."""
    given: dict[str, Any] = dict(keywords)
    if group is None:
        if given:
            raise BadSetting(f"{', '.join(given)}: only a consumer with group= has that.")
        return None
    unknown = given.keys() - GroupKeywords.__annotations__.keys()
    if unknown:
        raise TypeError(f"Consumer() has no option {', '.join(sorted(unknown))}")
    if "assignor" in given:
        given["assignors"] = assignors_of(given.pop("assignor"))
    return GroupOptions(group, request_timeout_ms=request_timeout_ms, spread=spread, **given)


def spread_of(random: Random) -> float:
    """A factor near 1 for one member's pauses, so that members do not all come at once."""
    return 0.8 + random.below(401) / 1000


def assignors_of(assignor: str | Iterable[str]) -> tuple[str, ...]:
    """Names of one or of several."""
    return (assignor,) if isinstance(assignor, str) else tuple(assignor)


def servers_of(servers: str | Iterable[str]) -> tuple[str, ...]:
    """Endpoint URLs from one string with commas, or from several.

    Of `kafka://` the scheme may be said once for all, and a port that is left out is Kafka's.
    """
    parts = servers.split(",") if isinstance(servers, str) else list(servers)
    endpoints = [part.strip() for part in parts if part.strip()]
    if not endpoints:
        raise BadSetting("No server is named; write tcp://HOST:PORT, several with commas.")
    if endpoints[0].startswith(KAFKA_SCHEME):
        endpoints = [_kafka_endpoint(endpoint) for endpoint in endpoints]
    for endpoint in endpoints:
        _check_endpoint(endpoint)
    return tuple(endpoints)


def _kafka_endpoint(endpoint: str) -> str:
    address = endpoint.removeprefix(KAFKA_SCHEME)
    if "://" in address:
        raise BadSetting(f"{endpoint!r} is not of Kafka's protocol; the servers before it are.")
    has_port = ":" in address.rpartition("]")[2]
    return f"{KAFKA_SCHEME}{address}" if has_port else f"{KAFKA_SCHEME}{address}:{KAFKA_PORT}"


def _check_endpoint(endpoint: str) -> None:
    scheme, separator, rest = endpoint.partition("://")
    if not separator:
        raise BadSetting(f"{endpoint!r} is no server's URL; write tcp://{endpoint}.")
    if scheme not in SCHEMES or not rest:
        raise BadSetting(
            f"{endpoint!r} is no server's URL; write tcp://HOST:PORT, ipc://PATH or "
            "kafka://HOST:PORT."
        )
    if scheme in HOST_SCHEMES:
        try:
            port = urlsplit(endpoint).port
        except ValueError:
            port = None
        if not port or not urlsplit(endpoint).hostname:
            raise BadSetting(f"{endpoint!r} names no host and port; write {scheme}://HOST:PORT.")


def acks_of(acks: object) -> int:
    """-1, 0 or 1."""
    known = {"all": -1, "-1": -1, "0": 0, "1": 1}
    value = known.get(str(acks))
    if value is None or isinstance(acks, bool):
        raise BadSetting(f'acks={acks!r}: it must be "all", 1 or 0.')
    return value


def codec_of(compression: object) -> int:
    """Kafka's number of a compression."""
    check_choice("compression", compression, tuple(CODECS))
    return CODECS[str(compression)]


def check_range(name: str, value: object, low: int, high: int) -> None:
    """Raise BadSetting unless `value` is a whole number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadSetting(f"{name}={value!r}: it must be a whole number.")
    if not low <= value <= high:
        raise BadSetting(f"{name}={value}: it must be from {low} to {high}.")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise BadSetting unless `value` is one of `choices`."""
    if value not in choices:
        raise BadSetting(f"{name}={value!r}: it must be one of {', '.join(choices)}.")


def check_start(name: str, value: object) -> None:
    """Raise BadSetting unless `value` says where to begin."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return
    if value not in ("earliest", "latest"):
        raise BadSetting(
            f'{name}={value!r}: it must be "earliest", "latest" or a time in ms since 1970.'
        )


def check_client_id(client_id: object) -> str:
    """The client id itself. Raises BadSetting."""
    if not isinstance(client_id, str) or len(client_id) > CLIENT_ID_LENGTH_MAX:
        raise BadSetting(f"client_id: a string of at most {CLIENT_ID_LENGTH_MAX} characters.")
    return client_id


def check_group(name: object) -> str:
    """The group's name itself. Raises BadSetting."""
    if not isinstance(name, str) or not name:
        raise BadSetting(f"The group is {name!r}; it must be a name, and not empty.")
    return name
