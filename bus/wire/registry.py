"""Every request the bus knows: its key, its tables and its versions.

kafka-protocol: the versions are those that clients in use need. `min_version` to `max_version`,
both included, are what the codec reads and writes; a Kafka listener may advertise other bounds,
because some clients draw conclusions from them.
"""

from dataclasses import dataclass

from bus.errors import UnsupportedVersion
from bus.native.codec import Program
from bus.wire.admin import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from bus.wire.fetch import FetchRequest, FetchResponse
from bus.wire.metadata import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    MetadataRequest,
    MetadataResponse,
)
from bus.wire.offsets import (
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
)
from bus.wire.produce import ProduceRequest, ProduceResponse
from bus.wire.schema import EVER, Message, program
from bus.wire.transactions import InitProducerIdRequest, InitProducerIdResponse

API_VERSIONS = 18


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request and its answer."""

    key: int
    name: str
    request: type[Message]
    response: type[Message]
    min_version: int
    max_version: int  # included
    flexible_since: int  # the first version in the compact encoding; EVER if there is none
    kafka_min: int | None = None  # what a Kafka listener advertises instead of min_version
    kafka_max: int | None = None  # what a Kafka listener advertises instead of max_version

    def is_flexible(self, version: int) -> bool:
        """Does this version use the compact encoding and tag sections?"""
        return version >= self.flexible_since

    def has_flexible_answer_header(self, version: int) -> bool:
        """Does the answer's header have a tag section? ApiVersions' never has."""
        return version >= self.flexible_since and self.key != API_VERSIONS

    def advertised(self, kafka: bool) -> tuple[int, int]:
        """Lowest and highest version for an ApiVersions answer, both included."""
        if not kafka:
            return self.min_version, self.max_version
        low = self.min_version if self.kafka_min is None else self.kafka_min
        return low, self.max_version if self.kafka_max is None else self.kafka_max

    def request_program(self, version: int, extensions: bool) -> Program:
        """The request's table at a version. Raises UnsupportedVersion."""
        self._check(version)
        return program(self.request, version, version >= self.flexible_since, extensions)

    def response_program(self, version: int, extensions: bool) -> Program:
        """The answer's table at a version. Raises UnsupportedVersion."""
        self._check(version)
        return program(self.response, version, version >= self.flexible_since, extensions)

    def _check(self, version: int) -> None:
        if not self.min_version <= version <= self.max_version:
            raise UnsupportedVersion(
                f"{self.name} version {version} is not served; versions {self.min_version} to "
                f"{self.max_version} are."
            )


APIS = (
    Api(0, "Produce", ProduceRequest, ProduceResponse, 3, 11, 9, kafka_min=0),
    Api(1, "Fetch", FetchRequest, FetchResponse, 4, 16, 12, kafka_max=12),
    Api(2, "ListOffsets", ListOffsetsRequest, ListOffsetsResponse, 1, 7, 6),
    Api(3, "Metadata", MetadataRequest, MetadataResponse, 0, 12, 9),
    Api(API_VERSIONS, "ApiVersions", ApiVersionsRequest, ApiVersionsResponse, 0, 4, 3),
    Api(19, "CreateTopics", CreateTopicsRequest, CreateTopicsResponse, 0, 7, 5),
    Api(20, "DeleteTopics", DeleteTopicsRequest, DeleteTopicsResponse, 0, 6, 4),
    Api(21, "DeleteRecords", DeleteRecordsRequest, DeleteRecordsResponse, 0, 2, 2),
    Api(22, "InitProducerId", InitProducerIdRequest, InitProducerIdResponse, 0, 4, 2),
    Api(32, "DescribeConfigs", DescribeConfigsRequest, DescribeConfigsResponse, 0, 4, 4),
    Api(37, "CreatePartitions", CreatePartitionsRequest, CreatePartitionsResponse, 0, 3, 2),
    Api(
        44,
        "IncrementalAlterConfigs",
        IncrementalAlterConfigsRequest,
        IncrementalAlterConfigsResponse,
        0,
        1,
        1,
    ),
)

API_BY_KEY: dict[int, Api] = {api.key: api for api in APIS}
_API_BY_TYPE: dict[type, Api] = {t: api for api in APIS for t in (api.request, api.response)}

assert len(API_BY_KEY) == len(APIS), "two requests share a key"
assert all(api.flexible_since <= EVER for api in APIS)


def api_of(message: Message | type[Message]) -> Api:
    """The Api that a request or a response, or the class of one, belongs to."""
    return _API_BY_TYPE[message if isinstance(message, type) else type(message)]


def api_by_key(key: int) -> Api:
    """The Api with this key. Raises UnsupportedVersion, as a peer's key may be anything."""
    api = API_BY_KEY.get(key)
    if api is None:
        raise UnsupportedVersion(f"There is no request with the key {key} here.")
    return api
