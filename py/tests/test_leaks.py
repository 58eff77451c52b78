"""Nothing is kept that is no longer used.

Most of the memory is Rust's, where tracemalloc does not see it, so the whole process is looked at;
and reference counts, which are exact.
"""

import gc
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
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
ROUNDS = 400
# A leak of the smallest of what is made here, 1,000 indices, is 1.6 MB in so many rounds.
GROWTH_MAX = 800_000


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


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def grows(make: Callable[[], object]) -> bool:
    """Whether memory grows again and again: an allocator may keep what it got once."""

    def growth() -> int:
        gc.collect()
        before = resident()
        for _ in range(ROUNDS):
            make()
        gc.collect()
        return resident() - before

    return all(growth() > GROWTH_MAX for _ in range(3))


on_linux = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="it takes Linux to see memory"
)


@on_linux
@pytest.mark.parametrize("name", MADE)
def test_memory_does_not_grow(name: str) -> None:
    assert not grows(MADE[name])


@on_linux
def test_a_leak_is_seen() -> None:
    kept: list[bytes] = []
    assert grows(lambda: kept.append(b"x" * (4 * len(KEYS))))


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
