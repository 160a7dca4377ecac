"""Reads the bytes of a peer by a compiled table, and cannot be led past their end.

Invariant: nothing is allocated from a claimed length or count before it was held against the
bytes that are left.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.memoryview cimport PyMemoryView_FromObject
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport (
    UINT32_MAX, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
)
from libc.string cimport memcpy

from bus.native.codec cimport (
    ARRAY_, BOOL_, BYTES_, INT8_, INT16_, INT32_, INT64_, RECORDS_, STRING_, STRUCT_, UINT16_,
    UINT32_, UUID_, Kind, Operation, Program, default_of, load, place
)

from uuid import UUID

from bus.errors import FrameError


cdef extern from *:
    """
    static PyObject *bus_new_object(PyTypeObject *type) { return type->tp_alloc(type, 0); }
    """
    object bus_new_object(PyTypeObject* type)


cdef enum:
    UUIDS_KEPT = 1024  # UUIDs remembered by their bytes: making one anew costs a microsecond

cdef const char* NOTHING = b""
cdef dict uuids = {bytes(16): UUID(int=0)}


cdef inline void put(object target, Py_ssize_t offset, object value) noexcept:
    cdef PyObject** slot = <PyObject**>(<char*><PyObject*>target + offset)
    cdef PyObject* old = slot[0]
    Py_INCREF(value)
    slot[0] = <PyObject*>value
    Py_XDECREF(old)


@cython.final
cdef class Decoder:
    """Reads structs from one frame, from its first byte to its last.

    RECORDS are views of `data`, or of the frames that follow it if `frames` are given (then each
    field holds only a length). `elements_max` bounds what all arrays together may hold. Whatever
    is wrong with the bytes raises FrameError.
    """

    cdef Py_buffer buffer
    cdef bint held
    cdef object data, view
    cdef list frames
    cdef Py_ssize_t frame_index, elements_left
    cdef const uint8_t* at
    cdef const uint8_t* end
    cdef Program top
    cdef PyObject* program  # being read, for messages; `top` keeps it alive
    cdef const Operation* operation

    def __cinit__(self, object data not None, list frames=None, Py_ssize_t elements_max=1_000_000):
        PyObject_GetBuffer(data, &self.buffer, PyBUF_SIMPLE)
        self.data, self.frames, self.elements_left = data, frames, elements_max
        self.held = True
        self.at = <const uint8_t*>self.buffer.buf
        if self.at == NULL:
            self.at = <const uint8_t*>NOTHING  # `take` never returns NULL for a good size
        self.end = self.at + self.buffer.len

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)

    def read(self, Program program not None):
        """The next struct, as an object of the program's type."""
        self.top = program
        cdef object result = self.read_struct(program)
        self.program = NULL
        return result

    def peek_int16(self) -> int:
        """The next two bytes, which stay unread."""
        cdef const uint8_t* at = self.take(2)
        self.at = at
        return <int16_t>load(at, 2)

    def skip_tags(self) -> None:
        """Pass over a tag section of which nothing is known."""
        cdef uint32_t _index
        for _index in range(self.uvarint()):
            self.uvarint()
            self.take(self.uvarint())

    def finish(self) -> None:
        """Raise FrameError unless every byte and every frame was read."""
        if self.at != self.end:
            self.fail(f"{self.end - self.at} bytes are left over")
        if self.frames is not None and self.frame_index != len(self.frames):
            self.fail(f"{len(self.frames) - self.frame_index} frames are left over")

    cdef int fail(self, str what) except -1:
        raise FrameError(f"{place(self.program, self.operation)}: {what}.")

    cdef const uint8_t* take(self, Py_ssize_t size) except NULL:
        cdef const uint8_t* at = self.at
        if size > self.end - at:
            self.fail(f"{size} bytes are claimed, {self.end - at} are left")
        self.at = at + size
        return at

    cdef uint32_t uvarint(self) except? 0xFFFFFFFF:
        cdef uint64_t value = 0
        cdef uint8_t byte
        cdef int shift
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= <uint64_t>(byte & 0x7F) << shift
            if byte < 0x80:
                if value > UINT32_MAX:
                    break
                return <uint32_t>value
        self.fail("a varint is longer than 32 bits")
        return 0

    cdef int64_t length(self, int classic_size, bint compact) except? -2:
        """A length or count; -1 is null."""
        cdef uint64_t raw
        cdef int64_t value
        if compact:
            return <int64_t>self.uvarint() - 1
        raw = load(self.take(classic_size), classic_size)
        value = <int16_t>raw if classic_size == 2 else <int32_t>raw
        if value < -1:
            self.fail(f"the length {value} is negative")
        return value

    cdef object null(self, bint nullable):
        if not nullable:
            self.fail("it may not be null")
        return None

    cdef object read_struct(self, Program program):
        cdef object result = bus_new_object(program.type_pointer)
        cdef const Operation* operation
        cdef Py_ssize_t index
        for index in range(program.plain_count):
            operation = &program.plain[index]
            self.program, self.operation = <PyObject*>program, operation
            value = self.read_value(
                operation, operation.kind, operation.nullable, program.compact
            )
            put(result, operation.offset, value)
        for index in range(program.absent_count):
            operation = &program.absent[index]
            put(result, operation.offset, default_of(operation))
        if program.compact:
            self.read_tags(program, result)
        return result

    cdef int read_tags(self, Program program, object result) except -1:
        cdef const Operation* operation
        cdef const uint8_t* start
        cdef uint32_t left, tag
        cdef Py_ssize_t index
        for index in range(program.tagged_count):
            put(result, program.tagged[index].offset, default_of(&program.tagged[index]))
        left = self.uvarint()
        while left:
            left -= 1
            tag = self.uvarint()
            start = self.take(self.uvarint())
            for index in range(program.tagged_count):
                operation = &program.tagged[index]
                if operation.tag == tag:
                    self.program, self.operation = <PyObject*>program, operation
                    self.read_tag(operation, result, start)
                    break
        return 0

    cdef int read_tag(
        self, const Operation* operation, object result, const uint8_t* start
    ) except -1:
        """A known tag, whose content lies between `start` and the cursor."""
        cdef const uint8_t* outer = self.end
        self.end, self.at = self.at, start
        value = self.read_value(operation, operation.kind, operation.nullable, True)
        put(result, operation.offset, value)
        if self.at != self.end:
            self.fail(f"{self.end - self.at} bytes are left over in its tag")
        self.end = outer
        return 0

    cdef object read_value(
        self, const Operation* operation, Kind kind, bint nullable, bint compact
    ):
        cdef double number
        cdef uint64_t raw
        if kind == INT32_:
            return <int32_t>load(self.take(4), 4)
        if kind == INT64_:
            return <int64_t>load(self.take(8), 8)
        if kind == INT16_:
            return <int16_t>load(self.take(2), 2)
        if kind == STRING_:
            return self.read_string(nullable, compact)
        if kind == ARRAY_:
            return self.read_array(operation, nullable, compact)
        if kind == STRUCT_:
            if nullable and <int8_t>self.take(1)[0] < 0:
                return None
            return self.read_struct(<Program>operation.program)
        if kind == RECORDS_:
            return self.read_records(nullable, compact)
        if kind == UUID_:
            return self.read_uuid()
        if kind == BOOL_:
            return self.take(1)[0] != 0
        if kind == INT8_:
            return <int8_t>self.take(1)[0]
        if kind == BYTES_:
            return self.read_bytes(nullable, compact)
        if kind == UINT16_:
            return <uint16_t>load(self.take(2), 2)
        if kind == UINT32_:
            return <uint32_t>load(self.take(4), 4)
        raw = load(self.take(8), 8)
        memcpy(&number, &raw, 8)
        return number

    cdef object read_string(self, bint nullable, bint compact):
        cdef int64_t size = self.length(2, compact)
        if size < 0:
            return self.null(nullable)
        cdef const uint8_t* at = self.take(size)
        try:
            return PyUnicode_DecodeUTF8(<const char*>at, size, NULL)
        except UnicodeDecodeError:
            self.fail("the string is not UTF-8")

    cdef object read_bytes(self, bint nullable, bint compact):
        cdef int64_t size = self.length(4, compact)
        if size < 0:
            return self.null(nullable)
        cdef const uint8_t* at = self.take(size)
        return PyBytes_FromStringAndSize(<const char*>at, size)

    cdef object read_uuid(self):
        cdef const uint8_t* at = self.take(16)
        cdef bytes raw = PyBytes_FromStringAndSize(<const char*>at, 16)
        found = uuids.get(raw)
        if found is None:
            if len(uuids) >= UUIDS_KEPT:
                uuids.clear()
            found = uuids[raw] = UUID(bytes=raw)
        return found

    cdef object read_records(self, bint nullable, bint compact):
        cdef int64_t size = self.length(4, compact)
        cdef Py_ssize_t start
        if size < 0:
            return self.null(nullable)
        if self.frames is not None:
            return self.read_frame(size)
        start = self.take(size) - <const uint8_t*>self.buffer.buf
        if self.view is None:
            self.view = PyMemoryView_FromObject(self.data)
            if self.view.format != "B" or self.view.ndim != 1:
                self.view = self.view.cast("B")
        return self.view[start:start + size]

    cdef object read_frame(self, int64_t size):
        if self.frame_index >= len(self.frames):
            self.fail("the frame of its records is missing")
        view = PyMemoryView_FromObject(self.frames[self.frame_index])
        self.frame_index += 1
        if view.nbytes != size:
            self.fail(f"{size} bytes are claimed, its frame has {view.nbytes}")
        return view

    cdef object read_array(self, const Operation* operation, bint nullable, bint compact):
        cdef int64_t index, count = self.length(4, compact)
        cdef int64_t left = self.end - self.at
        cdef list result
        if count < 0:
            return self.null(nullable)
        if count > left // operation.element_size_min:
            self.fail(f"{count} elements are claimed, {left} bytes are left")
        if count > self.elements_left:
            self.fail(f"{count} more elements are too many")
        self.elements_left -= count
        result = PyList_New(count)
        for index in range(count):
            item = self.read_value(operation, operation.element, False, compact)
            Py_INCREF(item)
            PyList_SET_ITEM(result, index, item)
        return result
