"""Fetch sessions (KIP-227): a reader names its partitions once, and then only what changes.

Request                            What happens
-------                            ------------
epoch 0                            the session it names ends, a new one begins; the answer is full
epoch -1                           the session it names ends; the answer is full and without one
a session, its next epoch          partitions come and go; the answer has what is new
a session that is not kept         FetchSessionIdNotFound: the reader begins anew with epoch 0
a session, another epoch           InvalidFetchSessionEpoch: the same
names in one of ids, or ids in     FetchSessionTopicIdError: the same
one of names
nothing is left in it              it ends; the answer is empty and without one

A new session needs a slot. Where all are taken the one that was used longest ago gives way, if it
has rested for FETCH_SESSION_REST_MS; else the answer carries session 0, and the reader goes on
asking in full, which is right, only dearer.

What is new of a partition: records, an error, a divergence, a moved high watermark or log start.
Partitions that gave records move to the end, so that the next answer begins with the others.

Invariant: at most `slots` sessions, and FETCH_SESSION_PARTITIONS_MAX partitions in all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from bus.broker.reads import Piece
from bus.errors import (
    FetchSessionIdNotFound,
    FetchSessionTopicIdError,
    InvalidFetchSessionEpoch,
)
from bus.model.ids import NO_TOPIC_ID
from bus.model.limits import FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSION_REST_MS
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic

NO_SESSION = 0
FINAL_EPOCH, FIRST_EPOCH = -1, 0
EPOCH_MAX = 2**31 - 1

Key = tuple[str, UUID, int]  # topic, topic id, partition; one of the first two is empty
Asked = tuple[FetchTopic, FetchPartition]


@dataclass(slots=True)
class Member:
    """A partition of a session: how it is asked for, and what the reader knows of it."""

    asked: Asked
    high_watermark: int = -1
    start_offset: int = -1


@dataclass(slots=True, eq=False)
class Session:
    """What one reader has named."""

    session_id: int
    is_named: bool = True  # topics by their names, not by their ids
    epoch: int = 1  # that the next request has to bear
    used_ms: int = 0
    members: dict[Key, Member] = field(default_factory=dict)

    def changed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Those that say something new; the reader knows it from now on."""
        found: list[Piece] = []
        for piece in pieces:
            wanted = piece.wanted
            key = wanted.topic, wanted.topic_id, wanted.index
            member = self.members.get(key)
            if member is None or self._is_news(member, piece):
                found.append(piece)
            if member is not None and piece.size:
                self.members[key] = self.members.pop(key)
        return found

    def _is_news(self, member: Member, piece: Piece) -> bool:
        known = member.high_watermark, member.start_offset
        member.high_watermark, member.start_offset = piece.high_watermark, piece.start_offset
        return (
            piece.size > 0
            or piece.error != 0
            or piece.diverging is not None
            or piece.preferred >= 0
            or known != (piece.high_watermark, piece.start_offset)
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """A fetch as it is to be served."""

    error: int = 0
    asked: Iterable[Asked] = ()
    session: Session | None = None  # its answer has only what is new
    session_id: int = NO_SESSION  # for the answer


class Sessions:
    """The sessions of all readers."""

    def __init__(self, slots: int, new_id: Callable[[], int]) -> None:
        """`new_id` gives numbers above 0 that nobody can guess."""
        self._slots = slots
        self._new_id = new_id
        self._kept: dict[int, Session] = {}  # the one used longest ago first
        self._partitions = 0

    def __len__(self) -> int:
        return len(self._kept)

    def admit(self, request: FetchRequest, now_ms: int) -> Admitted:
        """Which partitions a request is about, and the session that it is part of."""
        if request.session_epoch in (FIRST_EPOCH, FINAL_EPOCH):
            self._drop(request.session_id)
            asked = list(_asked(request))
            if request.session_epoch == FINAL_EPOCH or not asked:
                return Admitted(asked=asked)
            session = self._begin(asked, now_ms)
            return Admitted(0, asked, session, session.session_id if session else NO_SESSION)
        session = self._kept.get(request.session_id)
        if session is None:
            return Admitted(FetchSessionIdNotFound.code)
        if session.epoch != request.session_epoch:
            return Admitted(InvalidFetchSessionEpoch.code)
        if any(_is_named(topic) != session.is_named for topic in request.topics):
            return Admitted(FetchSessionTopicIdError.code)
        if not self._update(session, request):
            self._drop(session.session_id)
            return Admitted(FetchSessionIdNotFound.code)
        if not session.members:
            self._drop(session.session_id)
            return Admitted()
        session.epoch = 1 if session.epoch == EPOCH_MAX else session.epoch + 1
        session.used_ms = now_ms
        self._kept[session.session_id] = self._kept.pop(session.session_id)
        asked = [member.asked for member in session.members.values()]
        return Admitted(0, asked, session, session.session_id)

    def _begin(self, asked: Sequence[Asked], now_ms: int) -> Session | None:
        """A session of these partitions, or None if there is no room for it."""
        members = {_key(*one): Member(one) for one in asked}
        is_named = _is_named(asked[0][0])
        if self._partitions + len(members) > FETCH_SESSION_PARTITIONS_MAX:
            return None
        if len(self._kept) >= self._slots:
            oldest = next(iter(self._kept.values()))
            if now_ms - oldest.used_ms < FETCH_SESSION_REST_MS:
                return None
            self._drop(oldest.session_id)
        session_id = self._new_id()
        while session_id in self._kept:
            session_id = self._new_id()
        session = self._kept[session_id] = Session(session_id, is_named, 1, now_ms, members)
        self._partitions += len(members)
        return session

    def _update(self, session: Session, request: FetchRequest) -> bool:
        """Take in what has changed; False if that is too much."""
        members, before = session.members, len(session.members)
        for topic in request.forgotten_topics_data:
            for index in topic.partitions:
                members.pop((topic.topic, topic.topic_id, index), None)
        for one in _asked(request):
            member = members.get(_key(*one))
            if member is None:
                members[_key(*one)] = Member(one)
            else:
                member.asked = one
        self._partitions += len(members) - before
        return self._partitions <= FETCH_SESSION_PARTITIONS_MAX

    def _drop(self, session_id: int) -> None:
        session = self._kept.pop(session_id, None)
        if session is not None:
            self._partitions -= len(session.members)


def _asked(request: FetchRequest) -> Iterable[Asked]:
    return ((topic, partition) for topic in request.topics for partition in topic.partitions)


def _is_named(topic: FetchTopic) -> bool:
    return topic.topic_id == NO_TOPIC_ID


def _key(topic: FetchTopic, partition: FetchPartition) -> Key:
    return topic.topic, topic.topic_id, partition.partition
