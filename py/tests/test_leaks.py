"""Nothing is kept that is no longer used.

Most of the memory is Rust's, where tracemalloc does not see it, so the C library's allocator is
asked, which Rust and Python use; Python's own small objects are counted, and so are references.
How much a process has from the system says little: what is freed stays with it and hides a leak.
"""

import ctypes
import gc
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ringway import Node, RingwayError, Table

KEYS = [f"user:{i}" for i in range(1_000)]
TABLE = Table([Node(f"node-{i}", zone=f"z{i % 3}") for i in range(50)])
OTHER = TABLE.with_node("more")
ARRAY, ARROW = np.array(KEYS), pa.array([*KEYS, None], pa.string_view())
FILE = "[[node]]\nname = 'a'\n"
ROUNDS = 100
# A leak of the smallest of what is made here, 1,000 indices, is 400 kB in so many rounds.
GROWTH_MAX = 200_000


def wrong(call: Callable[[], object]) -> None:
    with pytest.raises((RingwayError, TypeError)):
        call()


def of_a_walk() -> None:
    for key in KEYS[:20]:
        next(TABLE.walk(key))


MADE: dict[str, Callable[[], object]] = {
    "a table": lambda: Table(TABLE.nodes),
    "a table of a mapping": lambda: Table({f"n{i}": i for i in range(50)}, vnodes=1),
    "a change": lambda: TABLE.with_node("x").with_weight("x", 2).without_node("x"),
    "a file": lambda: [Table.loads(FILE) for _ in range(10)],
    "bytes": lambda: Table.from_bytes(TABLE.to_bytes()),
    "a pickle": lambda: pickle.loads(pickle.dumps(TABLE)),
    "owners": lambda: TABLE.owner_many(KEYS),
    "owners of NumPy": lambda: TABLE.owner_many(ARRAY),
    "owners of Arrow": lambda: TABLE.owner_many(ARROW),
    "owners of chunks": lambda: TABLE.owner_many(pa.chunked_array([ARROW, ARROW])),
    "owners of hashes": lambda: TABLE.owner_many_by_hash(range(1_000)),
    "NumPy's owners": lambda: np.asarray(TABLE.owner_many(KEYS)).sum(),
    "Arrow's owners": lambda: pa.array(TABLE.owner_many(ARROW)),
    "capsules that nobody takes": lambda: TABLE.owner_many(ARROW).__arrow_c_array__(),
    "pickled owners": lambda: pickle.loads(pickle.dumps(TABLE.owner_many(KEYS))),
    "names": lambda: TABLE.owner_many(KEYS).tolist(),
    "ranges": lambda: TABLE.moved(OTHER).tolist(),
    "moved keys": lambda: TABLE.moved_keys(OTHER, ARRAY),
    "shares": lambda: (TABLE.balance().shares, TABLE.balance(KEYS).ratios),
    "walks": of_a_walk,
    "replicas": lambda: [TABLE.owners(key, 3) for key in KEYS],
    "bounded": lambda: [TABLE.bounded(key, {"node-1": 3}) for key in KEYS[:50]],
    "reprs": lambda: [repr(thing) for thing in (TABLE, TABLE.owner_many(KEYS), TABLE.balance())],
    "wrong keys": lambda: wrong(lambda: TABLE.owner_many([*KEYS, None])),  # type: ignore[list-item]
    "wrong nodes": lambda: wrong(lambda: Table([*KEYS, KEYS[0]])),
    "wrong arrays": lambda: wrong(lambda: TABLE.owner_many(np.zeros((2, 2), "S9"))),
    "wrong Arrow": lambda: wrong(lambda: TABLE.owner_many(pa.array([1.5] * 1_000))),
    "broken texts": lambda: wrong(lambda: TABLE.owner_many(np.array([*KEYS, "\ud800"]))),
}


class MallocInfo(ctypes.Structure):
    """struct mallinfo2 of glibc."""

    _fields_ = [
        *((f"before_{number}", ctypes.c_size_t) for number in range(4)),
        ("hblkhd", ctypes.c_size_t),
        *((f"between_{number}", ctypes.c_size_t) for number in range(2)),
        ("uordblks", ctypes.c_size_t),
        *((f"after_{number}", ctypes.c_size_t) for number in range(2)),
    ]


mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
if mallinfo2 is not None:
    mallinfo2.restype = MallocInfo
with_glibc = pytest.mark.skipif(mallinfo2 is None, reason="it takes glibc 2.33 to see memory")


def in_use() -> tuple[int, int]:
    """The bytes that are allocated, and how many small objects of Python's are."""
    assert mallinfo2 is not None
    info = mallinfo2()
    return info.uordblks + info.hblkhd, sys.getallocatedblocks()


def grows(make: Callable[[], object]) -> bool:
    """Whether memory grows each time: caches grow too, but not for ever."""

    def growth() -> bool:
        gc.collect()
        bytes_before, blocks_before = in_use()
        for _ in range(ROUNDS):
            make()
        gc.collect()
        bytes_after, blocks_after = in_use()
        grown = bytes_after - bytes_before, blocks_after - blocks_before
        print("grown by (bytes, objects)", grown)  # noqa: T201 - shown where a test fails
        return grown[0] > GROWTH_MAX or grown[1] > ROUNDS // 2

    return all(growth() for _ in range(10))


@with_glibc
@pytest.mark.parametrize("name", MADE)
def test_memory_does_not_grow(name: str) -> None:
    assert not grows(MADE[name])


@with_glibc
def test_leaks_are_seen() -> None:
    kept: list[object] = []
    assert grows(lambda: kept.append(b"x" * (4 * len(KEYS))))
    assert grows(lambda: kept.append(object()))
    assert grows(lambda: kept.append(TABLE.owner_many(ARRAY)))
    assert not grows(object)


def test_references_come_back() -> None:
    key, name = "a key of its own".upper(), "a name of its own".upper()
    table = Table([name])
    watched: list[Any] = [key, name, table, ARRAY, ARROW, KEYS, *table]
    before = [sys.getrefcount(thing) for thing in watched]
    for _ in range(10):
        table.owner(key), table.owners(key, 2), list(table.walk(key)), table.key_hash(key)
        owners = table.owner_many([key] * 5)
        np.asarray(owners), pa.array(owners), owners.indices, owners.tolist(), owners[0], owners[1:]
        table.owner_many(ARRAY), table.owner_many(ARROW), table.owner_many(iter(KEYS))
        table.moved(table), table.moved_keys(OTHER, [key]), table.balance(), name in table
        hash(table), repr(table), table == table, table.nodes  # noqa: PLR0124
        wrong(lambda: table.owner_many([key, 3]))  # type: ignore[list-item]
        wrong(lambda: table.owner_many(np.array([1.5])))
    del owners
    gc.collect()
    assert [sys.getrefcount(thing) for thing in watched] == before
