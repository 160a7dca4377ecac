"""What is asked of the controller about a broker: to remove it (UnregisterBroker), or to drain it.

UnregisterBroker is Kafka's (key 64, version 0); DrainBroker is ours (key 20100).
"""

from bus.wire.schema import Message, boolean, int16, int32, nullable_string, table


@table
class UnregisterBrokerRequest(Message):
    """A broker is not coming back."""

    broker_id: int = int32()


@table
class UnregisterBrokerResponse(Message):
    """What came of it."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class DrainBrokerRequest(Message):
    """A broker shall hold nothing any more; or it may again."""

    broker_id: int = int32()
    is_draining: bool = boolean()


@table
class DrainBrokerResponse(Message):
    """What came of it: whether it has begun. ListPartitionReassignments shows how it goes on."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
