"""Many threads, one table."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from ringway import Node, Owners, Table

THREADS = 8
KEYS = [f"key-{i}" for i in range(2_000)]


def test_threads_see_one_map() -> None:
    table = Table([Node(f"n{i}", weight=1 + i % 3, zone=f"z{i % 4}") for i in range(40)])
    expected = [table.owner(key) for key in KEYS]
    start = threading.Barrier(THREADS)

    def look_up(_: int) -> list[str | bytes | None]:
        start.wait()
        found = [table.owner(key) for key in KEYS]
        assert table.owner_many(KEYS) == found
        for key in KEYS[:100]:
            assert next(table.walk(key)) == table.owners(key, 3)[0] == table.owner(key)
        assert len({*table.nodes}) == len(table) == 40
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(look_up, range(THREADS)):
            assert found == expected


def test_a_shared_walk_gives_each_node_once() -> None:
    names = [f"n{i}" for i in range(200)]
    walk = Table(names).walk("k")
    start = threading.Barrier(THREADS)

    def take(_: int) -> list[str | bytes]:
        start.wait()
        return list(walk)

    with ThreadPoolExecutor(THREADS) as pool:
        found = [name for part in pool.map(take, range(THREADS)) for name in part]
    assert sorted(map(str, found)) == sorted(names)


def test_tables_are_built_and_dropped_in_threads() -> None:
    def build(number: int) -> str | bytes | None:
        return Table([f"n{i}" for i in range(number % 7 + 1)]).owner("k")

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(build, range(200)))
    assert found == [build(number) for number in range(200)]


def test_threads_share_arrays_and_owners() -> None:
    table = Table([f"n{i}" for i in range(40)])
    forms = [np.array(KEYS), np.array(KEYS, "S16"), pa.array(KEYS), pa.chunked_array([KEYS, []])]
    owners = table.owner_many(KEYS)
    expected = owners.tolist()
    start = threading.Barrier(THREADS)

    def look_up(number: int) -> Owners:
        start.wait()
        for _ in range(20):
            found = table.owner_many(forms[number % len(forms)])
            assert found == owners
            assert np.asarray(owners)[number] == table.index(KEYS[number])
            assert pa.array(owners)[number].as_py() == expected[number]
        assert found.counts() == owners.counts()
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(found == expected for found in pool.map(look_up, range(THREADS)))


def test_others_run_while_an_array_is_read() -> None:
    # One item many times over takes no memory; four bytes for each owner do.
    array = np.broadcast_to(np.array(b"some key of sixteen"), 20_000_000)
    table, steps, done = Table(["a", "b"]), 0, threading.Event()

    def look_up() -> None:
        table.owner_many(array)
        done.set()

    thread = threading.Thread(target=look_up)
    thread.start()
    while not done.is_set():
        steps += 1
        time.sleep(0)
    thread.join()
    # Whoever held the lock all the time would have let this loop go round once or twice.
    assert steps > 10


def test_an_array_that_changes_meanwhile_does_no_harm() -> None:
    table = Table([f"n{i}" for i in range(5)])
    array = np.array(["key"] * 50_000)
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            array[:] = "other"
            array[:] = "\u6771\u4eac"
            array.view(np.uint32)[::7] = 0

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(50):
            owners = table.owner_many(array)
            assert len(owners) == len(array)
            assert set(owners) <= set(table)
    finally:
        stop.set()
        thread.join()
