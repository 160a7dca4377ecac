"""The messages of etcd's v3 interface as its JSON gateway has them.

Bytes travel in base64, 64-bit numbers as decimal strings, and what is zero, false or empty is left
out. A stream answers one object a line, {"result": ...} or {"error": ...}. A call that failed
answers {"code": gRPC's status, "message": ...}; what etcd says of itself is quoted, shortened, and
never interpreted.

Whatever a peer sends that is not of this form is a FrameError.
"""

import base64
import json
from typing import cast

from bus.adapters.etcd import codec_members
from bus.adapters.etcd.json_parts import (
    REVISION_MAX,
    Json,
    bytes_of,
    flag_of,
    header_of,
    int_of,
    list_of,
    object_of,
    said_of,
    within,
)
from bus.adapters.etcd.messages import (
    Answer,
    Compact,
    Delete,
    Done,
    Event,
    Failure,
    Grant,
    Granted,
    KeepAlive,
    KeptAlive,
    Kind,
    OfMembers,
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

PATHS: dict[type[Request] | type[Watching], str] = {
    Range: "/v3/kv/range",
    Txn: "/v3/kv/txn",
    Compact: "/v3/kv/compaction",
    Grant: "/v3/lease/grant",
    KeepAlive: "/v3/lease/keepalive",
    Revoke: "/v3/lease/revoke",
    Watching: "/v3/watch",
    **codec_members.PATHS,
}
AUTHENTICATE = "/v3/auth/authenticate"
VERSION = "/version"

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
    if isinstance(request, OfMembers):
        return codec_members.encode(request)
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
    content = object_of(body)
    if isinstance(request, OfMembers):
        return codec_members.decode(request, content)
    match request:
        case Range():
            return Ranged(header_of(content), _entries(content), flag_of(content, "more"))
        case Txn():
            succeeded = flag_of(content, "succeeded")
            ranges = () if succeeded else _ranges(content, len(request.otherwise))
            return Transacted(header_of(content), succeeded, ranges)
        case Grant():
            if int_of(content, "ID") != request.lease:
                raise FrameError("The answer is about another lease.")
            return Granted(header_of(content), int_of(content, "TTL", REVISION_MAX))
        case KeepAlive():
            result = within(content, "result")
            return KeptAlive(header_of(result), int_of(result, "TTL", REVISION_MAX))
        case Revoke() | Compact():
            return Done(header_of(content))


def decode_watched(line: bytes) -> Watched | Failure:
    """One line of a watch. Raises FrameError."""
    content = object_of(line)
    if "error" in content:
        error = content["error"]
        return _failure(cast(Json, error) if isinstance(error, dict) else content)
    result = within(content, "result")
    header = header_of(result)
    if int_of(result, "compact_revision", REVISION_MAX):
        return Failure(Kind.COMPACTED, "The history that the watch needs is gone.")
    if flag_of(result, "canceled"):
        said = said_of(result.get("cancel_reason"))
        return Failure(Kind.LOST, f"etcd has ended the watch: {said}.")
    events = tuple(_event(each) for each in list_of(result, "events"))
    return Watched(header, events, flag_of(result, "fragment"))


def decode_failure(body: bytes) -> Failure:
    """What a call that failed says. Raises FrameError."""
    return _failure(object_of(body))


def decode_token(body: bytes) -> str:
    """The token of a login. Raises FrameError."""
    token = object_of(body).get("token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise FrameError("The answer to the login has no token.")
    return token


def decode_version(body: bytes) -> str:
    """The server's version. Raises FrameError."""
    version = object_of(body).get("etcdserver")
    if not isinstance(version, str):
        raise FrameError("What answers does not tell a version of etcd.")
    return version


def _failure(content: Json) -> Failure:
    status = content.get("code", content.get("grpc_code"))
    said = said_of(content.get("message"))
    kind = KIND_OF_STATUS.get(status, Kind.LOST) if isinstance(status, int) else Kind.LOST
    return Failure(kind, f"etcd says: {said}.")


def is_login_needed(body: bytes) -> bool:
    """Has the token, or what it knows of rights, become old? Raises FrameError."""
    content = object_of(body)
    said = content.get("message")
    is_old = content.get("code") == INVALID and isinstance(said, str) and "auth" in said
    return content.get("code") == NO_AUTH or is_old


def _event(content: object) -> Event:
    if not isinstance(content, dict):
        raise FrameError("An event is not an object.")
    key, entry = _entry(within(content, "kv"))
    is_deletion = content.get("type", "PUT") == "DELETE"
    return Event(key, None if is_deletion else entry.value, entry.revision)


def _ranges(content: Json, count: int) -> tuple[dict[bytes, Entry], ...]:
    responses = list_of(content, "responses")
    if len(responses) != count:
        raise FrameError(f"The transaction read {count} ranges, and {len(responses)} came.")
    return tuple(_entries(within(each, "response_range")) for each in responses)


def _entries(content: Json) -> dict[bytes, Entry]:
    return dict(_entry(each) for each in list_of(content, "kvs"))


def _entry(content: object) -> tuple[bytes, Entry]:
    if not isinstance(content, dict):
        raise FrameError("An entry is not an object.")
    revision = int_of(content, "mod_revision", REVISION_MAX)
    if not revision:
        raise FrameError("An entry has no revision.")
    return bytes_of(content, "key"), Entry(bytes_of(content, "value"), revision)
