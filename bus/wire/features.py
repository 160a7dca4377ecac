"""UpdateFeatures (key 57, versions 0 to 1): the cluster goes to another level."""

from bus.wire.extensions import REVISION
from bus.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    nullable_string,
    string,
    table,
)

UPGRADE, SAFE_DOWNGRADE = 1, 2  # kinds of update; version 0 has a flag for those that go back


@table
class FeatureUpdateKey:
    """One feature, and the level that all brokers shall use."""

    feature: str = string()
    max_version_level: int = int16()
    allow_downgrade: bool = boolean(until=1)
    upgrade_type: int = int8(UPGRADE, since=1)


@table
class UpdateFeaturesRequest(Message):
    """Use these levels from now on, or only say whether that could be."""

    timeout_ms: int = int32(60_000)
    feature_updates: list[FeatureUpdateKey] = array(FeatureUpdateKey)
    validate_only: bool = boolean(since=1)


@table
class UpdatableFeatureResult:
    """What became of one."""

    feature: str = string()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class UpdateFeaturesResponse(Message):
    """What became of each."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()
    results: list[UpdatableFeatureResult] = array(UpdatableFeatureResult)
    revision: int = int64(-1, tag=REVISION)
