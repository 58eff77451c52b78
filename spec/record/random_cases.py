"""Random clusters against all programs that `make record` asks.

    python3 spec/record/random_cases.py RINGWAY [FOLDER...]

For each program 20 random clusters: names, weights, states, ids and options as it takes them, and
150 random keys each; `RINGWAY map --cluster FILE --format hex` must name the node that answered. The
seed is printed; RINGWAY_LIVE_SEED=n repeats a run. FOLDER, such as `envoy`, asks only that program.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import envoy
import haproxy
import libmemcached
import live
import namespaces
import nginx
import packages
import processes
import twemproxy
from recorded import Recorded, escape

CASES = 20
KEYS = 150
Node = dict[str, Any]
Made = tuple[str, dict[str, Any], list[Node], list[bytes], str]
"""Layout, options, nodes, keys, and what the comment `config` says."""


class Random(random.Random):
    """Names, weights and keys."""

    def host(self) -> str:
        """A host name."""
        prefix = self.choice(["cache", "c", "web-", "Node", "x.y"])
        number = self.randrange(10 ** self.randrange(1, 6))
        return f"{prefix}{number}{self.choice(['', '.example', '.a.b'])}"

    def names(self, make: Callable[[], str], at_most: int = 40) -> list[str]:
        """Different names."""
        count = self.choice([1, 2, 3, 25, self.randint(2, at_most)])
        found: dict[str, None] = {}
        while len(found) < count:
            found[make()] = None
        return list(found)

    def nodes(self, names: list[str], least: int = 1, most: int = 200) -> list[Node]:
        """Nodes of equal or of random weights."""
        weight = self.choice(
            [
                lambda: 1,
                lambda: 7,
                lambda: self.randint(least, 10),
                lambda: self.choice([1, 1, 1, self.randint(least, most)]),
            ]
        )
        return [{"name": name, "weight": weight()} for name in names]

    def take_down(self, nodes: list[Node], share: float) -> None:
        """Mark some nodes down, never all that have weight."""
        for node in nodes:
            if self.random() < share:
                node["state"] = "down"
        if not any(node["weight"] and "state" not in node for node in nodes):
            nodes[0] |= {"weight": 2, "state": "up"}

    def keys(self, is_text: bool = False) -> list[bytes]:
        """Keys without spaces and control characters."""
        found: set[bytes] = set()
        while len(found) < KEYS:
            length = self.choice([3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 31, 33, 64, 200])
            if is_text:
                text = "".join(self.choices("abcXYZ019:/_-{}$[]éключ日本😀", k=min(length, 60)))
                found.add(text.encode())
            else:
                highest = self.choice([0x7E, 0xFF])
                allowed = [byte for byte in range(0x21, highest + 1) if byte != 0x7F]
                found.add(bytes(self.choices(allowed, k=length)))
        return sorted(found)


def nginx_case(source: Random) -> Made:
    """IPv4 with and without a port; few down, as 21 looks must find one that is up."""
    layout = source.choice(["nginx", "nginx-modulo"])

    def name() -> str:
        host = f"127.{source.randrange(60, 90)}.{source.randrange(256)}.{source.randrange(1, 255)}"
        return source.choice([f"{host}:{source.randrange(10_000, 32_000)}", host])

    nodes = source.nodes(source.names(name), most=60)
    if len(nodes) > 3:
        source.choice(nodes).update(state="down", weight=1)
    return layout, {}, nodes, source.keys(), ""


def haproxy_case(source: Random) -> Made:
    """Weights from 0, several down, ids on all, some or no servers."""
    layout = source.choice(["haproxy-consistent", "haproxy-map"])
    options: dict[str, Any] = {}
    if source.random() < 0.8:
        options["hash"] = source.choice(["sdbm", "djb2", "wt6", "crc32"])
        options["avalanche"] = source.random() < 0.5
    names = [f"s{number}" for number in range(len(source.names(source.host)))]
    nodes = source.nodes(names, least=0)
    source.take_down(nodes, 0.2)
    if source.random() < 0.6:
        ids = source.sample(range(1, 3 * len(nodes) + 1), len(nodes))
        share = source.choice([1.0, 0.6])
        for node, number in zip(nodes, ids, strict=True):
            if source.random() < share:
                node["id"] = number
    for node in nodes:
        if node.get("state") == "up":
            del node["state"]
    return layout, options, nodes, source.keys(), ""


def twemproxy_case(source: Random) -> Made:
    """Names and addresses, all hashes, several tags."""
    layout = source.choice(["twemproxy-ketama", "twemproxy-modula"])
    options = {"hash": source.choice(HASHES["twemproxy"])} if source.random() < 0.8 else {}
    if source.random() < 0.4:
        options["hash_tag"] = source.choice(["{}", "$$", "::", "[]", "ab", "/:"])

    def address() -> str:
        return f"127.0.4.{source.randrange(1, 200)}:{source.randrange(22_000, 22_100)}"

    nodes = source.nodes(source.names(lambda: source.choice([source.host, address])()))
    return layout, options, nodes, source.keys("hash_tag" in options), ""


def libmemcached_case(source: Random) -> Made:
    """Every way to set a distribution, weights from 0, ports that are left out and others."""
    layout, said = source.choice(
        [
            ("libmemcached-ketama", "memcached_behavior_set(KETAMA,1)"),
            ("libmemcached-ketama", "memcached_behavior_set(DISTRIBUTION,1)"),
            ("libmemcached-ketama-weighted", "memcached_behavior_set(KETAMA_WEIGHTED,1)"),
            ("libmemcached-modula", ""),
            ("libmemcached-spy", "memcached_behavior_set(DISTRIBUTION,4)"),
        ]
    )
    options = {}
    if source.random() < 0.7:
        options["hash"] = source.choice(
            [name for name in HASHES["libmemcached"] if name != "hsieh"]
        )
        said += f"; set by HASH={HASHES['libmemcached'].index(options['hash'])}"

    def name() -> str:
        hosts = [source.host(), f"[2001:db8::{source.randrange(1, 999):x}]", "192.0.2.7"]
        return f"{source.choice(hosts)}:{source.choice([11_211, 11_211, 11_212, 80])}"

    return layout, options, source.nodes(source.names(name), least=0), source.keys(), said


def envoy_case(source: Random) -> Made:
    """Ring sizes that bind, tables of few places, and every panic."""
    layout = source.choice(["envoy-ring", "envoy-maglev"])
    options: dict[str, Any] = {}

    def name() -> str:
        address = f"127.0.7.{source.randrange(1, 255)}:{source.randrange(8_300, 8_320)}"
        return source.choice([source.host(), address])

    nodes = source.nodes(source.names(name))
    if layout == "envoy-ring":
        if source.random() < 0.4:
            options["hash"] = "murmur_hash_2"
        if source.random() < 0.6:
            options["minimum_ring_size"] = source.choice([1, 10, 100, source.randint(1, 5_000)])
        if source.random() < 0.5:
            least = options.get("minimum_ring_size", 1_024)
            options["maximum_ring_size"] = max(least, source.choice([1_024, 1_500, 5_000]))
    elif source.random() < 0.6:
        options["table_size"] = source.choice([53, 101, 251, 1_009, 8_191, 65_537])
    if source.random() < 0.5:
        options["healthy_panic_threshold"] = source.choice([0, 10, 30, 70, 75, 100])
    source.take_down(nodes, source.choice([0, 0.2, 0.6]))
    for node in nodes:
        if node.get("state") == "up":
            del node["state"]
    return layout, options, nodes, source.keys(), ""


def package_case(layouts: list[str], name: str) -> Callable[[Random], Made]:
    """A client library: keys are texts, or bytes in python-memcached."""

    def made(source: Random) -> Made:
        names = source.names(lambda: name.format(source.host(), source.randrange(1, 60_000)))
        nodes = source.nodes(names)
        layout = source.choice(layouts)
        return layout, {}, nodes, source.keys(layout != "python-memcached"), ""

    return made


def uhashring_case(source: Random) -> Made:
    """Both rings, vnodes of the ring and of single nodes, and fewer words of a digest."""
    layout, _, nodes, keys, said = package_case(["uhashring", "uhashring-ketama"], "{}")(source)
    options: dict[str, Any] = {}
    if source.random() < 0.5:
        options["vnodes"] = source.choice([1, 7, 40, 100, 161, 500])
    if layout == "uhashring-ketama" and source.random() < 0.5:
        options["replicas"] = source.randint(1, 4)
    for node in nodes:
        if source.random() < 0.2:
            node["vnodes"] = source.randint(1, 300)
    return layout, options, nodes, keys, said


HASHES = {
    "twemproxy": (
        "one_at_a_time md5 crc16 crc32 crc32a "
        "fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 hsieh murmur jenkins"
    ).split(),
    "libmemcached": (
        "default md5 crc fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 hsieh murmur jenkins murmur3"
    ).split(),
}
PROGRAMS: dict[str, tuple[ModuleType | packages.Package, Callable[[Random], Made]]] = {
    "nginx": (nginx, nginx_case),
    "haproxy": (haproxy, haproxy_case),
    "twemproxy": (twemproxy, twemproxy_case),
    "libmemcached": (libmemcached, libmemcached_case),
    "envoy": (envoy, envoy_case),
    "uhashring": (packages.PACKAGES[0], uhashring_case),
    "pymemcache": (packages.PACKAGES[1], package_case(["pymemcache"], "{}:{}")),
    "python-memcached": (packages.PACKAGES[2], package_case(["python-memcached"], "10.0.0.1:{1}")),
}


def as_file(made: Made, folder: str, number: int) -> Recorded:
    """A case in the form of a recorded file, without answers."""
    layout, options, nodes, keys, said = made
    case = {"kind": "map", "layout": layout, "options": options, "nodes": nodes}
    rows = [[escape(key), ""] for key in keys]
    return Recorded(Path(folder) / f"{number}", case, [f"# config: {said}"], rows)


def check(folder: str, ringway: str, source: Random) -> tuple[int, int]:
    """Ask one program; how many cases agreed, and how many did not."""
    module, make = PROGRAMS[folder]
    files = [as_file(make(source), folder, number) for number in range(CASES)]
    failed = rows = 0
    with processes.folder() as name:
        answered = module.record(files, Path(name))
        cluster = Path(name) / "cluster.toml"
        for file in files:
            cluster.write_text(
                live.cluster_file(file.case["layout"], file.case["options"], file.nodes)
            )
            ours = live.mapped(ringway, cluster, file.keys)
            pairs = zip(answered[file.name], ours, strict=True)
            wrong = [(row, owner) for row, owner in pairs if row[1] != owner]
            rows += len(ours)
            if wrong:
                failed += 1
                row, owner = wrong[0]
                print(f"FAILED {file.name}: {len(wrong)} of {len(ours)} keys; {row}, not {owner}")
                print(cluster.read_text())
    print(f"{folder}: {CASES - failed} of {CASES} random clusters agree, {rows} keys", flush=True)
    return CASES - failed, failed


def main(arguments: list[str]) -> int:
    """Ask all programs and print `random: N passed, N failed, 0 skipped`."""
    if not arguments or any(folder not in PROGRAMS for folder in arguments[1:]):
        print(__doc__, file=sys.stderr)
        return 2
    namespaces.enter()
    seed = int(os.environ.get("RINGWAY_LIVE_SEED") or time.time_ns() % 1_000_000_007)
    print(f"random: RINGWAY_LIVE_SEED={seed} repeats this run", flush=True)
    ringway = str(Path(arguments[0]).resolve())
    results = [check(each, ringway, Random(seed)) for each in arguments[1:] or PROGRAMS]
    passed, failed = (sum(column) for column in zip(*results, strict=True))
    print(f"random: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
