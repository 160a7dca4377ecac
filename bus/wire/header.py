"""Request and response headers: what stands before a message's body.

    request    int16 api key, int16 api version, int32 correlation id, nullable string client id;
               then a tag section if the version is flexible (header version 2, else 1)
    response   int32 correlation id;
               then a tag section if the version is flexible (header version 1, else 0),
               except in ApiVersions, whose answer must be readable by whoever knows no version

The client id keeps the classic encoding in every version.
"""

from bus.wire.schema import int16, int32, nullable_string, program, table


@table
class RequestHeader:
    """Which request follows, at which version, and the number its answer will bear."""

    api_key: int = int16()
    api_version: int = int16()
    correlation_id: int = int32()
    client_id: str | None = nullable_string()


@table
class ResponseHeader:
    """Which request this answers."""

    correlation_id: int = int32()


REQUEST_HEADER = program(RequestHeader, 0, flexible=False)
RESPONSE_HEADER = program(ResponseHeader, 0, flexible=False)
