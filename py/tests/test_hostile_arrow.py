"""Arrow data that breaks the rules of its interface, as far as that can be seen, is refused."""

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from ringway import RingwayError, Table

TABLE = Table(["a", "b", "c"])


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))
GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))
GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))
GET_LAST_ERROR = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(Stream))

Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", RELEASE_SCHEMA),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", RELEASE_ARRAY),
    ("private_data", ctypes.c_void_p),
]
Stream._fields_ = [
    ("get_schema", GET_SCHEMA),
    ("get_next", GET_NEXT),
    ("get_last_error", GET_LAST_ERROR),
    ("release", RELEASE_STREAM),
    ("private_data", ctypes.c_void_p),
]

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
NAMES = {Schema: b"arrow_schema", Array: b"arrow_array", Stream: b"arrow_array_stream"}
# Python objects that structures point to; they live as long as the tests.
KEPT: list[Any] = []


def capsule(structure: ctypes.Structure, name: bytes | None = None) -> Any:
    KEPT.append(structure)
    return new_capsule(ctypes.addressof(structure), name or NAMES[type(structure)], None)


def clear_schema(schema: Any) -> None:
    schema.contents.release = RELEASE_SCHEMA()


def clear_array(array: Any) -> None:
    array.contents.release = RELEASE_ARRAY()


release_schema, release_array = RELEASE_SCHEMA(clear_schema), RELEASE_ARRAY(clear_array)


def schema(format_: bytes | None = b"u", **fields: Any) -> Schema:
    # Whoever copies a structure copies pointers to what its object keeps.
    KEPT.append(Schema(**{"format": format_, "release": release_schema, **fields}))
    found: Schema = KEPT[-1]
    return found


def address(data: bytes) -> int:
    KEPT.append(ctypes.create_string_buffer(data, len(data)))
    return ctypes.addressof(KEPT[-1])


def array(*buffers: bytes | None, **fields: Any) -> Array:
    held = [
        None if data is None else ctypes.create_string_buffer(data, len(data)) for data in buffers
    ]
    KEPT.extend(held)
    addresses = [None if data is None else ctypes.addressof(data) for data in held]
    places = (ctypes.c_void_p * len(addresses))(*addresses)
    rest = {"n_buffers": len(addresses), "buffers": places, "release": release_array}
    KEPT.append(Array(**{**rest, **fields}))
    found: Array = KEPT[-1]
    return found


class Exporter:
    def __init__(self, schema: Any, array: Any) -> None:
        self.exported = (schema, array)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[Any, Any]:
        assert requested_schema is None
        return self.exported


def owners(schema: Schema, array: Array) -> list[Any]:
    return TABLE.owner_many(Exporter(capsule(schema), capsule(array))).tolist()


def i32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little", signed=True) for number in numbers)


def i64(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)


def test_valid_arrays_are_read() -> None:
    expected = [TABLE.owner("user"), TABLE.owner(""), TABLE.owner("k")]
    assert owners(schema(), array(None, i32(0, 4, 4, 5), b"userk", length=3)) == expected
    assert owners(schema(b"Z"), array(None, i64(0, 4, 4, 5), b"userk", length=3)) == expected
    assert (
        owners(schema(), array(None, i32(9, 0, 4, 4, 5), b"userk", length=3, offset=1)) == expected
    )
    # All are empty, so there may be no data.
    assert owners(schema(), array(None, i32(0, 0), None, length=1)) == [TABLE.owner("")]
    # Nothing, and nowhere.
    assert owners(schema(), array(None, None, None)) == []
    assert owners(schema(b"vu"), array(None, None, None)) == []
    assert owners(schema(b"w:0"), array(None, None, length=2)) == [TABLE.owner("")] * 2
    # Not aligned, as what was read from a file may be.
    crooked = array(None, b"", b"userk", length=3)
    crooked.buffers[1] = address(b"-" + i32(0, 4, 4, 5)) + 1
    assert owners(schema(), crooked) == expected
    # The number of nulls is not known.
    assert owners(schema(), array(b"\1", i32(0, 4, 5), b"userk", length=2, null_count=-1)) == [
        TABLE.owner("user"),
        None,
    ]


LONG = b"twelve bytes and more"
BROKEN: dict[str, tuple[Schema, Array, str]] = {
    "no format": (schema(None), array(None, i32(0), b""), "a type has no format"),
    "released array": (
        schema(),
        array(None, i32(0), b"", release=RELEASE_ARRAY()),
        "released before",
    ),
    "released schema": (
        schema(release=RELEASE_SCHEMA()),
        array(None, i32(0), b""),
        "released before",
    ),
    "negative length": (schema(), array(None, i32(0), b"", length=-1), "is negative"),
    "negative offset": (schema(), array(None, i32(0), b"", offset=-1), "is negative"),
    "negative buffers": (schema(), array(None, i32(0), b"", n_buffers=-1), "is negative"),
    "endless": (schema(), array(None, i32(0), b"", length=2**63 - 1), "more values than memory"),
    "far away": (schema(), array(None, i32(0), b"", length=1, offset=2**62), "more values than"),
    "wide": (schema(b"w:9000000000"), array(None, b"", length=2**40), "more values than memory"),
    "too few buffers": (schema(), array(None, i32(0)), "a buffer is missing"),
    "no buffers": (schema(), array(n_buffers=3, buffers=None), "it has no buffers"),
    "no offsets": (schema(), array(None, None, b"", length=1), "a buffer is missing"),
    "no values": (schema(b"l"), array(None, None, length=1), "a buffer is missing"),
    "no data": (schema(), array(None, i32(0, 4), None, length=1), "a buffer is missing"),
    "offsets go back": (schema(), array(None, i32(0, 4, 2, 5), b"userk", length=3), "not ascend"),
    "offsets beyond the last": (
        schema(),
        array(None, i32(0, 2**31 - 1, 5), b"userk", length=2),
        "not ascend",
    ),
    "negative offsets": (
        schema(),
        array(None, i32(-4, 5), b"userk", length=1),
        "offset is negative",
    ),
    "negative long offsets": (
        schema(b"U"),
        array(None, i64(-(2**63), 2**63 - 1), b"userk", length=1),
        "offset",
    ),
    "negative view": (schema(b"vu"), array(None, i32(-1, 0, 0, 0), b"", length=1), "is negative"),
    "view without blocks": (
        schema(b"vu"),
        array(None, i32(13, 0, 0, 0), i64(), length=1),
        "a view points outside",
    ),
    "view of another block": (
        schema(b"vu"),
        array(None, i32(13, 0, 1, 0), LONG, i64(len(LONG)), length=1),
        "a view points outside",
    ),
    "view beyond the block": (
        schema(b"vu"),
        array(None, i32(13, 0, 0, len(LONG) - 12), LONG, i64(len(LONG)), length=1),
        "a view points outside",
    ),
    "view with a negative start": (
        schema(b"vu"),
        array(None, i32(13, 0, 0, -1), LONG, i64(len(LONG)), length=1),
        "is negative",
    ),
    "block of negative length": (
        schema(b"vz"),
        array(None, i32(13, 0, 0, 0), LONG, i64(-1), length=1),
        "the length of a buffer is negative",
    ),
    "block without memory": (
        schema(b"vz"),
        array(None, i32(13, 0, 0, 0), None, i64(99), length=1),
        "a view points outside",
    ),
    "blocks without lengths": (
        schema(b"vz"),
        array(None, i32(13, 0, 0, 0), LONG, None, length=1),
        "a buffer is missing",
    ),
    "millions of blocks": (
        schema(b"vz"),
        array(None, i32(1, 0, 0, 0), i64(), n_buffers=2**40, length=1),
        "it has no buffers",
    ),
    "no dictionary": (
        schema(b"i", dictionary=ctypes.pointer(schema())),
        array(None, i32(0), length=1),
        "a dictionary is missing",
    ),
    "dictionary of texts": (
        schema(b"u", dictionary=ctypes.pointer(schema())),
        array(None, i32(0, 0), b"", length=1, dictionary=ctypes.pointer(array(None, i32(0), b""))),
        "its indices are no integers",
    ),
    "dictionary of a dictionary": (
        schema(b"i", dictionary=ctypes.pointer(schema(b"i", dictionary=ctypes.pointer(schema())))),
        array(None, i32(0), length=1, dictionary=ctypes.pointer(array(None, i32(0), b""))),
        "a dictionary is made of another one",
    ),
    "index beyond the dictionary": (
        schema(b"i", dictionary=ctypes.pointer(schema())),
        array(
            None, i32(1), length=1, dictionary=ctypes.pointer(array(None, i32(0, 0), b"", length=1))
        ),
        "an index is outside of the dictionary",
    ),
    "negative index": (
        schema(b"c", dictionary=ctypes.pointer(schema())),
        array(
            None,
            b"\xff",
            length=1,
            dictionary=ctypes.pointer(array(None, i32(0, 0), b"", length=1)),
        ),
        "an index is outside of the dictionary",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_arrays_are_refused(name: str) -> None:
    schema, array, text = BROKEN[name]
    with pytest.raises(RingwayError, match=f"^keys is no valid Arrow data: .*{text}"):
        owners(schema, array)


@pytest.mark.parametrize("format_", [b"", b"w:", b"w:-1", b"w:x", b"e", b"+s", b"\xff", b"tdD"])
def test_other_types_are_refused(format_: bytes) -> None:
    with pytest.raises(TypeError, match="strings, binary or integers, not of the format"):
        owners(schema(format_), array(None, i32(0), b""))


def test_more_keys_than_memory() -> None:
    for format_, buffers in ((b"n", []), (b"w:0", [None, None])):
        with pytest.raises(MemoryError, match="more keys than there is memory for"):
            owners(schema(format_), array(*buffers, length=2**61))


def test_wrong_exports() -> None:
    right = capsule(schema()), capsule(array(None, i32(0), b""))
    wrong: list[Any] = [None, right[0], (*right, 3), right[:1], (right[0], "a"), ("a", right[1])]
    for exported in wrong:
        exporter = Exporter(None, None)
        exporter.exported = exported
        with pytest.raises(TypeError, match="must be a tuple of two capsules, not"):
            TABLE.owner_many(exporter)
    with pytest.raises(ValueError, match="incorrect name"):
        TABLE.owner_many(Exporter(*right[::-1]))

    class Raises:
        def __arrow_c_array__(self) -> tuple[Any, Any]:
            raise LookupError

    class RaisesInStream:
        def __arrow_c_stream__(self) -> Any:
            raise KeyboardInterrupt

        def __iter__(self) -> Any:
            return iter(["a"])

    with pytest.raises(LookupError):
        TABLE.owner_many(Raises())
    with pytest.raises(KeyboardInterrupt):
        TABLE.owner_many(RaisesInStream())


class StreamExporter:
    def __init__(self, **functions: Any) -> None:
        self.stream = Stream(**{"release": RELEASE_STREAM(lambda _: None), **functions})

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        assert requested_schema is None
        return capsule(self.stream)


def stream(arrays: list[Callable[[], Array]], error: bytes | None = None) -> StreamExporter:
    """A stream of arrays, and then of an error if there is one."""
    left = list(arrays)
    text = address(error + b"\0") if error else None

    def get_schema(_: Any, place: Any) -> int:
        place[0] = schema()
        return 0

    def get_next(_: Any, place: Any) -> int:
        if left:
            place[0] = left.pop(0)()
            return 0
        place.contents.release = RELEASE_ARRAY()
        return 0 if error is None else 5

    return StreamExporter(
        get_schema=GET_SCHEMA(get_schema),
        get_next=GET_NEXT(get_next),
        get_last_error=GET_LAST_ERROR(lambda _: text),
    )


def test_streams() -> None:
    one = [lambda: array(None, i32(0, 4, 5), b"userk", length=2), lambda: array(None, None, None)]
    expected = [TABLE.owner("user"), TABLE.owner("k")]
    assert TABLE.owner_many(stream([*one, *one])) == expected * 2
    assert TABLE.owner_many(stream([])) == []
    broken = stream([*one, lambda: array(None, i32(0, -1), b"", length=1)])
    with pytest.raises(RingwayError, match="no valid Arrow data"):
        TABLE.owner_many(broken)
    with pytest.raises(RingwayError, match=r"could not be read: the disk is gone$"):
        TABLE.owner_many(stream(one, b"the disk is gone"))
    with pytest.raises(RingwayError, match=r"could not be read: error 5$"):
        TABLE.owner_many(stream(one, b""))
    with pytest.raises(RingwayError, match="a stream has no functions"):
        TABLE.owner_many(StreamExporter())
    with pytest.raises(RingwayError, match="it was released before"):
        TABLE.owner_many(StreamExporter(release=RELEASE_STREAM()))
    failing = StreamExporter(
        get_schema=GET_SCHEMA(lambda _, __: 22), get_next=GET_NEXT(lambda _, __: 22)
    )
    with pytest.raises(RingwayError, match=r"could not be read: error 22$"):
        TABLE.owner_many(failing)

    class NoCapsule:
        def __arrow_c_stream__(self) -> Any:
            return 3

    with pytest.raises(TypeError, match=r"__arrow_c_stream__\(\) must be a capsule, not int"):
        TABLE.owner_many(NoCapsule())
