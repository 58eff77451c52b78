"""twemproxy (Debian's nutcracker): a pool for each case, one `get` for each key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from backends import Backends, cache_backend
from clients import Client
from processes import Server, output
from recorded import Recorded

FOLDER = "twemproxy"


def version() -> str:
    """The version of the nutcracker that is installed."""
    match = re.search(r"nutcracker-(\S+)", output(["nutcracker", "-V"]))
    return match[1] if match else "unknown"


def address(node: dict[str, Any], number: int) -> str:
    """Where a server is reached: the address, else the name if it is one, else a place of ours."""
    if "address" in node:
        return str(node["address"])
    is_address = re.fullmatch(r"127[\d.]+:\d+", node["name"])
    return node["name"] if is_address else f"127.0.8.{number}:22500"


def server_line(node: dict[str, Any], number: int) -> str:
    """A line of `servers`; the name is written where it is not what twemproxy makes itself."""
    where = address(node, number)
    implied = where.removesuffix(":11211")
    name = "" if node["name"] == implied else f" {node['name']}"
    return f"    - {where}:{node['weight']}{name}"


def pool(file: Recorded, number: int, port: int) -> str:
    """The configuration of one case."""
    options = file.case["options"]
    lines = [
        f"case{number}:",
        f"  listen: 127.0.0.1:{port}",
        f"  distribution: {file.case['layout'].removeprefix('twemproxy-')}",
        f"  hash: {options.get('hash', 'fnv1a_64')}",
    ]
    if tag := options.get("hash_tag"):
        lines += [f'  hash_tag: "{tag}"', "  redis: true"]
    if any("state" in node for node in file.nodes):
        lines += ["  auto_eject_hosts: true", "  server_failure_limit: 1"]
        lines += ["  server_retry_timeout: 600000"]
    lines.append("  servers:")
    lines += [server_line(node, place) for place, node in enumerate(file.nodes, 1)]
    return "\n".join([*lines, ""])


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask twemproxy every key of every file."""
    ports = list(range(20_000, 20_000 + len(files)))
    config = folder / "nutcracker.yml"
    pools = [pool(file, *of) for file, *of in zip(files, range(len(files)), ports, strict=True)]
    config.write_text("".join(pools))
    command = ["nutcracker", "-c", str(config), "-s", "19999", "-a", "127.0.0.1"]
    listening = {
        address(node, number)
        for file in files
        for number, node in enumerate(file.nodes, 1)
        if "state" not in node
    }
    answered = {}
    with Backends(listening, cache_backend), Server(command, ports, folder):
        for file, port in zip(files, ports, strict=True):
            answered[file.name] = ask(file, port)
    return answered


def ask(file: Recorded, port: int) -> list[list[str]]:
    """The answers to the keys of one file; servers that refuse connections are ejected first."""
    named = {address(node, number): node["name"] for number, node in enumerate(file.nodes, 1)}
    with Client(port) as client:
        get = client.redis if "hash_tag" in file.case["options"] else client.memcached
        if any("state" in node for node in file.nodes):
            for key in file.keys:
                get(key)
        answers = [get(key) for key in file.keys]
    return [
        [row[0], named.get(answer, answer)] for row, answer in zip(file.rows, answers, strict=True)
    ]
