"""What answers as an etcd: JSON of any kind, and a watch that is told of anything."""

import json
from collections.abc import Iterable
from contextlib import suppress

from bus.adapters.etcd import codec
from bus.adapters.etcd.json_parts import quoted
from bus.adapters.etcd.messages import (
    AddLearner,
    AskState,
    Grant,
    KeepAlive,
    ListMembers,
    Put,
    Range,
    Request,
    Revoke,
    Txn,
    Watched,
)
from bus.adapters.etcd.tracking import Tracker
from bus.adapters.etcd.versions import objection
from bus.errors import FrameError
from bus.ports import Entry

REQUESTS: tuple[Request, ...] = (
    Range(b"a"),
    Txn(((b"a", 0),), (Put(b"a", b""),), (Range(b"a"),)),
    Grant(5, 2),
    KeepAlive(5),
    Revoke(5),
    ListMembers(),
    AddLearner("http://h:2380"),
    AskState(),
)
HEADER = {"cluster_id": "1", "member_id": "2", "revision": "7", "raft_term": "3"}
KV = {"key": "L3IvYQ==", "value": "YWI=", "mod_revision": "6", "create_revision": "2"}


def answers(data: bytes) -> None:
    """An answer to any request, a line of a watch, an error, a token, a version."""
    for request in REQUESTS:
        with suppress(FrameError):
            codec.decode(request, data)
    for read in (codec.decode_failure, codec.decode_token, codec.is_login_needed):
        with suppress(FrameError):
            read(data)
    with suppress(FrameError):
        assert len(objection(codec.decode_version(data)) or "") < 200
    with suppress(FrameError):
        message = codec.decode_watched(data)
        if isinstance(message, Watched):
            tracker = Tracker("/r/", "/r/client/")
            tracker.restart({b"/r/a": Entry(b"", 3)}, 5)
            revisions = [change.revision for change in tracker.take(message)]
            assert revisions == sorted(set(revisions))
            assert all(revision > 5 for revision in revisions)
    assert quoted(data.decode(errors="replace")).isprintable()


def seeds() -> Iterable[bytes]:
    """One of each."""
    read = {"response_range": {"header": HEADER, "kvs": [KV], "count": "1"}}
    events = [{"kv": KV}, {"type": "DELETE", "kv": {"key": "L3IvYQ==", "mod_revision": "7"}}]
    contents: list[object] = [
        {"header": HEADER, "kvs": [KV], "more": True, "count": "2"},
        {"header": HEADER, "succeeded": True, "responses": [{"response_put": {}}]},
        {"header": HEADER, "responses": [read]},
        {"header": HEADER, "ID": "5", "TTL": "2"},
        {"result": {"header": HEADER, "ID": "5", "TTL": "2"}},
        {"result": {"header": HEADER, "created": True}},
        {"result": {"header": HEADER, "events": events, "fragment": True}},
        {"result": {"header": HEADER, "events": events}},
        {"result": {"header": HEADER, "canceled": True, "compact_revision": "9"}},
        {"error": {"grpc_code": 14, "message": "no leader"}},
        {"error": "x", "code": 16, "message": "etcdserver: invalid auth token"},
        {"header": HEADER, "members": [{"ID": "5", "name": "a", "peerURLs": ["http://h:2380"]}]},
        {"header": HEADER, "leader": "5", "errors": ["etcdserver: no leader"]},
        {"token": "abc.7"},
        {"etcdserver": "3.4.23", "etcdcluster": "3.4.0"},
    ]
    for content in contents:
        yield json.dumps(content).encode()
