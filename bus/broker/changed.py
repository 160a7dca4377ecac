"""What requests that change topics are answered with."""

from bus.wire.admin import (
    AlterConfigsResponse,
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
    IncrementalAlterConfigsResponse,
)

Changed = (
    CreateTopicsResponse
    | DeleteTopicsResponse
    | CreatePartitionsResponse
    | AlterConfigsResponse
    | IncrementalAlterConfigsResponse
)


def results(answer: Changed) -> list[int]:
    """The error code of each part."""
    if isinstance(answer, CreateTopicsResponse):
        return [part.error_code for part in answer.topics]
    if isinstance(answer, CreatePartitionsResponse):
        return [part.error_code for part in answer.results]
    return [part.error_code for part in answer.responses]
