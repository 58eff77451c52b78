"""How fast does a Python program find a key's node with ringway, and how fast with other packages?

    PYTHONPATH=py/python python benches/rivals.py [--record]

Dimensions: package x nodes; str keys of 16 characters, 160 points a node. Called one key at a time, and
for many keys at once where a package can (`batch`); the time to build the map, too. All take turns in
one run, and the shortest time counts. A package that is not installed, or that this Python is too old
for, is left out.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import record
import ringway

QUICK = bool(os.environ.get("RINGWAY_QUICK"))
NODE_COUNTS = (10, 100) if QUICK else (10, 100, 1_000, 10_000)
KEY_COUNT = 5_000 if QUICK else 50_000
BUDGET_S = 0.1 if QUICK else 2.0
MASK = (1 << 64) - 1

Map = Any
Rival = tuple[str, Callable[[list[str]], Map], Callable[[Map], Callable[[str], Any]], str | None]


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


def rivals() -> list[Rival]:
    """Name, how to build, how to look one key up, and the method for many if there is one."""
    found: list[Rival] = [("ringway from Python", ringway.Table, lambda table: table.owner, "owner_many")]
    for package, kind, one, many in [
        ("uhashring", "HashRing", "get_node", None),
        ("fastring", "HashRing", "get_node", "get_nodes_for_keys"),
    ]:
        try:
            build = getattr(importlib.import_module(package), kind)
            version = metadata.version(package)
        except ImportError:
            print(f"{package} is not installed, or not for Python {sys.version.split()[0]}: left out", file=sys.stderr)
            continue
        many = many if many and hasattr(build, many) else None
        options = {"vnodes": 160} if package == "uhashring" else {}
        make = lambda nodes, build=build, options=options: build(nodes, **options)  # noqa: E731
        found.append((f"{package} {version}", make, lambda ring, one=one: getattr(ring, one), many))
    return found


def minima(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The shortest time of each in seconds; all take turns, none longer than its budget."""
    best = dict.fromkeys(jobs, float("inf"))
    spent = dict.fromkeys(jobs, 0.0)
    for _ in range(2 if QUICK else 15):
        for name, job in jobs.items():
            if spent[name] > BUDGET_S:
                continue
            start = time.perf_counter()
            result = job()
            elapsed = time.perf_counter() - start
            best[name] = min(best[name], elapsed)
            spent[name] += elapsed
            del result
    return best


def one_by_one(owner: Callable[[str], Any], asked: list[str]) -> Callable[[], object]:
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
    contestants, rows = rivals(), []
    for count in NODE_COUNTS:
        nodes = [f"10.0.{at >> 8}.{at & 255}:7000" for at in range(count)]
        lookups: dict[str, Callable[[], object]] = {}
        builds: dict[str, Callable[[], object]] = {}
        for name, build, one, many in contestants:
            ring = build(nodes)
            check(name, one(ring), nodes, asked)
            lookups[name] = one_by_one(one(ring), asked)
            if many:
                assert list(getattr(ring, many)(asked[:100])) == [one(ring)(key) for key in asked[:100]], name
                lookups[f"{name} batch"] = lambda ring=ring, many=many: getattr(ring, many)(asked)
            builds[name] = lambda build=build, nodes=nodes: build(nodes)
        gc.collect()
        gc.disable()
        rows += [(name, count, best / len(asked) * 1e9, "ns/lookup") for name, best in minima(lookups).items()]
        gc.enable()
        rows += [(name, count, best * 1e3, "ms/build") for name, best in minima(builds).items()]
    print(f"\n{'From Python ' + sys.version.split()[0]:<34} {'nodes':>8} {'figure':>12}")
    for name, count, figure, unit in sorted(rows, key=lambda row: row[3]):
        print(f"{name:<34} {count:>8} {figure:>12.1f} {unit}")
    if "--record" in sys.argv:
        record.record("rivals-python", [f"{name},{count},{figure:.4f},{unit}" for name, count, figure, unit in rows])


if __name__ == "__main__":
    main()
