"""Every error the bus can raise or put on the wire: one frozen code, one sentence, one promise.

Codes from -1 up are Kafka's (protocol: Error Codes) and travel in responses. Codes from -1000
down are ours and never leave the process. Two questions are answered by the class itself:

retriable  may the same request succeed if it is sent again as it is?
definite   is it certain that a produce answered with this error wrote nothing?

Invariant: no two classes share a code; a duplicate fails at import.
"""

from typing import ClassVar

_BY_CODE: dict[int, type["BusError"]] = {}


class BusError(Exception):
    """The root of all errors of the bus."""

    code: ClassVar[int] = -1
    retriable: ClassVar[bool] = False
    definite: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, code: int | None = None, retriable: bool = False, definite: bool = True
    ) -> None:
        super().__init_subclass__()
        if code is None:
            return
        assert code not in _BY_CODE, f"{cls.__name__} and {_BY_CODE[code].__name__} share {code}"
        cls.code, cls.retriable, cls.definite = code, retriable, definite
        _BY_CODE[code] = cls

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or type(self).__name__)


def error_class(code: int) -> type[BusError]:
    """The class of a wire code; a code we do not know is an UnknownServerError."""
    return _BY_CODE.get(code, UnknownServerError)


def error_of(code: int, detail: str | None = None) -> BusError:
    """An instance for a non-zero wire code; `detail` replaces the class's own sentence."""
    assert code != NONE, "success is not an error"
    known = _BY_CODE.get(code)
    if known is None:
        return UnknownServerError(detail or f"The server answered with the unknown code {code}.")
    return known(detail) if detail else known()


def all_errors() -> dict[int, type[BusError]]:
    """Code to class, for tables and tests."""
    return dict(_BY_CODE)


NONE = 0  # the code of success


# --- Kafka's codes -------------------------------------------------------------------------


class UnknownServerError(BusError, code=-1, definite=False):
    """The server failed in a way that it has no name for; its log says more."""


class OffsetOutOfRange(BusError, code=1):
    """The offset is below the log's start or above its end."""


class CorruptMessage(BusError, code=2, retriable=True):
    """A record batch failed its checksum or contradicts itself."""


class UnknownTopicOrPartition(BusError, code=3, retriable=True):
    """This broker does not host the topic or partition."""


class InvalidFetchSize(BusError, code=4):
    """The fetch size is not positive."""


class LeaderNotAvailable(BusError, code=5, retriable=True):
    """The partition has no leader at the moment."""


class NotLeader(BusError, code=6, retriable=True, definite=False):
    """This broker does not lead the partition; refresh metadata and retry."""


class RequestTimedOut(BusError, code=7, retriable=True, definite=False):
    """The request was not answered in time; it may still take effect."""


class MessageTooLarge(BusError, code=10):
    """The record batch is larger than the topic's max.message.bytes."""


class OffsetMetadataTooLarge(BusError, code=12):
    """The metadata string of an offset commit is too long."""


class NetworkError(BusError, code=13, retriable=True, definite=False):
    """The connection broke before an answer came."""


class CoordinatorLoading(BusError, code=14, retriable=True):
    """The coordinator is still loading its state."""


class CoordinatorNotAvailable(BusError, code=15, retriable=True):
    """The coordinator is not available."""


class NotCoordinator(BusError, code=16, retriable=True):
    """This broker is not the coordinator of the group or transaction."""


class InvalidTopic(BusError, code=17):
    """The topic name is not valid."""


class RecordListTooLarge(BusError, code=18):
    """The batch is larger than a segment."""


class NotEnoughReplicas(BusError, code=19, retriable=True):
    """Fewer replicas are in sync than min.insync.replicas asks for; nothing was written."""


class NotEnoughReplicasAfterAppend(BusError, code=20, retriable=True, definite=False):
    """The record was written, but the in-sync replicas shrank before it was committed."""


class InvalidRequiredAcks(BusError, code=21):
    """acks must be 0, 1 or all (-1)."""


class IllegalGeneration(BusError, code=22):
    """The group has moved to another generation."""


class InconsistentGroupProtocol(BusError, code=23):
    """The member shares no protocol with the group."""


class InvalidGroupId(BusError, code=24):
    """The group id is not valid."""


class UnknownMemberId(BusError, code=25):
    """The coordinator does not know this member."""


class InvalidSessionTimeout(BusError, code=26):
    """The session timeout is outside the coordinator's bounds."""


class RebalanceInProgress(BusError, code=27):
    """The group is rebalancing; join again."""


class InvalidCommitOffsetSize(BusError, code=28):
    """The offset commit is too large."""


class TopicAuthorizationFailed(BusError, code=29):
    """Not authorised for the topic."""


class GroupAuthorizationFailed(BusError, code=30):
    """Not authorised for the group."""


class ClusterAuthorizationFailed(BusError, code=31):
    """Not authorised for the cluster."""


class InvalidTimestamp(BusError, code=32):
    """A record's timestamp is outside the topic's bounds."""


class UnsupportedVersion(BusError, code=35):
    """The broker does not serve this version of the request."""


class TopicAlreadyExists(BusError, code=36):
    """A topic with this name exists already."""


class InvalidPartitions(BusError, code=37):
    """The number of partitions is not valid."""


class InvalidReplicationFactor(BusError, code=38):
    """The replication factor is below 1 or above the number of brokers."""


class InvalidReplicaAssignment(BusError, code=39):
    """The replica assignment is not valid."""


class InvalidConfig(BusError, code=40):
    """A setting is unknown, out of bounds, or promises what this broker does not keep."""


class NotController(BusError, code=41, retriable=True):
    """This broker is not the controller."""


class InvalidRequest(BusError, code=42):
    """The request contradicts itself or the protocol."""


class PolicyViolation(BusError, code=44):
    """The request breaks a policy of this cluster."""


class OutOfOrderSequence(BusError, code=45):
    """A batch of an idempotent producer does not follow the one before it."""


class DuplicateSequence(BusError, code=46):
    """A batch of an idempotent producer was written before."""


class InvalidProducerEpoch(BusError, code=47):
    """A newer instance of this producer has taken over."""


class InvalidTransactionState(BusError, code=48):
    """The transaction is not in a state that allows this."""


class InvalidProducerIdMapping(BusError, code=49):
    """The producer id does not belong to this transactional id."""


class InvalidTransactionTimeout(BusError, code=50):
    """The transaction timeout is above the broker's maximum."""


class ConcurrentTransactions(BusError, code=51, retriable=True):
    """The previous transaction of this producer is not yet complete."""


class TransactionalIdAuthorizationFailed(BusError, code=53):
    """Not authorised for the transactional id."""


class SecurityDisabled(BusError, code=54):
    """Security is not enabled on this broker."""


class OperationNotAttempted(BusError, code=55):
    """Another part of the request failed, so this one was not tried."""


class StorageError(BusError, code=56, retriable=True, definite=False):
    """The disk failed; its partitions are fenced."""


class NonEmptyGroup(BusError, code=68):
    """The group still has members."""


class GroupIdNotFound(BusError, code=69):
    """There is no such group."""


class FetchSessionIdNotFound(BusError, code=70, retriable=True):
    """The broker does not know this fetch session."""


class InvalidFetchSessionEpoch(BusError, code=71, retriable=True):
    """The epoch of the fetch session is not the expected one."""


class FencedLeaderEpoch(BusError, code=74, retriable=True):
    """The request carries an older leader epoch than the broker's."""


class UnknownLeaderEpoch(BusError, code=75, retriable=True):
    """The request carries a newer leader epoch than the broker's."""


class UnsupportedCompressionType(BusError, code=76):
    """The compression is not known, or not allowed at this version."""


class OffsetNotAvailable(BusError, code=78, retriable=True):
    """The new leader does not yet know how far the log is committed."""


class MemberIdRequired(BusError, code=79):
    """Join again with the member id in this answer."""


class GroupMaxSizeReached(BusError, code=81):
    """The group has as many members as it may."""


class FencedInstanceId(BusError, code=82):
    """Another member with the same group instance id has taken over."""


class GroupSubscribedToTopic(BusError, code=86):
    """A member of the group still consumes the topic."""


class InvalidRecord(BusError, code=87):
    """A record failed the broker's validation."""


class UnstableOffsetCommit(BusError, code=88, retriable=True):
    """An offset commit waits for its transaction."""


class ThrottlingQuotaExceeded(BusError, code=89, retriable=True):
    """The quota is used up; retry later."""


class ProducerFenced(BusError, code=90):
    """A newer producer with the same transactional id has taken over."""


class UnknownTopicId(BusError, code=100, retriable=True):
    """This broker hosts no topic with this id."""


class FetchSessionTopicIdError(BusError, code=106, retriable=True):
    """A fetch session names topics as it did when it began: by their names, or by their ids."""


class MismatchedEndpointType(BusError, code=114):
    """The request was sent to an endpoint of another type."""


class UnsupportedEndpointType(BusError, code=115):
    """There is no endpoint of this type."""


# --- Ours: they never leave the process ----------------------------------------------------


class BufferFull(BusError, code=-1001, retriable=True):
    """The producer's buffer stayed full until the deadline; nothing was accepted."""


class ForkedClient(BusError, code=-1002):
    """This handle belongs to the parent process; open a new one after a fork."""


class Closed(BusError, code=-1003):
    """The handle is closed."""


class BrokerUnreachable(BusError, code=-1004, retriable=True, definite=False):
    """No broker could be reached before the deadline."""


class CorruptBatch(BusError, code=-1005):
    """Bytes that should be a record batch are not one."""


class FrameError(BusError, code=-1006):
    """A peer's bytes do not form a valid request or response."""


class DiskFull(BusError, code=-1007, retriable=True):
    """The disk has no room for the next piece of the log."""


class DirectoryInUse(BusError, code=-1008):
    """Another process has the data directory open."""


class LogTruncated(BusError, code=-1009):
    """The log was cut below the consumer's position: records it has read are gone."""


class BadSetting(BusError, code=-1010):
    """A setting is unknown, malformed or out of bounds."""


class CorruptLog(BusError, code=-1011):
    """The log on disk is damaged below the offset that was known to be durable."""


class UnsafeFilesystem(BusError, code=-1012):
    """The filesystem does not keep the durability that flush=group promises."""


class MissingDirectory(BusError, code=-1014):
    """A data directory that belongs to the broker is not there."""


class BrokerStopped(BusError, code=-1013, retriable=True, definite=False):
    """The broker is stopping or has stopped."""
