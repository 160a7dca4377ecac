"""Names of what a cluster keeps in its coordination store, as keys, and back.

Key                            Lives       What it holds
---                            -----       -------------
/busd/CLUSTER/meta             always      the cluster's id, format and features
/busd/CLUSTER/ctl              session     who controls; its revision is the controller's epoch
/busd/CLUSTER/b/BROKER         session     where a broker answers, and its rack
/busd/CLUSTER/be/BROKER        always      a broker's epoch and state, as the controller has it
/busd/CLUSTER/t/TOPIC          the topic   its id, settings, and the groups of its partitions
/busd/CLUSTER/g/GROUP          always      up to 64 partitions' records, of equal replicas
/busd/CLUSTER/rec/GROUP        always      elections of leaders that may lack records (R13, R30)
/busd/CLUSTER/pid              always      the next block of producer ids
/busd/CLUSTER/cfg/BROKER       always      settings of one broker
/busd/CLUSTER/disks/BROKER     always      a broker's data directories
/busd/CLUSTER/acl/v            always      rises with each change of what follows
/busd/CLUSTER/acl/k/ENTRY      always      one permission
/busd/CLUSTER/user/NAME        the user    what a password is checked against
/busd/CLUSTER/client/BROKER    always      the store's own: what came of a broker's transactions
/busd/CLUSTER/gone             always      of a single node: which cluster its topics have gone to

CLUSTER and TOPIC are made of letters, digits, '.', '_' and '-'; BROKER and GROUP are decimal, so
that one thing has one key; NAME and ENTRY are escaped as in URLs. Nothing that is stored under
another key is ever taken for one of these.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote

from bus.errors import BadSetting, InvalidTopic
from bus.model.ids import check_topic_name
from bus.model.limits import CLUSTER_NAME_LENGTH_MAX, KEY_BYTES_MAX

_CLUSTER = re.compile(r"[A-Za-z0-9._-]+\Z", re.A)
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z", re.A)
_PERMISSIONS = "k/"
NUMBER_MAX = 2**31 - 1
LOCAL_CLUSTER = "local"  # a node that is alone


class Kind(StrEnum):
    """What a key is about; the value is the part of the key that says so."""

    META = "meta"
    CONTROLLER = "ctl"
    BROKER = "b"
    BROKER_EPOCH = "be"
    TOPIC = "t"
    GROUP = "g"
    RECOVERIES = "rec"
    PRODUCER_IDS = "pid"
    BROKER_SETTINGS = "cfg"
    DIRECTORIES = "disks"
    PERMISSION = "acl"
    USER = "user"
    CLIENT = "client"
    GONE = "gone"


SINGLE = frozenset({Kind.META, Kind.CONTROLLER, Kind.PRODUCER_IDS, Kind.GONE})
NUMBERED = frozenset(
    {
        Kind.BROKER,
        Kind.BROKER_EPOCH,
        Kind.GROUP,
        Kind.RECOVERIES,
        Kind.BROKER_SETTINGS,
        Kind.DIRECTORIES,
        Kind.CLIENT,
    }
)


@dataclass(frozen=True, slots=True)
class Name:
    """What a key is about."""

    kind: Kind
    number: int = 0  # of a broker or a group
    text: str = ""  # of a topic, a permission or a user


class Keys:
    """The keys of one cluster."""

    def __init__(self, cluster: str) -> None:
        """Raises BadSetting if a cluster cannot have this name."""
        if not _CLUSTER.match(cluster) or len(cluster) > CLUSTER_NAME_LENGTH_MAX:
            raise BadSetting(
                f"The cluster cannot be named {cluster[:80]!r}: 1 to {CLUSTER_NAME_LENGTH_MAX} "
                "letters, digits, '.', '_' and '-' are allowed."
            )
        self.root = f"/busd/{cluster}/"
        self.meta = self.root + Kind.META
        self.controller = self.root + Kind.CONTROLLER
        self.producer_ids = self.root + Kind.PRODUCER_IDS
        self.gone = self.root + Kind.GONE
        self.acl_version = f"{self.root}{Kind.PERMISSION}/v"
        self.clients = self.prefix(Kind.CLIENT)

    def prefix(self, kind: Kind) -> str:
        """Of all keys of a kind of which there are many."""
        assert kind not in SINGLE, "there is one key of this kind"
        return f"{self.root}{kind}/"

    def broker(self, broker: int) -> str:
        """Where a broker answers."""
        return self._numbered(Kind.BROKER, broker)

    def broker_epoch(self, broker: int) -> str:
        """A broker's epoch and state."""
        return self._numbered(Kind.BROKER_EPOCH, broker)

    def broker_settings(self, broker: int) -> str:
        """Settings of one broker."""
        return self._numbered(Kind.BROKER_SETTINGS, broker)

    def directories(self, broker: int) -> str:
        """A broker's data directories."""
        return self._numbered(Kind.DIRECTORIES, broker)

    def group(self, group: int) -> str:
        """A group of partition records."""
        return self._numbered(Kind.GROUP, group)

    def recoveries(self, group: int) -> str:
        """Elections, of partitions of this group, of leaders that may lack records."""
        return self._numbered(Kind.RECOVERIES, group)

    def topic(self, name: str) -> str:
        """A topic; its name was checked."""
        return self.prefix(Kind.TOPIC) + check_topic_name(name)

    def permission(self, name: str) -> str:
        """One permission. Raises BadSetting if its name is too long."""
        return self._named(Kind.PERMISSION, _PERMISSIONS, name)

    def user(self, name: str) -> str:
        """A user. Raises BadSetting if the name is too long."""
        return self._named(Kind.USER, "", name)

    def name_of(self, key: str) -> Name | None:
        """What a key of this cluster is about; None if it is no such key."""
        if not key.startswith(self.root) or len(key) > KEY_BYTES_MAX:
            return None
        word, slash, rest = key[len(self.root) :].partition("/")
        try:
            kind = Kind(word)
        except ValueError:
            return None
        if kind in SINGLE:
            return None if slash else Name(kind)
        if kind in NUMBERED:
            is_number = _NUMBER.match(rest) is not None and int(rest) <= NUMBER_MAX
            return Name(kind, number=int(rest)) if is_number else None
        return self._text_of(kind, rest)

    def _text_of(self, kind: Kind, rest: str) -> Name | None:
        if kind is Kind.TOPIC:
            try:
                return Name(kind, text=check_topic_name(rest))
            except InvalidTopic:
                return None
        if kind is Kind.PERMISSION:
            if not rest.startswith(_PERMISSIONS):
                return None  # the version, or a stranger's
            rest = rest.removeprefix(_PERMISSIONS)
        text = unquote(rest)
        return Name(kind, text=text) if text and _escaped(text) == rest else None

    def _numbered(self, kind: Kind, number: int) -> str:
        assert 0 <= number <= NUMBER_MAX, number
        return f"{self.root}{kind}/{number}"

    def _named(self, kind: Kind, prefix: str, text: str) -> str:
        assert text, "it has a name"
        key = self.prefix(kind) + prefix + _escaped(text)
        if len(key) > KEY_BYTES_MAX:
            raise BadSetting(f"The name {text[:80]!r}... is too long to be kept.")
        return key


def check_cluster(text: str) -> str | None:
    """What is wrong with the name of a cluster, or None; empty is none."""
    try:
        Keys(text or LOCAL_CLUSTER)
    except BadSetting:
        return f"1 to {CLUSTER_NAME_LENGTH_MAX} letters, digits, '.', '_' and '-' are allowed"
    return None


def _escaped(text: str) -> str:
    return quote(text, safe="", errors="strict")
