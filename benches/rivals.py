"""How fast does a Python program find a key's node with ringway, and how fast with other packages?

    PYTHONPATH=py/python python benches/rivals.py [--record]

Dimensions: package x nodes; str keys of 16 characters, 160 points a node. Called one key at a time, and
for many keys at once where a package can: a list in and a list of names out (`batch`), and what only
ringway has: its own answer to a list, NumPy's arrays, Arrow's, hashes. Jump hashes beside the package
that has nothing else, of integers both. The time to build the map; the time to import a package in a
new interpreter; the size of its files, compressed as a wheel has them. All take turns in one run, each
twice, of which the second counts, and of all turns the shortest. A package that is not installed, or
that this Python is too old for, is left out.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pathlib
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa
import record
import ringway

QUICK = bool(os.environ.get("RINGWAY_QUICK"))
NODE_COUNTS = (10, 100) if QUICK else (10, 100, 1_000, 10_000)
KEY_COUNT = 5_000 if QUICK else 50_000
BUDGET_S = 0.1 if QUICK else 2.0
MASK = (1 << 64) - 1

Map = Any
Job = Callable[[], object]
#: Name, how to build, how to look one key up, and a list of them if there is a way.
Rival = tuple[str, Callable[[list[str]], Map], Callable[[Map], Callable[[str], Any]], Callable[[Map], Callable[[list[str]], Any]] | None]
OWN = "ringway from Python"


def keys(count: int) -> list[str]:
    """Those of benches/lib.rs (splitmix64 of seed 1)."""
    state, bytes_ = 1, []
    for _ in range(count * 16):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        bytes_.append("0123456789abcdefghijklmnopqrstuv"[(z ^ (z >> 31)) >> 59])
    text = "".join(bytes_)
    return [text[at : at + 16] for at in range(0, len(text), 16)]


def installed(package: str) -> str | None:
    """The package's name with its version, if it can be imported."""
    try:
        importlib.import_module({"jump-consistent-hash": "jump"}.get(package, package))
    except ImportError:
        print(f"{package} is not installed, or not for Python {sys.version.split()[0]}: left out", file=sys.stderr)
        return None
    return f"{package} {metadata.version(package)}"


def rivals() -> list[Rival]:
    def names_of(table: Map) -> Callable[[list[str]], Any]:
        return lambda keys: table.owner_many(keys).tolist()

    found: list[Rival] = [(OWN, ringway.Table, lambda table: table.owner, names_of)]
    if name := installed("uhashring"):
        from uhashring import HashRing

        found.append((name, lambda nodes: HashRing(nodes, vnodes=160), lambda ring: ring.get_node, None))
    if name := installed("fastring"):
        import fastring

        def build(nodes: list[str]) -> Map:
            ring = fastring.HashRing(virtual_nodes=160)
            for node in nodes:
                ring.add_node(node)
            return ring

        found.append((name, build, lambda ring: ring.get_node, lambda ring: ring.get_node_batch))
    return found


def arrays(asked: list[str], hashes: list[int]) -> dict[str, tuple[str, Any]]:
    """What only ringway looks up: the method and its argument."""
    return {
        "ringway, list to owners": ("owner_many", asked),
        "ringway, list of bytes": ("owner_many", [key.encode() for key in asked]),
        "ringway, NumPy S16": ("owner_many", np.array(asked, "S16")),
        "ringway, NumPy U16": ("owner_many", np.array(asked, "U16")),
        "ringway, NumPy int64": ("owner_many", np.array(hashes, np.uint64).view(np.int64)),
        "ringway, Arrow string": ("owner_many", pa.array(asked)),
        "ringway, Arrow string_view": ("owner_many", pa.array(asked, pa.string_view())),
        "ringway, uint64 hashes": ("owner_many_by_hash", np.array(hashes, np.uint64)),
    }


def buckets(hashes: list[int]) -> dict[str, Callable[[int], Job]]:
    """Jump hashes of integers, by the number of buckets."""

    def loop(function: Callable[[int, int], int]) -> Callable[[int], Job]:
        def of(count: int) -> Job:
            def look_up() -> None:
                for hash_ in hashes:
                    function(hash_, count)

            return look_up

        return of

    found = {"ringway.jump": loop(ringway.jump), "ringway.jumpback": loop(ringway.jumpback)}
    if name := installed("jump-consistent-hash"):
        import jump

        assert all(jump.hash(hash_, 1_000) == ringway.jump(hash_, 1_000) for hash_ in hashes[:100])
        found[name] = loop(jump.hash)
    return found


def import_ms(module: str) -> float:
    """The shortest time that a new interpreter takes to import a module."""
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"

    def once() -> float:
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)

    return min(once() for _ in range(3 if QUICK else 20)) * 1e3


def wheel_kb(package: str) -> float:
    """The package's files, compressed as in a wheel."""
    if package == "ringway":
        folder = pathlib.Path(ringway.__file__).parent
        paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    else:
        files = metadata.files(package) or []
        paths = [pathlib.Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path)
    return len(held.getvalue()) / 1e3


def minima(jobs: dict[str, Job]) -> dict[str, float]:
    """The shortest time of each in seconds; all take turns, none longer than its budget."""
    best = dict.fromkeys(jobs, float("inf"))
    spent = dict.fromkeys(jobs, 0.0)
    for _ in range(2 if QUICK else 15):
        for name, job in jobs.items():
            if spent[name] > BUDGET_S:
                continue
            # Nobody pays for what the one before has left in the caches.
            job()
            start = time.perf_counter()
            result = job()
            elapsed = time.perf_counter() - start
            best[name] = min(best[name], elapsed)
            spent[name] += elapsed
            del result
    return best


def one_by_one(owner: Callable[[str], Any], asked: list[str]) -> Job:
    def look_up() -> None:
        for key in asked:
            owner(key)

    return look_up


def check(name: str, owner: Callable[[str], Any], nodes: list[str], asked: list[str]) -> None:
    found = {owner(key) for key in asked}
    assert found <= set(nodes), f"{name}: owners are nodes"
    assert len(nodes) > 100 or found == set(nodes), f"{name}: every node owns something"


def main() -> None:
    asked = keys(KEY_COUNT)
    hashes = [ringway.key_hash(key) for key in asked]
    contestants, rows = rivals(), []
    jumps, held = buckets(hashes), arrays(asked, hashes)
    for count in NODE_COUNTS:
        nodes = [f"10.0.{at >> 8}.{at & 255}:7000" for at in range(count)]
        lookups: dict[str, Job] = {}
        builds: dict[str, Job] = {}
        for name, build, one, many in contestants:
            ring = build(nodes)
            check(name, one(ring), nodes, asked)
            lookups[name] = one_by_one(one(ring), asked)
            if many:
                assert list(many(ring)(asked[:100])) == [one(ring)(key) for key in asked[:100]], name
                lookups[f"{name} batch"] = lambda ring=ring, many=many: many(ring)(asked)
            builds[name] = lambda build=build, nodes=nodes: build(nodes)
        table = ringway.Table(nodes)
        for name, (method, argument) in held.items():
            assert "int64" in name or getattr(table, method)(argument) == [table.owner(key) for key in asked], name
            lookups[name] = lambda look_up=getattr(table, method), argument=argument: look_up(argument)
        gc.collect()
        gc.disable()
        rows += [(name, count, best / len(asked) * 1e9, "ns/lookup") for name, best in minima(lookups).items()]
        jobs = {name: of(count) for name, of in jumps.items()}
        rows += [(name, count, best / len(hashes) * 1e9, "ns/bucket") for name, best in minima(jobs).items()]
        gc.enable()
        rows += [(name, count, best * 1e3, "ms/build") for name, best in minima(builds).items()]
    for package, module in [("ringway", "ringway"), ("uhashring", "uhashring"), ("fastring", "fastring"), ("jump-consistent-hash", "jump")]:
        name = OWN if package == "ringway" else installed(package)
        if name:
            rows.append((name, 0, import_ms(module), "ms/import"))
            rows.append((name, 0, wheel_kb(package), "kB/wheel"))
    print(f"\n{'From Python ' + sys.version.split()[0]:<34} {'nodes':>8} {'figure':>12}")
    for name, count, figure, unit in sorted(rows, key=lambda row: row[3]):
        print(f"{name:<34} {count or '':>8} {figure:>12.1f} {unit}")
    if "--record" in sys.argv:
        # A comma would end the field.
        record.record("rivals-python", [f"{name.replace(',', ':')},{count},{figure:.4f},{unit}" for name, count, figure, unit in rows])


if __name__ == "__main__":
    main()
