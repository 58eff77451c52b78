"""Many threads, one table."""

import threading
from concurrent.futures import ThreadPoolExecutor

from ringway import Node, Table

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
