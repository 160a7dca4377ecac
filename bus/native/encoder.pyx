"""Writes messages by a compiled table; RECORDS stay outside, uncopied, until the end."""

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.list cimport PyList_Check, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_AsLongLong, PyLong_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport (
    INT8_MAX, INT8_MIN, INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
    UINT16_MAX, UINT32_MAX, int64_t, uint8_t, uint64_t
)
from libc.string cimport memcpy, memmove

from bus.native.codec cimport (
    ARRAY_, BOOL_, FLOAT64_, INT8_, INT16_, INT32_, INT64_, RECORDS_, STRING_, STRUCT_, UINT16_,
    UINT32_, UUID_, Kind, Operation, Program, default_of, place, store
)

from uuid import UUID


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    SMALL = 1024  # bytes an Encoder holds without allocating


@cython.final
cdef class Encoder:
    """Writes structs one after the other; their RECORDS_ stay outside until the end.

    Raises TypeError or ValueError, naming the field, for a value that its field cannot hold.
    """

    cdef uint8_t small[SMALL]
    cdef uint8_t* bytes
    cdef Py_ssize_t size, capacity
    cdef list records  # buffers, in order
    cdef list cuts  # where in the bytes each belongs
    cdef Program top
    cdef PyObject* program
    cdef const Operation* operation

    def __cinit__(self):
        self.bytes, self.capacity = self.small, SMALL
        self.records, self.cuts = [], []

    def __dealloc__(self):
        if self.bytes != self.small:
            PyMem_Free(self.bytes)

    def write(self, Program program not None, object message not None) -> None:
        """Append one struct."""
        self.top = program
        self.write_struct(program, message)
        self.program = NULL

    def write_no_tags(self) -> None:
        """Append an empty tag section."""
        self.room(1)[0] = 0

    def frames(self) -> list:
        """The bytes, where RECORDS_ are only lengths, then each RECORDS_ buffer as it was given."""
        return [self.slice(0, self.size), *self.records]

    def chunks(self) -> list:
        """The bytes cut where RECORDS_ belong, and those between: in order, the whole message."""
        cdef Py_ssize_t start = 0
        cdef list result = []
        for cut, buffer in zip(self.cuts, self.records):
            result.append(self.slice(start, cut))
            result.append(buffer)
            start = cut
        if start < self.size:
            result.append(self.slice(start, self.size))
        return result

    def joined(self) -> bytes:
        """The whole message in one piece."""
        return b"".join(self.chunks()) if self.records else self.slice(0, self.size)

    cdef bytes slice(self, Py_ssize_t start, Py_ssize_t end):
        return PyBytes_FromStringAndSize(<const char*>self.bytes + start, end - start)

    cdef int refuse(self, str what) except -1:
        raise ValueError(f"{place(self.program, self.operation)}: {what}")

    cdef int mistype(self, str expected, object value) except -1:
        where = place(self.program, self.operation)
        raise TypeError(f"{where}: {expected} expected, not {type(value).__name__}")

    cdef uint8_t* room(self, Py_ssize_t size) except NULL:
        cdef uint8_t* grown
        cdef Py_ssize_t capacity
        cdef uint8_t* at
        if size > self.capacity - self.size:
            capacity = max(2 * self.capacity, self.size + size)
            if self.bytes == self.small:
                grown = <uint8_t*>PyMem_Malloc(capacity)
            else:
                grown = <uint8_t*>PyMem_Realloc(self.bytes, capacity)
            if grown == NULL:
                raise MemoryError
            if self.bytes == self.small:
                memcpy(grown, self.small, self.size)
            self.bytes, self.capacity = grown, capacity
        at = self.bytes + self.size
        self.size += size
        return at

    cdef int uvarint(self, uint64_t value) except -1:
        while value >= 0x80:
            self.room(1)[0] = <uint8_t>(value | 0x80)
            value >>= 7
        self.room(1)[0] = <uint8_t>value
        return 0

    cdef int length(self, int64_t value, int classic_size, bint compact) except -1:
        """A length or count; -1 is null."""
        if value > (INT16_MAX if classic_size == 2 and not compact else INT32_MAX - 1):
            self.refuse(f"{value} bytes or elements do not fit")
        if compact:
            return self.uvarint(<uint64_t>(value + 1))
        store(self.room(classic_size), <uint64_t>value, classic_size)
        return 0

    cdef int integer(self, object value, int64_t low, int64_t high, int size) except -1:
        cdef int64_t number = 0
        if not PyLong_Check(value):
            if not hasattr(value, "__index__"):
                self.mistype("a whole number", value)
            value = value.__index__()
        try:
            number = PyLong_AsLongLong(value)
        except OverflowError:
            self.refuse(f"{value} does not fit in {8 * size} bits")
        if not low <= number <= high:
            self.refuse(f"{number} does not fit in {8 * size} bits")
        store(self.room(size), <uint64_t>number, size)
        return 0

    cdef int write_struct(self, Program program, object message) except -1:
        cdef const Operation* operation
        cdef Py_ssize_t index
        if type(message) is not program.table and not isinstance(message, program.table):
            self.mistype(program.table.__name__, message)
        for index in range(program.plain_count):
            operation = &program.plain[index]
            self.program, self.operation = <PyObject*>program, operation
            self.write_value(
                operation, operation.kind, operation.nullable,
                self.slot(message, operation), program.compact,
            )
        if program.compact:
            self.write_tags(program, message)
        return 0

    cdef object slot(self, object message, const Operation* operation):
        cdef PyObject* value = (<PyObject**>(<char*><PyObject*>message + operation.offset))[0]
        if value == NULL:
            self.refuse("it is not set")
        return <object>value

    cdef int write_tags(self, Program program, object message) except -1:
        cdef Py_ssize_t index, count = 0
        cdef uint64_t present = 0
        for index in range(program.tagged_count):
            if not self.is_default(&program.tagged[index], message):
                present |= <uint64_t>1 << index
                count += 1
        self.uvarint(count)
        for index in range(program.tagged_count):
            if present >> index & 1:
                self.program, self.operation = <PyObject*>program, &program.tagged[index]
                self.write_tag(self.operation, message)
        return 0

    cdef bint is_default(self, const Operation* operation, object message) except -1:
        value = self.slot(message, operation)
        if operation.factory == NULL:
            default = <object>operation.default
            return value is default or value == default
        return value == default_of(operation)

    cdef int write_tag(self, const Operation* operation, object message) except -1:
        """Tag, size and content; the size is known, and its varint fitted in, at the end."""
        cdef Py_ssize_t start, size, width
        cdef Py_ssize_t rest
        self.uvarint(operation.tag)
        start = self.size
        self.write_value(
            operation, operation.kind, operation.nullable, self.slot(message, operation), True
        )
        size = self.size - start
        width, rest = 1, size >> 7
        while rest:
            width, rest = width + 1, rest >> 7
        self.room(width)
        memmove(self.bytes + start + width, self.bytes + start, size)
        self.size = start
        self.uvarint(size)
        self.size += size
        return 0

    cdef int write_value(
        self, const Operation* operation, Kind kind, bint nullable, object value, bint compact
    ) except -1:
        cdef double number
        cdef uint64_t raw
        if kind == INT32_:
            return self.integer(value, INT32_MIN, INT32_MAX, 4)
        if kind == INT64_:
            return self.integer(value, INT64_MIN, INT64_MAX, 8)
        if kind == INT16_:
            return self.integer(value, INT16_MIN, INT16_MAX, 2)
        if kind == INT8_:
            return self.integer(value, INT8_MIN, INT8_MAX, 1)
        if kind == BOOL_:
            self.room(1)[0] = 1 if value else 0
            return 0
        if kind == UINT16_:
            return self.integer(value, 0, UINT16_MAX, 2)
        if kind == UINT32_:
            return self.integer(value, 0, UINT32_MAX, 4)
        if kind == UUID_:
            return self.write_uuid(value)
        if kind == FLOAT64_:
            number = value
            memcpy(&raw, &number, 8)
            store(self.room(8), raw, 8)
            return 0
        if value is None:
            return self.write_null(kind, nullable, compact)
        if kind == STRING_:
            return self.write_string(value, compact)
        if kind == ARRAY_:
            return self.write_array(operation, value, compact)
        if kind == STRUCT_:
            if nullable:
                self.room(1)[0] = 1
            return self.write_struct(<Program>operation.program, value)
        return self.write_buffer(kind, value, compact)

    cdef int write_null(self, Kind kind, bint nullable, bint compact) except -1:
        if not nullable:
            self.refuse("it may not be None")
        if kind == STRUCT_:
            self.room(1)[0] = 0xFF
            return 0
        return self.length(-1, 2 if kind == STRING_ else 4, compact)

    cdef int write_uuid(self, object value) except -1:
        if not isinstance(value, UUID):
            self.mistype("a UUID", value)
        memcpy(self.room(16), PyBytes_AS_STRING(<bytes>value.bytes), 16)
        return 0

    cdef int write_string(self, object value, bint compact) except -1:
        cdef Py_ssize_t size
        cdef const char* text
        if not PyUnicode_Check(value):
            self.mistype("str", value)
        text = PyUnicode_AsUTF8AndSize(value, &size)
        self.length(size, 2, compact)
        memcpy(self.room(size), text, size)
        return 0

    cdef int write_array(self, const Operation* operation, object value, bint compact) except -1:
        cdef Py_ssize_t index
        if not PyList_Check(value):
            if not isinstance(value, tuple):
                self.mistype("a list", value)
            value = list(value)
        self.length(PyList_GET_SIZE(value), 4, compact)
        for index in range(PyList_GET_SIZE(value)):
            item = <object>PyList_GET_ITEM(value, index)
            self.write_value(operation, operation.element, False, item, compact)
        return 0

    cdef int write_buffer(self, Kind kind, object value, bint compact) except -1:
        cdef Py_buffer buffer
        if not PyObject_CheckBuffer(value):
            self.mistype("a buffer", value)
        PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE)
        try:
            self.length(buffer.len, 4, compact)
            if kind == RECORDS_:
                self.records.append(value)
                self.cuts.append(self.size)
            else:
                memcpy(self.room(buffer.len), buffer.buf, buffer.len)
        finally:
            PyBuffer_Release(&buffer)
        return 0
