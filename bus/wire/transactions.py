"""InitProducerId (key 22, versions 0 to 4): a producer id and its epoch."""

from bus.wire.schema import Message, int16, int32, int64, nullable_string, table


@table
class InitProducerIdRequest(Message):
    """Ask for a producer id; without a transactional id it serves idempotence alone."""

    transactional_id: str | None = nullable_string()
    transaction_timeout_ms: int = int32()
    producer_id: int = int64(-1, since=3)
    producer_epoch: int = int16(-1, since=3)


@table
class InitProducerIdResponse(Message):
    """The id and the epoch from now on."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    producer_id: int = int64(-1)
    producer_epoch: int = int16()
