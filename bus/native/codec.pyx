"""Message tables made executable: what the bounded decoder and the encoder interpret.

A `Program` is one struct at one version: the rows that `bus.wire.schema` read from a dataclass,
turned into an array of operations. `Decoder` and `Encoder` walk it. Values go straight into the
slots of the dataclass, because calling `__init__` would cost more than reading the bytes.

protocol: Protocol Primitive Types, and KIP-482 for the compact encodings and the tagged fields.

              classic            compact (flexible versions)
string        int16 length       uvarint length + 1, 0 is null
bytes         int32 length       uvarint length + 1, 0 is null
records       int32 length       uvarint length + 1, 0 is null; the bytes inline, or in a frame
array         int32 count        uvarint count + 1, 0 is null
struct        its fields         its fields, then a tag section
null struct   int8 -1; else 1 and the struct, in both

Invariant: recursion is as deep as the program, whatever the bytes say.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free


cdef extern from *:
    """
    #include <structmember.h>

    /* Where a slot lies in its objects; -1 unless `descriptor` belongs to a plain object slot. */
    static Py_ssize_t bus_slot_offset(PyObject *descriptor) {
        PyMemberDef *member;
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return -1;
        member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : -1;
    }
    """
    Py_ssize_t bus_slot_offset(object descriptor) noexcept


cdef dict KINDS = {
    "absent": ABSENT_, "bool": BOOL_, "int8": INT8_, "int16": INT16_, "int32": INT32_,
    "int64": INT64_, "uint16": UINT16_, "uint32": UINT32_, "float64": FLOAT64_, "uuid": UUID_,
    "string": STRING_, "bytes": BYTES_, "records": RECORDS_, "array": ARRAY_, "struct": STRUCT_,
}
cdef dict FIXED_SIZES = {
    BOOL_: 1, INT8_: 1, INT16_: 2, UINT16_: 2, INT32_: 4, UINT32_: 4, INT64_: 8, FLOAT64_: 8,
    UUID_: 16,
}

cdef enum:
    DEPTH_MAX = 16  # of structs within structs; Kafka's deepest has 4
    TAGGED_MAX = 64  # known tags of one struct


@cython.final
cdef class Program:
    """One struct at one version, ready to run."""

    def __cinit__(self, object table not None, bint compact, tuple rows not None):
        cdef Py_ssize_t count = len(rows)
        self.plain = <Operation*>PyMem_Calloc(3 * count + 1, sizeof(Operation))
        if self.plain == NULL:
            raise MemoryError
        self.tagged = self.plain + count
        self.absent = self.tagged + count
        self.table, self.compact, self.depth, self.names, self.kept = table, compact, 1, {}, []
        self.type_pointer = <PyTypeObject*>table
        self.size_min = 1 if compact else 0
        for name, kind, element, nullable, tag, default, factory in rows:
            self.add(name, kind, element, nullable, tag, default, factory)
        assert self.depth <= DEPTH_MAX, f"{table.__name__} nests too deep"
        assert self.tagged_count <= TAGGED_MAX, f"{table.__name__} has too many tags"

    def __dealloc__(self):
        PyMem_Free(self.plain)

    cdef int add(
        self, str name, str kind, object element, bint nullable, int tag, object default,
        object factory
    ) except -1:
        cdef Operation operation
        operation.kind = KINDS[kind]
        operation.element = STRUCT_ if isinstance(element, Program) else KINDS[element or "absent"]
        operation.nullable = nullable
        operation.tag = <uint32_t>max(tag, 0)
        operation.offset = bus_slot_offset(getattr(self.table, name))
        assert operation.offset > 0, f"{self.table.__name__}.{name} is not a slot"
        operation.program = NULL
        operation.element_size_min = 0
        if operation.kind == ARRAY_:
            operation.element_size_min = max(1, self.least(operation.element, element))
        if isinstance(element, Program):
            operation.program = <PyObject*>element
            self.depth = max(self.depth, 1 + (<Program>element).depth)
        operation.default = <PyObject*>default
        operation.factory = NULL if factory is None else <PyObject*>factory
        self.kept.append((element, default, factory))
        self.names[operation.offset] = name
        if operation.kind == ABSENT_:
            self.absent[self.absent_count] = operation
            self.absent_count += 1
        elif tag >= 0:
            assert self.compact and operation.kind != RECORDS_, f"{name} cannot be tagged"
            if self.tagged_count:
                assert self.tagged[self.tagged_count - 1].tag < operation.tag, "tags ascend"
            self.tagged[self.tagged_count] = operation
            self.tagged_count += 1
        else:
            self.plain[self.plain_count] = operation
            self.plain_count += 1
            self.size_min += (
                1 if nullable and operation.kind == STRUCT_ else self.least(operation.kind, element)
            )
        return 0

    cdef Py_ssize_t least(self, Kind kind, object element):
        if kind == STRUCT_:
            return (<Program>element).size_min
        if kind == STRING_:
            return 1 if self.compact else 2
        if kind in (BYTES_, RECORDS_, ARRAY_):
            return 1 if self.compact else 4
        return FIXED_SIZES[kind]
