"""Build RecordBatch v2 from single records and from arrays, without a Python loop."""

from bus.native.rows import (
    encode_fixed,
    encode_list,
    encode_offsets,
    encode_views,
    partition_list,
)

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t

from bus.native.batch cimport fail, too_large
from bus.native.blocks cimport Block, take_block
from bus.native.cbus cimport (
    BUS_CODEC_MAX,
    BUS_ERR_FULL,
    BUS_ERR_TOO_LARGE,
    BUS_HEADER_SIZE,
    BUS_OK,
    BUS_SIZE_MAX,
    borrow,
    borrow_bytes,
    bus_batch_replace,
    bus_builder,
    bus_builder_append,
    bus_builder_begin,
    bus_builder_finish,
    bus_bytes,
    bus_header,
    bus_header_read,
    bus_murmur2,
    bus_span,
    bus_write_raw,
    bus_zigzag32,
)

__all__ = [
    "BatchBuilder",
    "Delivery",
    "encode_fixed",
    "encode_list",
    "encode_offsets",
    "encode_views",
    "murmur2",
    "partition_list",
    "with_records",
]


cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *out)
    int CLOCK_REALTIME

cdef int64_t _NOW = -(<int64_t>1 << 62)
NOW = _NOW  # a timestamp that no record has: take the time of the append


cdef inline int64_t wall_ms() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000 + now.tv_nsec // 1_000_000


@cython.final
@cython.freelist(1024)
@cython.no_gc  # a batch's own object must not lead back to its deliveries
cdef class Delivery:
    """A record's or a batch's way into the log: ask it, or wait for it by `result`."""

    cdef readonly object owner
    cdef readonly int64_t index
    cdef int64_t _count

    def __init__(self, object owner, int64_t index=0, int64_t count=-1):
        self.owner = owner
        self.index = index
        self._count = count

    cdef object batch(self):
        """What it was sent in: its batch, or the part of it if that was cut since."""
        return self.owner if self._count < 0 else self.owner.part(self.index)

    @property
    def done(self):
        """Whether the answer, or the error, is here."""
        return self.owner.done

    @property
    def topic(self):
        """The topic it was sent to."""
        return self.owner.topic

    @property
    def partition(self):
        """The partition it was sent to."""
        return self.owner.partition

    @property
    def offset(self):
        """Of the (first) record; -1 while it is not known."""
        cdef object batch = self.batch()
        cdef object base = batch.base_offset
        return -1 if base is None or base < 0 else base + self.index - batch.first

    @property
    def count(self):
        """How many records this stands for."""
        return self.owner.count if self._count < 0 else self._count

    @property
    def durability(self):
        """How durable the batch was when it was answered."""
        return self.batch().durability

    def result(self, timeout=None):
        """Wait for the acknowledgement; the offset. Raises the error, or that the time is up."""
        self.owner.wait(timeout, -1 if self._count < 0 else self.index)
        return self.offset

    def __repr__(self):
        return (
            f"Delivery(topic={self.topic!r}, partition={self.partition}, offset={self.offset},"
            f" done={self.done})"
        )


cdef int add_sized(bytearray out, object data, str name) except -1:
    cdef uint8_t start[10]
    cdef uint8_t *end
    cdef Py_buffer view
    cdef bus_bytes bytes_
    borrow_bytes(data, name, &view, &bytes_)
    try:
        if bytes_.size > BUS_SIZE_MAX:
            too_large()
        end = bus_write_raw(start, bus_zigzag32(<int32_t>bytes_.size))
        out += start[:end - start]
        if bytes_.size > 0:
            out += bytes_.data[:bytes_.size]
    finally:
        if view.len != -1:
            PyBuffer_Release(&view)
    return 0


cdef bytes coded_headers(object headers):
    """The header list of a record as it is written, count included."""
    cdef uint8_t start[10]
    cdef uint8_t *end
    cdef bytearray out = bytearray()
    items = list(headers)
    end = bus_write_raw(start, bus_zigzag32(<int32_t>len(items)))
    out += start[:end - start]
    for name, content in items:
        if not isinstance(name, str):
            raise TypeError(f"a header's name must be str, not {type(name).__name__}")
        add_sized(out, (<str>name).encode(), "a header's name")
        add_sized(out, content, f"header {name!r}")
    return bytes(out)


@cython.final
cdef class BatchBuilder:
    """One batch that grows record by record. Not locked: the GIL makes `append` whole."""

    cdef bus_builder state
    cdef Block block
    cdef object owner
    cdef bint finished

    def __init__(self, int64_t capacity, object owner=None):
        if capacity > BUS_SIZE_MAX:
            capacity = BUS_SIZE_MAX
        self.block = take_block(max(capacity, BUS_HEADER_SIZE))
        self.state = bus_builder_begin(self.block.data, max(capacity, BUS_HEADER_SIZE))
        self.owner = owner

    @property
    def count(self):
        return self.state.count

    @property
    def size(self):
        return self.state.size

    @property
    def base_timestamp(self):
        return self.state.base_timestamp

    @property
    def max_timestamp(self):
        return self.state.max_timestamp

    cdef int add(
        self, int64_t timestamp, bus_bytes key, bus_bytes value, bus_bytes headers
    ) except -2:
        """OK, or FULL. Nothing in between runs Python, so no other thread comes in between."""
        cdef int result = bus_builder_append(&self.state, timestamp, key, value, headers)
        if result == BUS_ERR_FULL and self.state.count == 0:
            self.block.grow(self.state.needed, 0)
            self.state = bus_builder_begin(self.block.data, self.state.needed)
            result = bus_builder_append(&self.state, timestamp, key, value, headers)
        if result == BUS_ERR_TOO_LARGE:
            if self.state.count > 0:
                return BUS_ERR_FULL
            too_large()
        return result

    def append(self, object value, object key, int64_t timestamp, object headers):
        cdef Py_buffer value_view, key_view
        cdef bus_bytes value_bytes, key_bytes, header_bytes = bus_bytes(NULL, -1)
        cdef Delivery delivery
        cdef bytes coded
        cdef int result
        if headers is not None and headers:
            coded = coded_headers(headers)
            header_bytes = bus_bytes(<const uint8_t *>PyBytes_AS_STRING(coded), len(coded))
        borrow_bytes(value, "value", &value_view, &value_bytes)
        key_view.len = -1
        try:
            borrow_bytes(key, "key", &key_view, &key_bytes)
            if self.finished:
                return None
            if timestamp == _NOW:
                timestamp = wall_ms()
            result = self.add(timestamp, key_bytes, value_bytes, header_bytes)
        finally:
            if value_view.len != -1:
                PyBuffer_Release(&value_view)
            if key_view.len != -1:
                PyBuffer_Release(&key_view)
        if result != BUS_OK:
            return None
        delivery = Delivery.__new__(Delivery)
        delivery.owner = self.owner
        delivery.index = self.state.count - 1
        delivery._count = 1
        return delivery

    def finish(self):
        if self.finished:
            raise RuntimeError("this batch is finished")
        if self.state.count == 0:
            raise ValueError("a batch without records cannot be finished")
        self.finished = True
        bus_builder_finish(&self.state)
        self.block.size = self.state.size
        view = self.block.view()
        self.block = None
        return view


def with_records(object batch not None, int codec, object records not None):
    cdef Py_buffer batch_view, records_view
    cdef bus_span source, packed
    cdef bus_header header
    cdef Block block
    if codec < 0 or codec > BUS_CODEC_MAX:
        raise ValueError(f"there is no codec {codec}")
    source = borrow(batch, &batch_view)
    try:
        size = bus_header_read(source, 0, &header)
        if size != source.size:
            fail(size, 0)
        packed = borrow(records, &records_view)
        try:
            if packed.size > BUS_SIZE_MAX - BUS_HEADER_SIZE:
                too_large()
            block = take_block(BUS_HEADER_SIZE + packed.size)
            block.size = BUS_HEADER_SIZE + packed.size
            bus_batch_replace(block.data, source.data, codec, bus_bytes(packed.data, packed.size))
            return block.view()
        finally:
            PyBuffer_Release(&records_view)
    finally:
        PyBuffer_Release(&batch_view)


def murmur2(object data not None):
    cdef Py_buffer view
    cdef bus_span span = borrow(data, &view)
    try:
        return bus_murmur2(span.data, span.size)
    finally:
        PyBuffer_Release(&view)
