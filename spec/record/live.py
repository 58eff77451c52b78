"""Random cluster files against the real nginx and HAProxy, key by key.

    python3 spec/record/live.py RINGWAY

Starts nginx and HAProxy on loopback with the nodes and weights of random cluster files, one node
down, and asks each 2,000 fresh random keys; `RINGWAY map --cluster FILE --format hex` must name the
server that answered. The seed is printed; RINGWAY_LIVE_SEED=n repeats a run. If a program is
missing, or is a HAProxy of which nobody knows whether it has revision `classic`, its cases are
skipped and the reason is printed. HAPROXY=/path asks another HAProxy; RINGWAY_HAPROXY_REVISION=3.0
(or classic) says which revision it is held to.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import haproxy
import nginx
from backends import Backends, http_backend
from clients import Client
from processes import Server, folder

KEYS = 2_000
SERVERS_MAX = 40
UNCLEAR_HAPROXY = ("3.0.", "3.1.", "3.2.")
"""Versions whose point releases have one revision or the other."""
REVISION = os.environ.get("RINGWAY_HAPROXY_REVISION")
Node = dict[str, Any]
Case = tuple[str, str, dict[str, Any], list[Node]]
"""A title, a layout, its options and its nodes."""


def random_key(source: random.Random) -> bytes:
    """A key that a header can carry: 1 to 200 bytes, no spaces or control characters."""
    length = source.choice([1, 2, 8, 8, 16, 16, 40, 200])
    if source.random() < 0.5:
        return bytes(source.randrange(0x21, 0x7F) for _ in range(length))
    return bytes(source.choice([*range(0x21, 0x7F), *range(0x80, 0x100)]) for _ in range(length))


def free_addresses(source: random.Random, count: int) -> list[str]:
    """Loopback addresses below the ports that the system hands out, free at this moment."""
    found: list[str] = []
    while len(found) < count:
        host = f"127.{source.randrange(1, 255)}.{source.randrange(256)}.{source.randrange(1, 255)}"
        port = source.randrange(10_000, 32_000)
        with socket.socket() as probe:
            # A connection that has ended is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if f"{host}:{port}" not in found:
            found.append(f"{host}:{port}")
    return found


def random_nodes(source: random.Random, names: list[str]) -> list[Node]:
    """Nodes with random weights; one of four or more is down.

    Its weight is limited, as nginx goes on by round robin where the first 21 servers that it looks
    at are all down: then a key has no owner.
    """
    nodes: list[Node] = [{"name": name, "weight": source.randint(1, 9)} for name in names]
    if len(nodes) > 3:
        down = source.choice(nodes)
        down |= {"state": "down", "weight": min(down["weight"], len(nodes) // 2)}
    return nodes


def cluster_file(layout: str, options: dict[str, Any], nodes: list[Node]) -> str:
    """The cluster file of a case."""
    lines = [f'layout = "{layout}"', "[options]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    for node in nodes:
        lines += ["[[node]]", *(f"{name} = {json.dumps(value)}" for name, value in node.items())]
    return "".join(f"{line}\n" for line in lines)


def mapped(ringway: str, cluster: Path, keys: list[bytes]) -> list[str]:
    """The nodes that ringway maps the keys to."""
    command = [ringway, "map", "--cluster", str(cluster), "--format", "hex"]
    text = "".join(f"{key.hex()}\n" for key in keys)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.stderr:
        raise RuntimeError(done.stderr)
    return [line.split("\t")[1] for line in done.stdout.splitlines()]


def nginx_cases(source: random.Random) -> list[Case]:
    """Both ways to hash, each with few and with many servers."""
    cases: list[Case] = []
    for layout in ("nginx", "nginx-modulo"):
        for count in (source.randint(2, 6), source.randint(7, SERVERS_MAX)):
            nodes = random_nodes(source, free_addresses(source, count))
            cases.append((f"{layout}, {count} servers", layout, {}, nodes))
    return cases


def haproxy_cases(source: random.Random) -> list[Case]:
    """Both hash types with every function, with and without ids."""
    cases: list[Case] = []
    for layout in ("haproxy-consistent", "haproxy-map"):
        for name in (None, "sdbm", "djb2", "wt6", "crc32"):
            options: dict[str, Any] = {"hash": name} if name else {}
            if name and source.random() < 0.5:
                options["avalanche"] = True
            if REVISION and layout == "haproxy-consistent":
                options["revision"] = REVISION
            count = source.randint(2, SERVERS_MAX)
            nodes = random_nodes(source, [f"s{number}" for number in range(count)])
            with_ids = name is None or source.random() < 0.5
            if with_ids:
                # Some servers without: they are numbered around the others.
                ids = source.sample(range(1, 3 * count), count)
                share = source.choice([1.0, 0.5])
                for node, number in zip(nodes, ids, strict=True):
                    if source.random() < share:
                        node["id"] = number
            said = f"{name or 'default'}{' avalanche' * ('avalanche' in options)}"
            ids = ", ids" if with_ids else ""
            cases.append((f"{layout} {said}, {count} servers{ids}", layout, options, nodes))
    without_ids = [{**node, "state": "up"} for node in cases[0][3]]
    for node in without_ids:
        node.pop("id", None)
    title, layout, options, _ = cases[0]
    cases.append((title.replace("ids", "no ids"), layout, options, without_ids))
    return cases


def check_nginx(ringway: str, place: Path, source: random.Random) -> list[str]:
    """Ask nginx; a line for each case."""
    cases = nginx_cases(source)
    ports = [int(address.rpartition(":")[2]) for address in loopback(source, len(cases))]
    upstreams = []
    for _, layout, _, nodes in cases:
        lines = [
            f"server {node['name']} weight={node['weight']} max_fails=0"
            f"{' down' * (node.get('state') == 'down')};"
            for node in nodes
        ]
        upstreams.append((nginx.HASH[layout], lines))
    config = place / "nginx.conf"
    config.write_text(nginx.configuration(upstreams, ports, place))
    wheres = [{node["name"]: node["name"] for node in case[3]} for case in cases]
    listening = {address for where in wheres for address in where}
    with Backends(listening, http_backend), Server(nginx.command(config, place), ports, place):
        return [
            compare(ringway, place, source, *of) for of in zip(cases, ports, wheres, strict=True)
        ]


def check_haproxy(ringway: str, place: Path, source: random.Random) -> list[str]:
    """Ask HAProxy; a line for each case."""
    cases = haproxy_cases(source)
    ports = [int(address.rpartition(":")[2]) for address in loopback(source, len(cases))]
    addresses = free_addresses(source, SERVERS_MAX)
    sections, wheres = [], []
    for _, layout, options, nodes in cases:
        served = [
            {**node, "address": address} for node, address in zip(nodes, addresses, strict=False)
        ]
        lines = [haproxy.balance({}), haproxy.hash_type(layout, options)]
        sections.append(lines + haproxy.server_lines(served, options))
        wheres.append({node["address"]: node["name"] for node in served})
    config = place / "haproxy.cfg"
    config.write_text(haproxy.configuration(sections, ports))
    with Backends(addresses, http_backend), Server(haproxy.command(config), ports, place):
        return [
            compare(ringway, place, source, *of) for of in zip(cases, ports, wheres, strict=True)
        ]


def loopback(source: random.Random, count: int) -> list[str]:
    """Free ports of 127.0.0.1, for the programs themselves."""
    found: set[str] = set()
    while len(found) < count:
        port = source.randrange(10_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.add(f"127.0.0.1:{port}")
    return sorted(found)


def compare(
    ringway: str, place: Path, source: random.Random, case: Case, port: int, where: dict[str, str]
) -> str:
    """Ask the program and ringway the same keys; the case's line."""
    title, layout, options, nodes = case
    keys = [random_key(source) for _ in range(KEYS)]
    with Client(port) as client:
        answers = [client.http(key) for key in keys]
    answers = [where.get(answer, answer) for answer in answers]
    cluster = place / "cluster.toml"
    cluster.write_text(cluster_file(layout, options, nodes))
    wrong = [
        f"{key.hex()} is {answer}, not {ours}"
        for key, answer, ours in zip(keys, answers, mapped(ringway, cluster, keys), strict=True)
        if answer != ours
    ]
    if not wrong:
        return f"ok     {title}: {KEYS} keys to {len(set(answers))} servers"
    return f"FAILED {title}: {len(wrong)} of {KEYS} keys; {wrong[0]}\n{cluster.read_text()}"


def main(arguments: list[str]) -> int:
    """Run all cases and print `live: N passed, N failed, N skipped`."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    ringway = str(Path(arguments[0]).resolve())
    seed = int(os.environ.get("RINGWAY_LIVE_SEED") or time.time_ns() % 1_000_000_007)
    print(f"live: RINGWAY_LIVE_SEED={seed} repeats this run", flush=True)
    passed = failed = skipped = 0
    programs: list[tuple[str, Any, Callable[..., list[str]], Callable[..., list[Case]]]] = [
        ("nginx", nginx, check_nginx, nginx_cases),
        (haproxy.PROGRAM, haproxy, check_haproxy, haproxy_cases),
    ]
    for name, module, check, cases in programs:
        version = module.version() if which(name) else "is not installed"
        is_unclear = module is haproxy and version.startswith(UNCLEAR_HAPROXY) and not REVISION
        if version == "is not installed" or is_unclear:
            skipped += len(cases(random.Random(seed)))
            print(f"skipped: {name} {version}")
            continue
        print(f"{name} {version}")
        with folder() as place:
            lines = check(ringway, Path(place), random.Random(seed))
        print("\n".join(lines), flush=True)
        passed += sum(line.startswith("ok") for line in lines)
        failed += sum(line.startswith("FAILED") for line in lines)
    print(f"live: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
