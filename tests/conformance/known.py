"""What passes on Kafka and cannot pass here yet: for want of a request that is not served at all.

By suite and scenario: the request. A test holds that each is missing, and that its scenario passes
on Kafka and fails here; so a row that has become untrue has to go.
"""

_PYTHON = "kafka-python-tests"
KNOWN: dict[tuple[str, str], str] = {
    (_PYTHON, "admin: describe_log_dirs"): "DescribeLogDirs",
    (_PYTHON, "admin: alter_replica_log_dirs"): "DescribeLogDirs",
    (_PYTHON, "producer: transactional_producer_messages"): "AddPartitionsToTxn",
    (_PYTHON, "producer: transactional_producer_offsets"): "TxnOffsetCommit",
}
