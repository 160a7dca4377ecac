"""The messages of etcd's v3 interface as its JSON gateway has them.

Bytes travel in base64, 64-bit numbers as decimal strings, and what is zero, false or empty is left
out. A stream answers one object a line, {"result": ...} or {"error": ...}. A call that failed
answers {"code": gRPC's status, "message": ...}; what etcd says of itself is quoted, shortened, and
never interpreted.

Whatever a peer sends that is not of this form is a FrameError.
"""

import base64
import binascii
import json
from typing import TypeAlias, cast

from bus.adapters.etcd.messages import (
    Answer,
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

Json: TypeAlias = dict[str, "object"]

PATHS: dict[type[Request] | type[Watching], str] = {
    Range: "/v3/kv/range",
    Txn: "/v3/kv/txn",
    Compact: "/v3/kv/compaction",
    Grant: "/v3/lease/grant",
    KeepAlive: "/v3/lease/keepalive",
    Revoke: "/v3/lease/revoke",
    Watching: "/v3/watch",
}
AUTHENTICATE = "/v3/auth/authenticate"
VERSION = "/version"
SAID_LENGTH_MAX = 200  # characters of an error of etcd's that are quoted
INT_MAX = 2**64 - 1  # ids are unsigned
REVISION_MAX = 2**63 - 1

# gRPC's status codes. All others, 14 (unavailable) and 4 (deadline) among them, leave it open
# whether the request was or will be carried out.
INVALID, NOT_FOUND, DENIED, EXHAUSTED, PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, NO_AUTH = (
    3, 5, 7, 8, 9, 11, 12, 16,
)  # fmt: skip
KIND_OF_STATUS = {
    INVALID: Kind.REFUSED,
    NOT_FOUND: Kind.NOT_FOUND,
    DENIED: Kind.REFUSED,
    EXHAUSTED: Kind.TOO_LARGE,
    PRECONDITION: Kind.ALREADY,
    OUT_OF_RANGE: Kind.COMPACTED,
    UNIMPLEMENTED: Kind.REFUSED,
    NO_AUTH: Kind.REFUSED,
}


# --- requests ----------------------------------------------------------------------------------


def encode(request: Request | Watching) -> bytes:
    """The body of a request."""
    return json.dumps(_request(request), separators=(",", ":")).encode()


def encode_login(user: str, password: str) -> bytes:
    """The body of a request for a token."""
    return json.dumps({"name": user, "password": password}).encode()


def _request(request: Request | Watching) -> Json:
    match request:
        case Range():
            return _range(request)
        case Txn():
            return {
                "compare": [
                    {"key": _text(key), "target": "MOD", "mod_revision": str(revision)}
                    for key, revision in request.compares
                ],
                "success": [_operation(operation) for operation in request.then],
                "failure": [{"request_range": _range(read)} for read in request.otherwise],
            }
        case Grant():
            return {"ID": str(request.lease), "TTL": str(request.ttl_s)}
        case KeepAlive() | Revoke():
            return {"ID": str(request.lease)}
        case Compact():
            return {"revision": str(request.revision)}
        case Watching():
            return {
                "create_request": {
                    "key": _text(request.key),
                    "range_end": _text(request.end),
                    "start_revision": str(request.revision),
                    "fragment": True,
                }
            }


def _range(request: Range) -> Json:
    content: Json = {"key": _text(request.key)}
    if request.end:
        content["range_end"] = _text(request.end)
    if request.limit:
        content["limit"] = str(request.limit)
    if request.revision:
        content["revision"] = str(request.revision)
    if request.without_values:
        content["keys_only"] = True
    if request.is_local:
        content["serializable"] = True
    return content


def _operation(operation: Put | Delete) -> Json:
    if isinstance(operation, Delete):
        return {"request_delete_range": {"key": _text(operation.key)}}
    content: Json = {"key": _text(operation.key), "value": _text(operation.value)}
    if operation.lease:
        content["lease"] = str(operation.lease)
    return {"request_put": content}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- answers -----------------------------------------------------------------------------------


def decode(request: Request, body: bytes) -> Answer:
    """The answer to `request`. Raises FrameError."""
    content = _object(body)
    match request:
        case Range():
            return Ranged(_header(content), _entries(content), _flag(content, "more"))
        case Txn():
            succeeded = _flag(content, "succeeded")
            ranges = () if succeeded else _ranges(content, len(request.otherwise))
            return Transacted(_header(content), succeeded, ranges)
        case Grant():
            if _int(content, "ID") != request.lease:
                raise FrameError("The answer is about another lease.")
            return Granted(_header(content), _int(content, "TTL", REVISION_MAX))
        case KeepAlive():
            result = _within(content, "result")
            return KeptAlive(_header(result), _int(result, "TTL", REVISION_MAX))
        case Revoke() | Compact():
            return Done(_header(content))


def decode_watched(line: bytes) -> Watched | Failure:
    """One line of a watch. Raises FrameError."""
    content = _object(line)
    if "error" in content:
        error = content["error"]
        return _failure(cast(Json, error) if isinstance(error, dict) else content)
    result = _within(content, "result")
    header = _header(result)
    if _int(result, "compact_revision", REVISION_MAX):
        return Failure(Kind.COMPACTED, "The history that the watch needs is gone.")
    if _flag(result, "canceled"):
        said = _said(result.get("cancel_reason"))
        return Failure(Kind.LOST, f"etcd has ended the watch: {said}.")
    events = tuple(_event(each) for each in _list(result, "events"))
    return Watched(header, events, _flag(result, "fragment"))


def decode_failure(body: bytes) -> Failure:
    """What a call that failed says. Raises FrameError."""
    return _failure(_object(body))


def decode_token(body: bytes) -> str:
    """The token of a login. Raises FrameError."""
    token = _object(body).get("token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise FrameError("The answer to the login has no token.")
    return token


def decode_version(body: bytes) -> str:
    """The server's version. Raises FrameError."""
    version = _object(body).get("etcdserver")
    if not isinstance(version, str):
        raise FrameError("What answers does not tell a version of etcd.")
    return version


def _failure(content: Json) -> Failure:
    status = content.get("code", content.get("grpc_code"))
    said = _said(content.get("message"))
    kind = KIND_OF_STATUS.get(status, Kind.LOST) if isinstance(status, int) else Kind.LOST
    return Failure(kind, f"etcd says: {said}.")


def is_login_needed(body: bytes) -> bool:
    """Has the token, or what it knows of rights, become old? Raises FrameError."""
    content = _object(body)
    said = content.get("message")
    is_old = content.get("code") == INVALID and isinstance(said, str) and "auth" in said
    return content.get("code") == NO_AUTH or is_old


def _event(content: object) -> Event:
    if not isinstance(content, dict):
        raise FrameError("An event is not an object.")
    key, entry = _entry(_within(content, "kv"))
    is_deletion = content.get("type", "PUT") == "DELETE"
    return Event(key, None if is_deletion else entry.value, entry.revision)


def _ranges(content: Json, count: int) -> tuple[dict[bytes, Entry], ...]:
    responses = _list(content, "responses")
    if len(responses) != count:
        raise FrameError(f"The transaction read {count} ranges, and {len(responses)} came.")
    return tuple(_entries(_within(each, "response_range")) for each in responses)


def _entries(content: Json) -> dict[bytes, Entry]:
    return dict(_entry(each) for each in _list(content, "kvs"))


def _entry(content: object) -> tuple[bytes, Entry]:
    if not isinstance(content, dict):
        raise FrameError("An entry is not an object.")
    revision = _int(content, "mod_revision", REVISION_MAX)
    if not revision:
        raise FrameError("An entry has no revision.")
    return _bytes(content, "key"), Entry(_bytes(content, "value"), revision)


def _header(content: Json) -> Header:
    header = _within(content, "header")
    return Header(_int(header, "cluster_id"), _int(header, "revision", REVISION_MAX))


# --- what JSON is made of ----------------------------------------------------------------------


def _object(body: bytes) -> Json:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise FrameError("What came is not JSON.") from None
    if not isinstance(content, dict):
        raise FrameError("What came is not a JSON object.")
    return content


def _within(content: object, name: str) -> Json:
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise FrameError(f"The answer has no {name!r}.")
    return found


def _list(content: Json, name: str) -> list[object]:
    found = content.get(name, [])
    if not isinstance(found, list):
        raise FrameError(f"In the answer {name!r} is not a list.")
    return found


def _int(content: Json, name: str, most: int = INT_MAX) -> int:
    found = content.get(name, "0")
    is_number = isinstance(found, str) and found.isascii() and found.isdecimal()
    if not isinstance(found, str) or not is_number or len(found) > 20 or int(found) > most:
        raise FrameError(f"In the answer {name!r} is not a number.")
    return int(found)


def _flag(content: Json, name: str) -> bool:
    found = content.get(name, False)
    if not isinstance(found, bool):
        raise FrameError(f"In the answer {name!r} is neither true nor false.")
    return found


def _bytes(content: Json, name: str) -> bytes:
    found = content.get(name, "")
    if not isinstance(found, str):
        raise FrameError(f"In the answer {name!r} is not a string.")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        raise FrameError(f"In the answer {name!r} is not base64.") from None


def _said(found: object) -> str:
    return quoted(found) if isinstance(found, str) else quoted("")


def quoted(text: str) -> str:
    """What a peer said, fit for a sentence of ours."""
    shown = "".join(c if c.isprintable() else " " for c in text.strip()[:SAID_LENGTH_MAX])
    return shown.rstrip(" .") or "nothing"
