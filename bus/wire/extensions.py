"""What this bus adds to Kafka's messages; it is spoken over ZeroMQ and never on a Kafka listener.

Tagged fields (KIP-482), present in every flexible version of their message:

    message                         tag   field           type   meaning
    ------------------------------- ----- --------------- ------ ------------------------------
    AlterConfigsResponse            10000 revision        int64  where the store shows it
    ApiVersionsResponse             10000 credit_bytes    int64  request bytes a peer may have open
    ApiVersionsResponse             10001 credit_requests int32  requests a peer may have open
    CreatePartitionsResponse        10000 revision        int64  where the store shows it
    CreateTopicsResponse            10000 revision        int64  where the store shows it
    DeleteTopicsResponse            10000 revision        int64  where the store shows it
    DescribeClusterBroker           10000 level_low       int16  the oldest level that it knows
    DescribeClusterBroker           10001 level_high      int16  the newest one
    DescribeClusterBroker           10002 is_draining     bool   it gives up all that it holds
    DescribeClusterResponse         10000 level           int16  that all brokers keep to
    ElectLeadersRequest             10000 leader          int32  who shall lead, if unclean
    ElectLeadersRequest             10001 lost_brokers    array  int32s: who will never come back
    ElectLeadersRequest             10002 end_offset      int64  where that leader's log ends
    ElectLeadersRequest             10003 seen_offset     int64  the highest end that is known of
    ElectLeadersRequest             10004 asked_by        string who wants it, in words
    FetchPartition                  10000 flushed_offset  int64  a replica has fsynced so much (R10)
    FetchRequest                    10000 credit_bytes    int64  answers may go on up to so many
    FetchRequest                    10001 host            string the machine where the reader runs
    FetchResponse                   10000 more            bool   a further answer will follow
    IncrementalAlterConfigsResponse 10000 revision        int64  where the store shows it
    MetadataRequest                 10000 watch           bool   tell it again when it changes
    MetadataResponse                10000 more            bool   a further answer may follow
    MetadataResponse                10001 revision        int64  as of the next one; to brokers
    MetadataResponseTopic           10000 batch_bytes_max int32  the largest batch it takes
    MetadataResponseTopic           10001 replicas_wanted int16  that it is to have, as of now
    PartitionData                   10000 file_range      struct where the records stand in a file
    PartitionProduceResponse        10000 flushed_offset  int64  fsynced below this, at answer time
    PartitionProduceResponse        10001 replicas        int32  brokers that hold the records
    UpdateFeaturesResponse          10000 revision        int64  where the store shows it

-1 in any of them, and so in any answer that does not carry them, is "not told"; `more` and
`is_draining` are false where they are not carried. A Fetch with a credit may be answered many
times, always with its own correlation id, and `more` is true in all of these answers but the last
(bus/broker/streams.py).
A Metadata of named topics that is to be watched is answered again whenever its answer would be
another, until the same peer watches anew (bus/broker/watches.py).
A reader that tells its host, and is on the broker's, may be given a `file_range` in place of
records (bus/client/file_link.py).

Tags from 10000 on are ours, numbered anew in each message; Kafka's own stay far below. API keys
from 20000 on are ours too. A message that has no answer carries the correlation id -1.

Invariant: a number, once given, is never given to something else.
"""

from bus.wire.schema import EXTENSION_TAG_MIN

API_KEY_MIN = 20_000
ONE_WAY = -1  # the correlation id of a message without an answer

CREDIT_BYTES = EXTENSION_TAG_MIN  # of ApiVersionsResponse and FetchRequest
CREDIT_REQUESTS = EXTENSION_TAG_MIN + 1
LEVEL = EXTENSION_TAG_MIN  # of DescribeClusterResponse
LEVEL_LOW = EXTENSION_TAG_MIN  # of DescribeClusterBroker
LEVEL_HIGH = EXTENSION_TAG_MIN + 1
IS_DRAINING = EXTENSION_TAG_MIN + 2  # of DescribeClusterBroker
HOST = EXTENSION_TAG_MIN + 1  # of FetchRequest
LEADER = EXTENSION_TAG_MIN  # of ElectLeadersRequest, as what follows
LOST_BROKERS = EXTENSION_TAG_MIN + 1
END_OFFSET = EXTENSION_TAG_MIN + 2
SEEN_OFFSET = EXTENSION_TAG_MIN + 3
ASKED_BY = EXTENSION_TAG_MIN + 4
REPLICA_FLUSHED_OFFSET = EXTENSION_TAG_MIN  # of FetchPartition
FILE_RANGE = EXTENSION_TAG_MIN  # of PartitionData

BATCH_BYTES_MAX = EXTENSION_TAG_MIN
REPLICAS_WANTED = EXTENSION_TAG_MIN + 1  # of MetadataResponseTopic

MORE = EXTENSION_TAG_MIN  # of FetchResponse and MetadataResponse

WATCH = EXTENSION_TAG_MIN  # of MetadataRequest

REVISION = EXTENSION_TAG_MIN  # of all that the controller carries out, but for Metadata
METADATA_REVISION = EXTENSION_TAG_MIN + 1  # of Metadata

FLUSHED_OFFSET = EXTENSION_TAG_MIN
REPLICAS = EXTENSION_TAG_MIN + 1
