"""The JSON of etcd's gateway: what we send, what it answers, and what a stranger may."""

import json
import random
from contextlib import suppress

import pytest

from bus.adapters.etcd import codec
from bus.adapters.etcd.messages import (
    Compact,
    Delete,
    Done,
    Event,
    Failure,
    Grant,
    Granted,
    Header,
    KeepAlive,
    KeptAlive,
    Kind,
    Put,
    Range,
    Ranged,
    Request,
    Revoke,
    Transacted,
    Txn,
    Watched,
    Watching,
)
from bus.errors import FrameError
from bus.ports import Entry

HEADER = {"cluster_id": "18446744073709551615", "member_id": "1", "revision": "7"}
KV = {"key": "YQ==", "value": "YWI=", "mod_revision": "5", "create_revision": "2", "version": "1"}
TXN = Txn(((b"a", 3), (b"b", 0)), (Put(b"a", b"v", 9), Delete(b"b")), (Range(b"a"),))

REQUESTS = [
    (Range(b"a"), {"key": "YQ=="}),
    (
        Range(b"a", b"b", 5, 3, True, True),
        {"key": "YQ==", "range_end": "Yg==", "limit": "5", "revision": "3", "keys_only": True,
         "serializable": True},
    ),
    (
        TXN,
        {
            "compare": [
                {"key": "YQ==", "target": "MOD", "mod_revision": "3"},
                {"key": "Yg==", "target": "MOD", "mod_revision": "0"},
            ],
            "success": [
                {"request_put": {"key": "YQ==", "value": "dg==", "lease": "9"}},
                {"request_delete_range": {"key": "Yg=="}},
            ],
            "failure": [{"request_range": {"key": "YQ=="}}],
        },
    ),
    (Grant(5, 2), {"ID": "5", "TTL": "2"}),
    (KeepAlive(5), {"ID": "5"}),
    (Revoke(5), {"ID": "5"}),
    (Compact(8), {"revision": "8"}),
    (
        Watching(b"a", b"b", 4),
        {"create_request": {"key": "YQ==", "range_end": "Yg==", "start_revision": "4",
                            "fragment": True}},
    ),
]  # fmt: skip

H = Header(2**64 - 1, 7)
ENTRIES = {b"a": Entry(b"ab", 5)}
READ = {"response_range": {"header": HEADER, "kvs": [KV], "count": "1"}}
ANSWERS = [
    (Range(b"a"), {"header": HEADER, "kvs": [KV], "more": True}, Ranged(H, ENTRIES, True)),
    (Range(b"a"), {"header": HEADER}, Ranged(H, {}, False)),
    (TXN, {"header": HEADER, "succeeded": True, "responses": [{}]}, Transacted(H, True, ())),
    (TXN, {"header": HEADER, "responses": [READ]}, Transacted(H, False, (ENTRIES,))),
    (Grant(5, 2), {"header": HEADER, "ID": "5", "TTL": "3"}, Granted(H, 3)),
    (KeepAlive(5), {"result": {"header": HEADER, "ID": "5", "TTL": "3"}}, KeptAlive(H, 3)),
    (KeepAlive(5), {"result": {"header": HEADER, "ID": "5"}}, KeptAlive(H, 0)),
    (Revoke(5), {"header": HEADER}, Done(H)),
    (Compact(5), {"header": HEADER}, Done(H)),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "content"), REQUESTS)
def test_requests_look_like_this(request_: Request, content: dict) -> None:
    assert json.loads(codec.encode(request_)) == content


@pytest.mark.parametrize(("request_", "content", "answer"), ANSWERS)
def test_answers_are_read(request_: Request, content: dict, answer: object) -> None:
    assert codec.decode(request_, json.dumps(content).encode()) == answer


def test_messages_of_a_watch_are_read() -> None:
    events = [{"kv": KV}, {"type": "DELETE", "kv": {"key": "YQ==", "mod_revision": "6"}}]
    line = {"result": {"header": HEADER, "events": events, "fragment": True}}
    assert codec.decode_watched(json.dumps(line).encode()) == Watched(
        H, (Event(b"a", b"ab", 5), Event(b"a", None, 6)), True
    )
    created = {"result": {"header": HEADER, "created": True}}
    assert codec.decode_watched(json.dumps(created).encode()) == Watched(H)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"result": {"header": HEADER, "canceled": True, "compact_revision": "9"}}, Kind.COMPACTED),
        ({"result": {"header": HEADER, "canceled": True, "cancel_reason": "x"}}, Kind.LOST),
        ({"error": {"grpc_code": 14, "message": "no leader"}}, Kind.LOST),
        ({"error": {"grpc_code": 7, "message": "permission denied"}}, Kind.REFUSED),
        ({"error": "no leader", "code": 14, "message": "no leader"}, Kind.LOST),
    ],
)
def test_ends_of_a_watch_are_told_apart(line: dict, kind: Kind) -> None:
    message = codec.decode_watched(json.dumps(line).encode())
    assert isinstance(message, Failure)
    assert message.kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (1, Kind.LOST), (2, Kind.LOST), (3, Kind.REFUSED), (4, Kind.LOST), (5, Kind.NOT_FOUND),
        (7, Kind.REFUSED), (8, Kind.TOO_LARGE), (9, Kind.ALREADY), (10, Kind.LOST),
        (11, Kind.COMPACTED), (12, Kind.REFUSED), (13, Kind.LOST), (14, Kind.LOST),
        (15, Kind.LOST), (16, Kind.REFUSED), (99, Kind.LOST), ("5", Kind.LOST), (None, Kind.LOST),
    ],
)  # fmt: skip
def test_a_failure_is_definite_only_where_etcd_says_so(status: object, kind: Kind) -> None:
    body = json.dumps({"code": status, "message": "etcdserver: so it is"}).encode()
    assert codec.decode_failure(body) == Failure(kind, "etcd says: etcdserver: so it is.")


def test_what_etcd_says_is_quoted_shortened_and_on_one_line() -> None:
    body = json.dumps({"code": 3, "message": "a\nb\x1b[31m" + "x" * 1000}).encode()
    sentence = codec.decode_failure(body).sentence
    assert sentence.isprintable()
    assert len(sentence) < 250


@pytest.mark.parametrize(
    ("content", "is_needed"),
    [
        ({"code": 16, "message": "etcdserver: invalid auth token"}, True),
        ({"code": 3, "message": "etcdserver: revision of auth store is old"}, True),
        ({"code": 3, "message": "etcdserver: duplicate key given in txn request"}, False),
        ({"code": 7, "message": "etcdserver: permission denied"}, False),
    ],
)
def test_an_old_token_is_recognised(content: dict, is_needed: bool) -> None:
    assert codec.is_login_needed(json.dumps(content).encode()) is is_needed


def test_tokens_and_versions_are_checked() -> None:
    assert codec.decode_token(b'{"token": "abc.1"}') == "abc.1"
    assert codec.decode_version(b'{"etcdserver": "3.4.23"}') == "3.4.23"
    for body in (b"{}", b'{"token": 3}', b'{"token": "a\\r\\nb: c"}', b'{"token": "\\u20ac"}'):
        with pytest.raises(FrameError):
            codec.decode_token(body)
    for body in (b"{}", b'{"etcdserver": 3}', b"<html>"):
        with pytest.raises(FrameError):
            codec.decode_version(body)


VALUES = [None, True, 3, -1, 1.5, "", "x", "-1", "9" * 30, "\u0665", [], [3], {}, {"a": 1}, "YQ"]


def corrupted(content: object, chance: random.Random) -> object:
    """The same with one thing in it replaced, left out or doubled."""
    if isinstance(content, dict) and content and chance.random() < 0.8:
        key = chance.choice(sorted(content))
        changed = dict(content)
        if chance.random() < 0.2:
            del changed[key]
        else:
            changed[key] = corrupted(content[key], chance)
        return changed
    if isinstance(content, list) and content and chance.random() < 0.7:
        return [corrupted(content[0], chance), *content]
    return chance.choice(VALUES)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_wrong_with_an_answer_is_a_frame_error_or_an_answer(seed: int) -> None:
    chance = random.Random(seed)
    for request, content, answer in ANSWERS:
        for _ in range(30):
            body = json.dumps(corrupted(content, chance)).encode()
            with suppress(FrameError):
                assert type(codec.decode(request, body)) is type(answer)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"3"]
)
def test_what_is_no_json_object_is_a_frame_error(body: bytes) -> None:
    for read in (codec.decode_watched, codec.decode_failure, codec.decode_token):
        with pytest.raises(FrameError):
            read(body)
    with pytest.raises(FrameError):
        codec.decode(Range(b"a"), body)


def test_an_answer_about_another_lease_is_refused() -> None:
    body = json.dumps({"header": HEADER, "ID": "6", "TTL": "3"}).encode()
    with pytest.raises(FrameError, match="another lease"):
        codec.decode(Grant(5, 2), body)
