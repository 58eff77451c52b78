"""Keys in arrays: NumPy, buffers, Arrow, polars and pandas."""

import io
from array import array
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from ringway import Node, RingwayError, Table

TABLES = [
    Table([f"n{i}" for i in range(9)]),
    Table([f"n{i}" for i in range(3_000)], vnodes=100),
    Table(["a", "b", "c"], hash_tag="{}"),
    Table(["a", "b", "c"], layout="jump-v1"),
    Table({"a": 1, "b": 2}, layout="maglev-v1"),
    Table({"a": 1, "b": 2}, layout="nginx"),
    Table(["a", "b"], layout="ats-parent"),
    Table({"a": 0}),
]
TEXTS = [f"user:{i}" for i in range(600)] + [
    "",
    "{a}b",
    "caf\u00e9",
    "\u6771\u4eac",
    "\U0001f511",
    "x" * 50,
]
BYTES = [text.encode() for text in TEXTS]
INTEGERS = [0, 1, -1, 42, 127, -128, 32_767, -32_768, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]

FORMS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "bytes": lambda texts: [text.encode() for text in texts],
    "U": np.array,
    "U, other byte order": lambda texts: np.array(texts).astype(">U60"),
    "U, every other": lambda texts: np.repeat(np.array(texts), 2)[::2],
    "U, backwards": lambda texts: np.array(texts[::-1])[::-1],
    "U, read-only": lambda texts: np.frombuffer(np.array(texts).tobytes(), np.array(texts).dtype),
    "U, memoryview": lambda texts: memoryview(np.array(texts)),  # type: ignore[arg-type]
    "S": lambda texts: np.array([text.encode() for text in texts]),
    "S, a field": lambda texts: np.array(
        [(text.encode(), 1) for text in texts], dtype=[("key", "S60"), ("n", "u1")]
    )["key"],
    "NumPy objects": lambda texts: np.array(texts, dtype=object),
    "NumPy strings": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
    "string": pa.array,
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "string_view": lambda texts: pa.array(texts, pa.string_view()),
    "binary": lambda texts: pa.array([text.encode() for text in texts]),
    "large_binary": lambda texts: pa.array([text.encode() for text in texts], pa.large_binary()),
    "binary_view": lambda texts: pa.array([text.encode() for text in texts], pa.binary_view()),
    "a slice": lambda texts: pa.array(["before", *texts, "after"])[1:-1],
    "a slice of views": lambda texts: pa.array(["before", *texts, "after"], pa.string_view())[1:-1],
    "dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "a slice of a dictionary": lambda texts: pa.array(["b", *texts, "a"]).dictionary_encode()[1:-1],
    "chunks": lambda texts: pa.chunked_array([texts[:7], [], texts[7:]]),
    "no chunks": lambda texts: pa.chunked_array([texts]) if texts else pa.chunked_array([], "str"),
    "polars": pl.Series,
    "polars bytes": lambda texts: pl.Series([text.encode() for text in texts], dtype=pl.Binary),
    "polars categories": lambda texts: pl.Series(texts, dtype=pl.Categorical),
    "polars chunks": lambda texts: pl.concat([pl.Series(texts[:3]), pl.Series(texts[3:])]),
    "pandas": lambda texts: pd.Series(texts, dtype="str"),
    "pandas objects": lambda texts: pd.Series(texts, dtype=object),
    "pandas Arrow": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "pandas without Arrow": lambda texts: pd.Series(texts, dtype="string[python]"),
    "pandas categories": lambda texts: pd.Series(texts, dtype="category"),
    "pandas, some rows": lambda texts: pd.Series(["x", *texts], index=range(len(texts) + 1))[1:],
}


@pytest.mark.parametrize("table", TABLES, ids=repr)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_owners(form: str, table: Table) -> None:
    owners = table.owner_many(FORMS[form](TEXTS))
    assert owners == [table.owner(text) for text in TEXTS]
    assert owners.indices.tolist() == [
        -1 if index is None else index for index in map(table.index, TEXTS)
    ]


@pytest.mark.parametrize("form", FORMS)
def test_no_keys_have_no_owners(form: str) -> None:
    sliced = {"polars chunks", "U, read-only", "U, other byte order"}
    keys = FORMS[form](TEXTS)[:0] if form in sliced else FORMS[form]([])
    owners = TABLES[0].owner_many(keys)
    assert owners == []
    assert len(owners) == len(np.asarray(owners)) == len(pa.array(owners)) == 0


INTEGER_FORMS: dict[str, Callable[[list[int]], Any]] = {
    "int64": lambda numbers: np.array(numbers, np.int64),
    "int64, other byte order": lambda numbers: np.array(numbers, ">i8"),
    "array": lambda numbers: array("q", numbers),
    "Arrow": lambda numbers: pa.array(numbers, pa.int64()),
    "polars": lambda numbers: pl.Series(numbers, dtype=pl.Int64),
    "pandas": lambda numbers: pd.Series(numbers, dtype="int64"),
    "dictionary": lambda numbers: pa.array(numbers).dictionary_encode(),
}


@pytest.mark.parametrize("form", INTEGER_FORMS)
def test_the_key_of_an_integer_is_its_digits(form: str) -> None:
    for table in TABLES:
        expected = [table.owner(str(number)) for number in INTEGERS]
        assert table.owner_many(INTEGER_FORMS[form](INTEGERS)) == expected


@pytest.mark.parametrize("width", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">u2", ">i4"])
def test_integers_of_every_width(width: str) -> None:
    table, limits = TABLES[0], np.iinfo(np.dtype(width))
    numbers = [0, 1, 42, 100, limits.min, limits.max, limits.max // 2]
    expected = [table.owner(str(number)) for number in numbers]
    held = np.array(numbers, width)
    assert table.owner_many(held) == expected
    assert table.owner_many(held[::-1]) == expected[::-1]
    assert table.owner_many(pa.array(np.array(numbers, width.strip(">")))) == expected


def test_trailing_nuls_are_those_of_numpy() -> None:
    table = Table([f"n{i}" for i in range(50)])
    raw = [b"ab\0\0", b"\0\0\0\0", b"abcd", b"a\0b\0"]
    padded = np.array(raw, "S4")
    assert table.owner_many(padded) == [table.owner(bytes(item)) for item in padded]
    assert table.owner_many(padded) == [table.owner(item.rstrip(b"\0")) for item in raw]
    # Random bytes, such as UUIDs, are kept whole by V and by Arrow's fixed size.
    whole = np.array(raw, "V4")
    assert table.owner_many(whole) == [table.owner(item) for item in raw]
    assert table.owner_many(pa.array(raw, pa.binary(4))) == [table.owner(item) for item in raw]
    texts = np.array(["a\0b\0", "\0", "abc"])
    assert table.owner_many(texts) == [table.owner("a\0b"), table.owner(""), table.owner("abc")]


NULLS: dict[str, Any] = {
    "string": pa.array(["a", None, "b", None]),
    "a slice": pa.array([None, "a", None, "b", None])[1:],
    "view": pa.array(["a", None, "b", None], pa.string_view()),
    "dictionary": pa.array(["a", None, "b", None]).dictionary_encode(),
    "nulls in a dictionary": pa.DictionaryArray.from_arrays([0, 1, 2, 1], ["a", None, "b"]),
    "fixed": pa.array([b"a", None, b"b", None], pa.binary(1)),
    "chunks": pa.chunked_array([["a", None], ["b", None]]),
    "polars": pl.Series(["a", None, "b", None]),
    "pandas": pd.Series(["a", None, "b", None], dtype="str"),
}


@pytest.mark.parametrize("form", NULLS)
def test_what_is_missing_is_nobodys(form: str) -> None:
    table = TABLES[0]
    owners = table.owner_many(NULLS[form])
    assert owners == [table.owner("a"), None, table.owner("b"), None]
    assert np.asarray(owners).tolist() == [table.index("a"), -1, table.index("b"), -1]
    assert pa.array(owners).to_pylist() == owners.tolist()
    assert pa.array(owners).null_count == 2
    assert table.owner_many(pa.nulls(3)) == [None] * 3
    assert table.moved_keys(Table(["new"]), NULLS[form]) == [
        (key if form != "fixed" else key.encode(), table.owner(key), "new") for key in "ab"
    ]


def test_nulls_at_every_place_of_a_bitmap() -> None:
    table = TABLES[0]
    texts = [None if i % 3 == 0 else f"k{i}" for i in range(1_000)]
    for start in range(10):
        expected = [None if text is None else table.owner(text) for text in texts[start:]]
        assert table.owner_many(pa.array(texts)[start:]) == expected
        assert pa.array(table.owner_many(pa.array(texts)[start:])).to_pylist() == expected


def test_none_and_nan_have_no_place_in_a_list() -> None:
    for keys in (["a", None], ["a", float("nan")], np.array(["a", None]), iter([None])):
        with pytest.raises(TypeError, match="a key must be str, bytes"):
            TABLES[0].owner_many(keys)  # type: ignore[arg-type]


def test_owners_are_arrays_without_copies() -> None:
    table = Table(["a", "b", b"\xff"])
    owners = table.owner_many(TEXTS)
    seen = np.asarray(owners)
    assert seen.dtype == np.int32
    assert not seen.flags.writeable
    assert np.shares_memory(seen, np.asarray(owners))
    assert np.shares_memory(seen, np.asarray(owners.indices))
    assert seen.tolist() == [table.index(text) for text in TEXTS]
    view = owners.indices
    assert (view.format, view.itemsize, view.ndim) == ("i", 4, 1)
    assert (view.shape, view.strides, view.readonly) == ((len(TEXTS),), (4,), True)
    # What was seen stays, whatever becomes of the object.
    expected = seen.tolist()
    del owners, view
    assert seen.tolist() == expected
    # Others ask for plain bytes.
    assert bytes(table.owner_many(["k"]).indices) == seen.dtype.type(table.index("k")).tobytes()
    with pytest.raises(TypeError, match="must be read-write bytes-like object, not ringway"):
        io.BytesIO(b"some").readinto(table.owner_many(["k"]))  # type: ignore[arg-type]


def test_owners_are_arrow_data() -> None:
    table = Table({"a": 1, "caf\u00e9": 1, "zero": 0})
    owners = table.owner_many(pa.array([*TEXTS, None]))
    arrow = pa.array(owners)
    arrow.validate(full=True)
    assert arrow.type == pa.dictionary(pa.int32(), pa.string())
    assert arrow.to_pylist() == owners.tolist()
    assert arrow.dictionary.to_pylist() == list(table)
    assert arrow.indices.buffers()[1].address == np.asarray(owners).ctypes.data
    assert pl.Series(owners).to_list() == owners.tolist()
    assert pd.Series(owners, dtype="str").fillna("").tolist() == [name or "" for name in owners]
    codes = pd.Categorical.from_codes(np.asarray(owners), list(table))
    assert [None if pd.isna(name) else name for name in codes] == owners.tolist()
    others = Table([b"\xff", "a"]).owner_many(TEXTS)
    assert pa.array(others).type == pa.dictionary(pa.int32(), pa.binary())
    assert pa.array(others).to_pylist() == [
        name.encode() if isinstance(name, str) else name for name in others
    ]
    # It outlives what it was made of.
    del owners, table
    arrow.validate(full=True)
    assert arrow.null_count == 1


def test_owners_are_a_sequence() -> None:
    table = Table(["a", "b", "c"])
    names = [table.owner(text) for text in TEXTS]
    owners = table.owner_many(TEXTS)
    assert owners.table is table
    assert owners == names == owners.tolist() == list(owners)
    assert owners == tuple(names)
    assert owners == table.owner_many(BYTES) == Table(table.nodes).owner_many(TEXTS)
    assert owners != names[1:]
    assert owners != Table(["a", "b"]).owner_many(TEXTS)
    assert owners != "a"
    assert (len(owners), owners[0], owners[-1]) == (len(names), names[0], names[-1])
    assert list(reversed(owners)) == names[::-1]
    for part in (slice(3), slice(5, 1, -2), slice(-4, None), slice(9, 3), slice(None, None, 7)):
        assert owners[part] == names[part]
    assert ("a" in owners, b"a" in owners, "d" in owners, None in owners) == (
        True,
        True,
        False,
        False,
    )
    assert (owners.count("a"), owners.count("d"), owners.count(None)) == (names.count("a"), 0, 0)
    assert owners.counts() == {name: names.count(name) for name in table}
    assert Counter(owners) == owners.counts()
    assert (owners.index("b"), owners.index("b", 100)) == (names.index("b"), names.index("b", 100))
    match owners[:2]:
        case [first, second]:
            assert [first, second] == names[:2]
        case _:
            pytest.fail("it is a sequence")
    for place in (len(names), -len(names) - 1, 1 << 80, -(1 << 80)):
        with pytest.raises(IndexError, match=rf"^index {place} of {len(names)} owners$"):
            owners[place]
    with pytest.raises(TypeError, match="an index must be int, not str"):
        owners["a"]  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unhashable"):
        hash(owners)
    with pytest.raises(ValueError, match="not in list"):
        owners.index("d")
    shown = "Owners([" + ", ".join(map(repr, names[:6])) + f", ... {len(names) - 6} more])"
    assert repr(owners) == shown
    assert repr(Table([]).owner_many(["a"])) == "Owners([None])"


def test_hashes_have_owners() -> None:
    for table in TABLES[:5]:
        hashes = [hash_ for text in TEXTS if (hash_ := table.key_hash(text)) is not None]
        expected = [table.owner(text) for text in TEXTS]
        for form in (
            hashes,
            iter(hashes),
            np.array(hashes, np.uint64),
            np.array(hashes, ">u8"),
            array("Q", hashes),
        ):
            assert table.owner_many_by_hash(form) == expected
    table = TABLES[0]
    wrong: Any
    for wrong in (
        "ab",
        b"abcdefgh",
        3,
        None,
        np.array([1]),
        np.array([1], np.uint32),
        np.array([1.0]),
    ):
        with pytest.raises(
            TypeError, match="hashes must be an iterable of int, or an array of uns"
        ):
            table.owner_many_by_hash(wrong)
    with pytest.raises(TypeError, match="a hash must be int, not str"):
        table.owner_many_by_hash(["a"])  # type: ignore[list-item]
    for number in (-1, 1 << 64):
        with pytest.raises(RingwayError, match=f"a hash must be 0 to {2**64 - 1}, not {number}"):
            table.owner_many_by_hash([number])
    with pytest.raises(RingwayError, match="layout nginx has no key hash of 64 bits"):
        Table(["a"], layout="nginx").owner_many_by_hash([1])


WRONG_ARRAYS: list[tuple[Any, type[Exception], str]] = [
    (np.array([1.5]), TypeError, 'not one with the buffer format "d"'),
    (np.array([True]), TypeError, 'not one with the buffer format "?"'),
    (np.array([1j]), TypeError, 'not one with the buffer format "Zd"'),
    (np.zeros(2, [("a", "i4"), ("b", "S2")]), TypeError, "texts, bytes or integers, not one with"),
    (np.array([["a"]]), RingwayError, "keys must be an array of one dimension, not of 2"),
    (np.array("a"), TypeError, "or Arrow data, not ndarray"),
    (np.array(["2020-01-01"], "M8[D]"), TypeError, "a key must be str, bytes"),
    (bytearray(b"ab"), TypeError, "or Arrow data, not bytearray"),
    (memoryview(b"ab"), TypeError, "or Arrow data, not memoryview"),
    (pa.array([1.5]), TypeError, 'of strings, binary or integers, not of the format "g"'),
    (pa.array([["a"]]), TypeError, 'not of the format "+l"'),
    (pa.array([True]), TypeError, 'not of the format "b"'),
    (pa.table({"a": ["b"]}), TypeError, '"+s": take one column of the table'),
    (pl.DataFrame({"a": ["b"]}), TypeError, '"+s": take one column of the table'),
    (pd.DataFrame({"a": ["b"]}), TypeError, '"+s": take one column of the table'),
    (pl.Series([1.5]), TypeError, 'not of the format "g"'),
    (pd.Series([1.5]), TypeError, 'not of the format "g"'),
    (pd.Series(["a", Decimal(1)]), TypeError, "a key must be str, bytes"),
]


@pytest.mark.parametrize(("keys", "error", "text"), WRONG_ARRAYS, ids=lambda value: str(value)[:20])
def test_wrong_arrays(keys: Any, error: type[Exception], text: str) -> None:
    for look_up in (
        TABLES[0].owner_many,
        TABLES[0].balance,
        lambda keys: TABLES[0].moved_keys(TABLES[1], keys),
    ):
        with pytest.raises(error) as refused:
            look_up(keys)
        assert text in str(refused.value)


def test_characters_that_are_none() -> None:
    table = TABLES[0]
    for order in "<>":
        with pytest.raises(RingwayError, match=r"^key 1 has the character U\+D800, which"):
            table.owner_many(np.array(["a", "b\ud800"]).astype(f"{order}U9"))
    beyond = np.array([0x61, 0x11_0000], np.uint32).view("U1")
    with pytest.raises(RingwayError, match=r"^key 1 has the character U\+110000"):
        table.owner_many(beyond)


def test_one_item_many_times() -> None:
    table = TABLES[0]
    assert table.owner_many(np.broadcast_to(np.array("k"), 1_000)) == [table.owner("k")] * 1_000
    assert table.owner_many(np.broadcast_to(np.array(7), 1_000)) == [table.owner("7")] * 1_000
    endless = np.broadcast_to(np.array(b"k"), 1 << 60)
    with pytest.raises(MemoryError):
        table.owner_many(endless)
    with pytest.raises(MemoryError):
        table.owner_many(pa.nulls(1 << 61))


def test_moved_keys_are_what_moves() -> None:
    table = Table(["a", "b", Node("c", weight=2)])
    for other in (table.with_node("d"), Table(table, layout="jump-v1"), Table(["c", "a"])):
        expected = [
            (text, table.owner(text), other.owner(text))
            for text in TEXTS
            if table.owner(text) != other.owner(text)
        ]
        assert expected
        assert table.moved_keys(other, TEXTS) == expected
        for form in ("U", "string", "polars", "pandas", "dictionary"):
            assert table.moved_keys(other, FORMS[form](TEXTS)) == expected
        for form in ("S", "binary", "bytes"):
            assert table.moved_keys(other, FORMS[form](TEXTS)) == [
                (text.encode(), old, new) for text, old, new in expected
            ]
        numbers = [*range(-20, 20), 2**63 - 1]
        assert table.moved_keys(other, np.array(numbers)) == [
            (number, table.owner(str(number)), other.owner(str(number)))
            for number in numbers
            if table.owner(str(number)) != other.owner(str(number))
        ]
    assert table.moved_keys(table, TEXTS) == []
    # The very objects come back.
    key = bytearray(b"k")
    assert table.moved_keys(Table(["x"]), [key])[0][0] is key
