"""What went wrong, as an exit code and one sentence for people."""

import errno

from bus import errors
from bus.model.replication_errors import BrokerIdNotRegistered

OK = 0
FAILED = 1
USER_ERROR = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

_USERS_OWN = (  # errors of the bus that a change of the command line or the machine puts right
    BrokerIdNotRegistered,
    errors.BadSetting,
    errors.BrokerUnreachable,
    errors.DirectoryInUse,
    errors.GroupIdNotFound,
    errors.InvalidConfig,
    errors.InvalidPartitions,
    errors.InvalidReplicationFactor,
    errors.InvalidTopic,
    errors.NonEmptyGroup,
    errors.OffsetOutOfRange,
    errors.TopicAlreadyExists,
    errors.UnknownTopicOrPartition,
    errors.UnsafeFilesystem,
    errors.UnsupportedCompressionType,
)


class UserError(Exception):
    """A mistake of the user, as one sentence that says what to do."""


class Failure(Exception):
    """The command did its work and the result is bad, as one sentence."""


def code_of(error: Exception) -> int:
    """1 or 2, as the table in `bus.cli.main` says."""
    return USER_ERROR if isinstance(error, (UserError, OSError, *_USERS_OWN)) else FAILED


def sentence_of(error: Exception) -> str | None:
    """What to tell the user; None for an error that only a traceback explains."""
    if isinstance(error, UserError | Failure | errors.BusError):
        return str(error)
    if isinstance(error, OSError):
        return _of_the_system(error)
    return None


def _of_the_system(error: OSError) -> str:
    where = error.filename if isinstance(error.filename, str) else ""
    if not where:  # raised with a sentence of its own
        return str(error.args[0] if len(error.args) == 1 else error.strerror or error)
    if error.errno == errno.ENOENT:
        return f"There is no file or directory {where}."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{where} may not be read or written: {error.strerror}."
    return f"{where}: {error.strerror}."
