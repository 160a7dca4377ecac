"""Every bound on what can grow, by name. Bytes unless the name says otherwise."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

TOPIC_NAME_LENGTH_MAX = 249  # characters, Kafka's
PARTITIONS_PER_TOPIC_MAX = 10_000
TOPICS_CREATED_PER_LOOKUP_MAX = 50  # by one Metadata; who asks for more has to ask again
CLIENT_ID_LENGTH_MAX = 1024

# Requests and responses.
FRAME_BYTES_MAX = 100 * MIB  # one request with all its frames
BUFFERS_PER_REQUEST_MAX = 64  # record batches of one request
FRAMES_PER_REQUEST_MAX = BUFFERS_PER_REQUEST_MAX + 2  # identity, header and body before them
REQUEST_ELEMENTS_MAX = 250_000  # of all arrays of one request, their own elements included
RESPONSE_ELEMENTS_MAX = 5_000_000  # of all arrays of one response
REQUESTS_UNANSWERED_MAX = 16  # of one peer over ZeroMQ
REQUESTS_PENDING_MAX = 16  # of one connection over TCP; what comes behind them waits in its socket
FRAME_BYTES_FIRST_MAX = MIB  # one request over TCP of who has yet to say who it is
UNSENT_BYTES_MAX = MIB  # of answers to one connection over TCP; above it no request is started
ACCEPTS_PER_TURN = 64  # connections that are taken before others get their turn
ACCEPT_PAUSE_MS = (
    500  # before the next connection is taken when the process has no descriptors left
)
LOG_LINES_MAX = 20  # about what peers of a listener did wrong, in so many milliseconds
LOG_LINES_MS = 10_000
CREDIT_BYTES = 8 * MIB  # unanswered request bytes a ZeroMQ peer may have
IN_FLIGHT_BYTES_MAX = 64 * MIB  # of one peer, whatever its transport
HELD_BYTES_MAX = 512 * MIB  # of requests of all TCP connections together, at most
HELD_SHARE_OF_MEMORY = 4  # and at most one part of so many of what the process may have
UNREAD_BYTES_MAX = GIB  # of replies lent to ZeroMQ that one peer has not read
MEMORY_CHECK_MS = 100  # how often a broker that listens looks at the memory of its process
MEMORY_SHARE_OF_MACHINE = 2  # the process may have one part of so many, unless told otherwise
METADATA_BYTES_MAX = 64 * MIB  # of the single node's metadata file
FETCHES_PARKED_MAX = 20_000  # of all peers
FETCH_SESSIONS_MAX = 1000  # default; Kafka's max.incremental.fetch.session.cache.slots
FETCH_SESSION_PARTITIONS_MAX = 200_000  # of all fetch sessions together
FETCH_SESSION_REST_MS = 120_000  # Kafka's min.incremental.fetch.session.eviction.ms
STREAM_CREDIT_BYTES_MAX = 64 * MIB  # that a streaming fetch may send before it is asked for anew
STREAM_BEACON_MS = 500  # an answer, if an empty one, comes at least every second
METADATA_PUSH_MS = 5  # changes of so long are told together to those who watch
STREAMS_PER_MS_OF_REST = 8  # of one partition: after a delivery to 200 it rests for 25 ms
STREAM_REST_MS_MAX = 25
STREAMS_SERVED_AT_ONCE_MAX = 8  # of one partition, before the produce is answered
STREAM_SILENCE_MS_MAX = 5_000  # after which a client gives a stream up
FETCH_BYTES_MAX = 55 * MIB  # Kafka's fetch.max.bytes default
PEERS_MAX = 10_000
PEERS_PER_ADDRESS_MAX = 256  # over TCP, default; of addresses beyond this machine
IDLE_MS = 600_000  # Kafka's connections.max.idle.ms default

# Batches.
BATCH_OVERHEAD = 61  # header of a RecordBatch v2
BATCH_BYTES_MAX = 2 * MIB + 12  # default of max.message.bytes; a call of 10,000 small records fits
BATCH_BYTES_MAX_UNTOLD = 1_048_588  # Kafka's default, assumed of brokers that do not tell theirs
DECOMPRESSED_RATIO_MAX = 1024  # a batch may not unpack to more than this times its size
DECOMPRESSED_BYTES_MAX = 256 * MIB  # nor to more than this

# State that is read back from a compacted log.
NEWEST_KEYS_MAX = 20_000_000
NEWEST_BYTES_MAX = 2 * GIB  # of their keys and values

# Idempotent producers.
PRODUCER_BATCHES_RETAINED = 5  # Kafka's NUM_BATCHES_TO_RETAIN
PRODUCERS_PER_PARTITION_MAX = 10_000
PRODUCER_ID_BLOCK = 1000
PRODUCER_EXPIRY_MS = 24 * 3600 * 1000  # by default

# Groups.
GROUPS_MAX = 20_000
GROUPS_BYTES_MAX = 256 * MIB  # that members of all groups say of themselves, and their work
GROUP_NAME_LENGTH_MAX = 4096  # characters of a group, an instance, a protocol
GROUP_SIZE_MAX = 1000  # members
GROUP_METADATA_BYTES_MAX = 32 * MIB  # that the members of one group say of themselves
GROUP_RECORD_BYTES_MAX = 16 * MIB  # a generation with all that its members say and have to do
OFFSETS_BATCH_BYTES = MIB  # of positions that are written together

# Replication.
SESSION_TTL_MS = 2000  # of a broker with the coordination store: a backstop, not the detection
STORE_READ_MS_MAX = 60_000  # of a start: for the store to answer
STORE_READ_AGAIN_MS = 100
FORWARD_AGAIN_MS = 100  # before a request is asked of a controller that there was none of yet
MEMBERSHIP_RETRY_MS = 200  # before a step that the store did not answer is tried again
MOVED_BYTES_PER_SECOND = 64 * MIB  # to a broker, of replicas that are being added, by default
MOVES_MAX = 100  # partitions whose replicas are exchanged at a time, by default
LEAVE_AGAIN_MS = 100  # before a controller is asked again to let this broker stop
LEAVE_GRACE_MS = 1000  # that it has for its answer when the time to wait for others is over
REPLICA_FETCH_BYTES = 8 * MIB  # of one answer to a replica
REPLICA_PARTITION_BYTES = MIB  # of one partition in it
REPLICA_FETCH_WAIT_MS = 500  # a replica's fetch is answered after so long at the latest
REPLICA_BACKOFF_MS = 50  # before a leader that gave an error is asked again
REPLICA_LAG_MS_MAX = 10_000  # a replica that has not had all for so long is not waited for (R20)

# Links between brokers.
BEAT_MS = 200  # from an event loop to whoever controls
PEER_REQUEST_BYTES_MAX = 32 * MIB  # one frame of what another broker asks
PEER_MESSAGES_HELD_MAX = 4096  # of one link, that libzmq holds for us
PEER_ASKS_MAX = 20_000  # of one link, that wait for their answers
PEER_ANSWER_BUFFERS_MAX = 1000  # partitions in one answer to a replica

# The log.
LEADER_EPOCH_MAX = 2**31 - 1  # what the batch header and the protocol hold
SEGMENT_FIRST_BYTES = 64 * KIB  # first allocation of an idle partition, doubling from there (S1)
SEGMENT_STEP_BYTES_MAX = 64 * MIB  # the largest step of that doubling
CUT_BYTES_KEPT_MAX = 64 * MIB  # bytes kept aside when a torn tail is cut (S6)
QUARANTINED_FILES_MAX = 1000  # of one partition, set aside with their damage
RESIDENT_BYTES = 8 * MIB  # of an active segment's end: taken to be in memory without asking (S12)
WRITE_BACK_BYTES = 16 * MIB  # appended bytes after which writing them to the disk begins
KEPT_IN_MEMORY_BYTES = 1536 * MIB  # of a partition's end; what lies behind gives its memory back
UNINDEXED_BYTES_MAX = 4 * MIB  # of a closed segment behind its last index entry; else it is rebuilt
SCRUB_PIECE_BYTES = 256 * KIB  # the least that a scrubber reads at once
CLEANER_FILE_BYTES_MAX = 64 * MIB  # of the note up to where each partition is compacted
COMPACTION_PIECE_BYTES = MIB  # that compaction reads and writes at once
SCAN_CHUNK_BYTES = 8 * MIB  # read at once by a recovery
FETCHED_RUN_BATCHES_MAX = 8192  # of a leader's answer: batches whose headers are held at once
FILLED_OFFSETS_MAX = 1 << 40  # that a follower takes for given up by its leader's operator
SEAL_BYTES_MIN = 256 * KIB  # a shorter segment is scanned as soon as its seal would be read
FLUSH_JOURNAL_BYTES = MIB  # of one half of the file: the commits between two checkpoints
EPOCH_JOURNAL_BYTES = 256 * KIB  # of one half of the file
COMMIT_PARTITIONS_MAX = 1000  # in one group commit; the rest goes with the next
CHECKPOINT_INTERVAL_MS = 3000
SYNC_AT_START_BYTES_MAX = 64 * MIB  # recovered bytes that a start waits to have synced
HOUSEKEEPING_LOGS_MAX = 100  # that one call of housekeeping looks after
JUMP_BELIEVED_MS = 24 * 3600 * 1000  # a leap of the wall clock lasts so long before it ages data
REST_INTERVAL_MS = 60_000  # after which an idle log is committed, unmapped, and forgets its indexes

# The coordination store.
CLUSTER_NAME_LENGTH_MAX = 64  # characters
KEY_BYTES_MAX = 512
VALUE_BYTES_MAX = 256 * KIB
TRANSACTION_WRITES_MAX = 100  # etcd takes 128; the adapter's own comes on top
TRANSACTION_KEYS_MAX = 120  # written and guarded
TRANSACTION_BYTES_MAX = MIB  # of keys and values; etcd takes 1.5 MiB in all
RECOVERIES_KEPT_MAX = 4  # of one partition, the newest
TRANSACTIONS_PENDING_MAX = 10_000
STORE_BYTES_MAX = GIB  # of all that one listing may bring: half of etcd's default quota
STORE_KEYS_MAX = 2_000_000
ETCD_ENDPOINTS_MAX = 16
ETCD_ANSWER_BYTES_MAX = 16 * MIB  # etcd itself sends at most 4 MiB, and base64 adds a third
ETCD_WATCH_BYTES_MAX = 64 * MIB  # of the parts of one message; above it the store is read anew
ETCD_PAGE_KEYS = 500  # of one answer when all is read
ETCD_PAGE_BARE_KEYS = 5_000  # the same, without values
ETCD_CONNECTIONS_MAX = 8  # idle or busy, to one member, watches aside
ETCD_MEMBERS_MAX = 100  # that an etcd is believed to have
ETCD_HISTORY_MINUTES = 10  # after which changes are forgotten
ETCD_SNAPSHOT_ENTRIES = 10_000  # of its log, until a snapshot shortens it
ETCD_QUOTA_BYTES = 2 * GIB  # of its file: above it etcd takes no writes
