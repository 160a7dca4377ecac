"""What requests that the controller carries out are answered with."""

from bus.wire.admin import (
    AlterConfigsResponse,
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
    IncrementalAlterConfigsResponse,
)
from bus.wire.features import UpdateFeaturesResponse

Changed = (
    CreateTopicsResponse
    | DeleteTopicsResponse
    | CreatePartitionsResponse
    | AlterConfigsResponse
    | IncrementalAlterConfigsResponse
    | UpdateFeaturesResponse
)


def results(answer: Changed) -> list[int]:
    """The error code of each part."""
    if isinstance(answer, CreateTopicsResponse):
        return [part.error_code for part in answer.topics]
    if isinstance(answer, CreatePartitionsResponse | UpdateFeaturesResponse):
        return [part.error_code for part in answer.results]
    return [part.error_code for part in answer.responses]
