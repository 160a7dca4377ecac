"""What came of one scenario of one suite on one broker.

passed   as it should be
failed   the client or the broker did something else; the reason says what
absent   the client cannot do this at all, on any broker
not run  what the suite needs could not be had here; this is never counted as passed
"""

from dataclasses import dataclass

PASSED, FAILED, ABSENT, NOT_RUN = "passed", "failed", "absent", "not run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell of the table."""

    scenario: str
    state: str
    reason: str = ""
    seconds: float = 0.0


def is_good(kafka: Outcome | None, busd: Outcome | None) -> bool:
    """What passes on Kafka passes on busd; what the client cannot do, it cannot do on either."""
    if busd is None or busd.state == NOT_RUN:
        return False
    if busd.state == PASSED or kafka is None:
        return busd.state != FAILED
    return kafka.state not in (PASSED, NOT_RUN)
