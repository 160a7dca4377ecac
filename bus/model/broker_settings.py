"""What a broker may be told: one table for flags, environment, file and keywords.

Names are Kafka's where Kafka has one. The topic settings appear under the names that Kafka gives
their defaults (`log.retention.ms`), and end up in `BrokerSettings.topic`.
"""

import dataclasses
from dataclasses import dataclass

from bus.model.endpoint import check_http, check_listen
from bus.model.group_settings import GROUP_SETTINGS, GroupSettings
from bus.model.keys import check_cluster
from bus.model.limits import (
    CHECKPOINT_INTERVAL_MS,
    CREDIT_BYTES,
    FETCH_BYTES_MAX,
    FETCH_SESSIONS_MAX,
    FETCHES_PARKED_MAX,
    FRAME_BYTES_MAX,
    GIB,
    IDLE_MS,
    IN_FLIGHT_BYTES_MAX,
    KIB,
    MIB,
    MOVED_BYTES_PER_SECOND,
    MOVES_MAX,
    PARTITIONS_PER_TOPIC_MAX,
    PEERS_MAX,
    PEERS_PER_ADDRESS_MAX,
    PRODUCER_EXPIRY_MS,
    REQUESTS_UNANSWERED_MAX,
)
from bus.model.listeners import check_listeners
from bus.model.setting import Setting, fixed, setting, table
from bus.model.topic_settings import BROKER_NAMES, INT_MAX, TOPIC_SETTINGS, TopicSettings

LEADER_ONLY = "org.apache.kafka.common.replica.LeaderSelector"  # as with Kafka by default
RACK_AWARE = "org.apache.kafka.common.replica.RackAwareReplicaSelector"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The settings of one broker, complete and within their bounds."""

    data: str = setting(
        "busd-data",
        "The data directory; it is made if it does not exist. Several, separated by commas, "
        "share the partitions.",
        other_names=("log.dirs", "log.dir"),
    )
    listen: str = setting(
        "tcp://127.0.0.1:7901",
        "Where clients of the bus connect: tcp://HOST:PORT (PORT * is any free one) or ipc://PATH; "
        "empty for no listener.",
        check=check_listen,
    )
    kafka: str = setting(
        "",
        "Where Kafka's clients connect: HOST:PORT (port 0 is any free one), or several as "
        "NAME=HOST:PORT separated by commas; empty for none.",
        check=check_listeners,
        other_names=("listeners",),
    )
    advertised_listeners: str = setting(
        "",
        "What Kafka's clients are told to connect to: HOST:PORT or NAME=HOST:PORT for each "
        "listener; one that is not named tells the address that the client came in on.",
        check=check_listeners,
    )
    http: str = setting(
        "",
        "HOST:PORT of /metrics, /livez and /readyz; empty for none.",
        check=check_http,
    )
    insecure: bool = setting(
        False,
        "Whether HTTP and the listeners for Kafka's clients may be bound beyond loopback, where "
        "anyone can read and write.",
    )
    accept_filesystem: bool = setting(
        False,
        "Whether to serve on a filesystem that is not known to keep what flush=group promises.",
    )
    accept_missing_data: bool = setting(
        False,
        "Whether to start although a data directory is missing: its partitions are absent then.",
    )
    log_reserve_bytes: int = setting(
        GIB,
        "Free space of a data directory's disk below which its partitions take no writes; at most "
        "a quarter of the disk counts.",
        unit="bytes",
        low=0,
        high=1024 * GIB,
    )
    log_reserve_percent: int = setting(
        5,
        "The same as a share of the disk; the larger of the two counts.",
        unit="percent",
        low=0,
        high=25,
    )
    log_scrub_bytes_per_second: int = setting(
        8 * MIB,
        "How fast closed segments of a data directory are read again, to find damage early; 0 for "
        "never.",
        unit="bytes",
        low=0,
        high=GIB,
    )
    log_scrub_interval_ms: int = setting(
        7 * 24 * 3600 * 1000,
        "From the beginning of one pass over all closed segments to the beginning of the next.",
        unit="ms",
        low=1000,
        high=2**63 - 1,
    )
    log_cleaner_enable: bool = setting(True, "Whether topics that ask for it are compacted.")
    log_cleaner_io_max_bytes_per_second: int = setting(
        64 * MIB,
        "How much compaction reads and writes of a data directory at most.",
        unit="bytes",
        low=KIB,
        high=1024 * GIB,
    )
    log_cleaner_dedupe_buffer_size: int = setting(
        128 * MIB,
        "Memory for the keys that compaction remembers, 32 bytes each; what does not fit waits for "
        "its next turn.",
        unit="bytes",
        low=MIB,
        high=64 * GIB,
    )
    log_cleaner_backoff_ms: int = setting(
        15_000,
        "How long compaction rests when no partition is due.",
        unit="ms",
        low=0,
        high=2**63 - 1,
    )
    node_id: int = setting(
        1,
        "The number of this broker.",
        low=0,
        high=INT_MAX,
        other_names=("broker.id",),
    )
    cluster: str = setting(
        "",
        "The name of the cluster that this broker is a member of; empty: it is alone.",
        check=check_cluster,
    )
    rack: str = setting(
        "", "Where this broker stands: copies of a partition go to different racks."
    )
    etcd: str = setting(
        "",
        "Where the cluster keeps its metadata: URLs of etcd such as http://HOST:2379, separated by "
        "commas. Empty in a cluster: a member of etcd is started beside this broker.",
    )
    etcd_ca_file: str = setting(
        "", "Certificates (PEM) that vouch for an etcd at https; empty for those of the system."
    )
    etcd_cert_file: str = setting("", "Certificate (PEM) by which etcd knows this broker.")
    etcd_key_file: str = setting("", "Its private key (PEM).")
    etcd_user: str = setting("", "The user of etcd that this broker is; empty for none.")
    etcd_password_file: str = setting("", "A file whose first line is that user's password.")
    bootstrap: bool = setting(
        False,
        "Whether this broker may begin the cluster, by a member of etcd beside it; topics that it "
        "has had alone come along.",
    )
    join: str = setting(
        "",
        "A member of the etcd beside another broker, HOST:PORT or its URL: this broker joins its "
        "cluster, and has a member of etcd beside itself, too, while there are fewer than three.",
    )
    etcd_listen: str = setting(
        "127.0.0.1:2379",
        "Where the member of etcd beside this broker answers: HOST:PORT; members talk to each "
        "other at the port after it.",
        check=check_http,
    )
    peers: str = setting(
        "127.0.0.1:0",
        "Where other brokers of the cluster connect: HOST:PORT (port 0 is any free one).",
        check=check_http,
    )
    peer_local_sockets: bool = setting(
        True,
        "Whether brokers of one machine and one user talk over Unix sockets, not encrypted; else "
        "they use the network, as all others do.",
    )
    num_partitions: int = setting(
        0,
        "Partitions of a topic that is created without saying how many; 0 is one, and four in a "
        "cluster.",
        low=0,
        high=PARTITIONS_PER_TOPIC_MAX,
    )
    default_replication_factor: int = setting(
        0,
        "Copies of a topic that is created without saying how many; 0 is three, or as many as "
        "there are brokers.",
        low=0,
        high=INT_MAX,
    )
    auto_create_topics_enable: bool = setting(
        True, "Whether a producer's first use of a topic creates it."
    )
    auto_leader_rebalance_enable: bool = setting(
        True,
        "Whether leadership goes back by itself to the broker that is named first, once that has "
        "returned and is in sync.",
    )
    auto_balance_enable: bool = setting(
        True,
        "Whether replicas and leaders move by themselves to a broker that has joined, until all "
        "have about as many.",
    )
    reassignment_partitions_max: int = setting(
        MOVES_MAX,
        "How many partitions of the cluster may have their replicas exchanged at a time.",
        low=1,
        high=PARTITIONS_PER_TOPIC_MAX,
    )
    follower_replication_throttled_rate: int = setting(
        MOVED_BYTES_PER_SECOND,
        "How much this broker reads in a second, on average, for replicas that are being added to "
        "it; others are not slowed down.",
        unit="bytes",
        low=KIB,
        high=1024 * GIB,
    )
    producer_id_expiration_ms: int = setting(
        PRODUCER_EXPIRY_MS,
        "How long a partition remembers an idempotent producer that sends it nothing. What a "
        "forgotten one sends is taken whatever its sequence is, and a repetition stands twice: "
        "keep it above the time for which producers try again.",
        unit="ms",
        low=1,
        high=INT_MAX,
    )
    checkpoint_interval_ms: int = setting(
        CHECKPOINT_INTERVAL_MS,
        "How often high watermarks and durable ends are noted, which bounds recovery.",
        unit="ms",
        low=100,
        high=60_000,
    )
    socket_request_max_bytes: int = setting(
        FRAME_BYTES_MAX,
        "Largest request of a client.",
        unit="bytes",
        low=KIB,
        high=FRAME_BYTES_MAX,
    )
    fetch_max_bytes: int = setting(
        FETCH_BYTES_MAX,
        "Largest answer to a fetch, however much the client asks for.",
        unit="bytes",
        low=KIB,
        high=FRAME_BYTES_MAX,
    )
    fetch_from_files: bool = setting(True, "Let readers on this machine read its files themselves.")
    max_connections: int = setting(
        PEERS_MAX,
        "Clients that may be connected at a time, over ZeroMQ and over TCP.",
        low=1,
        high=PEERS_MAX,
    )
    max_connections_per_ip: int = setting(
        PEERS_PER_ADDRESS_MAX,
        "Of those over TCP, how many may come from one address beyond this machine.",
        low=1,
        high=INT_MAX,
    )
    connections_max_idle_ms: int = setting(
        IDLE_MS,
        "After which a connection over TCP is closed on which nothing happens; a request that "
        "waits for its answer is something.",
        unit="ms",
        low=1000,
        high=2**63 - 1,
    )
    client_credit_bytes: int = setting(
        CREDIT_BYTES,
        "Bytes of unanswered requests that a client is told it may have.",
        unit="bytes",
        low=KIB,
        high=FRAME_BYTES_MAX,
    )
    client_credit_requests: int = setting(
        REQUESTS_UNANSWERED_MAX,
        "Unanswered requests that a client is told it may have.",
        low=1,
        high=1000,
    )
    client_in_flight_max_bytes: int = setting(
        IN_FLIGHT_BYTES_MAX,
        "Bytes of unanswered requests above which a client is dropped, or over TCP not read from.",
        unit="bytes",
        low=KIB,
        high=1024 * FRAME_BYTES_MAX,
    )
    memory_limit_bytes: int = setting(
        0,
        "Memory of the process, log files aside, above which the listener closes rather than that "
        "the process be killed; 0 is half of what the machine or its control group has.",
        unit="bytes",
        low=0,
        high=1024 * GIB,
    )
    max_parked_fetches: int = setting(
        FETCHES_PARKED_MAX,
        "Fetches of all clients that may wait for records; further ones are answered empty.",
        low=1,
        high=FETCHES_PARKED_MAX,
    )
    max_incremental_fetch_session_cache_slots: int = setting(
        FETCH_SESSIONS_MAX,
        "Fetch sessions that are kept; a reader without one asks for all its partitions each time.",
        low=0,
        high=100 * FETCH_SESSIONS_MAX,
    )
    replica_selector_class: str = setting(
        LEADER_ONLY,
        "Who serves readers that name their rack: leaders alone, or the replica of their rack. "
        "These two names are known; nothing is loaded by them.",
        choices=(LEADER_ONLY, RACK_AWARE),
    )
    logging_level: str = setting(
        "info",
        "The least severe message that is logged.",
        choices=("debug", "info", "warning", "error"),
    )
    logging_format: str = setting(
        "text", "How messages are logged: lines for people or JSON.", choices=("text", "json")
    )
    topic: TopicSettings = dataclasses.field(default_factory=TopicSettings)
    group: GroupSettings = dataclasses.field(default_factory=GroupSettings)

    @property
    def data_directories(self) -> list[str]:
        """One path a directory."""
        return [path.strip() for path in self.data.split(",")]


def _topic_defaults() -> list[Setting]:
    return [
        dataclasses.replace(TOPIC_SETTINGS[name], name=broker_name)
        for name, broker_name in BROKER_NAMES.items()
    ]


BROKER_SETTINGS: dict[str, Setting] = table(
    BrokerSettings,
    *_topic_defaults(),
    *GROUP_SETTINGS.values(),
    fixed("delete.topic.enable", True, "topics can always be deleted", "Whether they can."),
    fixed("log.cleaner.threads", 1, "each data directory has one of its own", "How many compact."),
    fixed(
        "remote.log.storage.system.enable",
        False,
        "this version keeps all data on its own disks",
        "Whether old segments can move elsewhere.",
    ),
)
