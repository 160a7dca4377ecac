"""What decoder and encoder share: the compiled form of a message table."""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef enum Kind:
    ABSENT_
    BOOL_
    INT8_
    INT16_
    INT32_
    INT64_
    UINT16_
    UINT32_
    FLOAT64_
    UUID_
    STRING_
    BYTES_
    RECORDS_
    ARRAY_
    STRUCT_


cdef struct Operation:
    Kind kind
    Kind element  # what an ARRAY holds
    bint nullable
    uint32_t tag
    Py_ssize_t offset  # of the slot in the object
    Py_ssize_t element_size_min  # fewest bytes an element of an ARRAY takes
    PyObject* program  # of a STRUCT, or of an ARRAY of them; owned by Program.kept
    PyObject* default  # value of an absent field; owned by Program.kept
    PyObject* factory  # makes the default instead, if not NULL; owned by Program.kept


cdef class Program:
    cdef readonly object table  # the dataclass
    cdef readonly Py_ssize_t size_min  # fewest bytes it takes
    cdef readonly int depth  # structs within structs, itself included
    cdef readonly bint compact
    cdef PyTypeObject* type_pointer
    cdef Operation* plain  # in wire order
    cdef Operation* tagged  # ascending tags
    cdef Operation* absent
    cdef Py_ssize_t plain_count
    cdef Py_ssize_t tagged_count
    cdef Py_ssize_t absent_count
    cdef dict names  # slot offset to field name, for messages
    cdef list kept
    cdef int add(
        self, str name, str kind, object element, bint nullable, int tag, object default,
        object factory
    ) except -1
    cdef Py_ssize_t least(self, Kind kind, object element)


cdef inline object default_of(const Operation* operation):
    """The value of a field that the bytes do not carry."""
    if operation.factory == NULL:
        return <object>operation.default
    if operation.factory == <PyObject*>list:
        return []
    return (<object>operation.factory)()


cdef inline str place(PyObject* program, const Operation* operation):
    """Where in the message we are, for a person: "FetchPartition.fetch_offset"."""
    if program == NULL or operation == NULL:
        return "The frame"
    owner = <Program>program
    return f"{owner.table.__name__}.{owner.names[operation.offset]}"


cdef inline uint64_t load(const uint8_t* at, int size) noexcept nogil:
    """Big endian."""
    cdef uint64_t value = 0
    cdef int index
    for index in range(size):
        value = (value << 8) | at[index]
    return value


cdef inline void store(uint8_t* at, uint64_t value, int size) noexcept nogil:
    """Big endian, the low `size` bytes."""
    cdef int index
    for index in range(size):
        at[index] = <uint8_t>(value >> (8 * (size - 1 - index)))
