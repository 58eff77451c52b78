"""HAProxy: a `listen` section for each case.

The key is a header, a request target or the client's address, as the case says.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from backends import Backends, HeldBackend, http_backend
from clients import Client
from processes import Server, output
from recorded import Recorded

FOLDER = "haproxy"
PROGRAM = os.environ.get("HAPROXY", "haproxy")
"""Another HAProxy answers the files of its version."""


def version() -> str:
    """The version of the HAProxy that is installed, such as 2.6.12."""
    match = re.search(r"version (\d+\.\d+\.\d+)", output([PROGRAM, "-v"]))
    return match[1] if match else "unknown"


def balance(case: dict[str, Any]) -> str:
    """What HAProxy is told to hash."""
    extract = case.get("extract", {"from": "fhdr"})
    if extract["from"] == "uri":
        whole = " whole" if extract.get("whole") else ""
        limits = "".join(f" {name} {extract[name]}" for name in ("len", "depth") if name in extract)
        return f"balance uri{whole}{limits}"
    rules = {"fhdr": "hash req.fhdr(x-key)", "hdr": "hdr(x-key)", "source": "source"}
    return f"balance {rules[extract['from']]}"


def hash_type(layout: str, options: dict[str, Any]) -> str:
    """The `hash-type` line of a layout."""
    words = ["hash-type", "consistent" if layout == "haproxy-consistent" else "map-based"]
    words += [options["hash"]] if "hash" in options else []
    words += ["avalanche"] if options.get("avalanche") else []
    return " ".join(words)


def server_lines(nodes: list[dict[str, Any]], options: dict[str, Any]) -> list[str]:
    """The `server` lines."""
    lines = []
    for node, address in zip(nodes, addresses(nodes), strict=True):
        words = ["server", node["name"], address, f"weight {node['weight']}"]
        words += [f"{name} {node[name]}" for name in ("id", "guid") if name in node]
        words += [f"hash-key {options['hash_key']}"] if "hash_key" in options else []
        words += ["disabled"] if node.get("state") == "down" else []
        lines.append(" ".join(words))
    return lines


def addresses(nodes: list[dict[str, Any]]) -> list[str]:
    """Where the servers are reached: no part of the mapping unless the case has an address."""
    return [
        node.get("address", f"127.0.6.{number}:{8199 + number}")
        for number, node in enumerate(nodes, 1)
    ]


def configuration(sections: list[list[str]], ports: list[int]) -> str:
    """A configuration with a `listen` section behind each port."""
    lines = [
        "global",
        "  nbthread 1",
        "  maxconn 4000",
        "defaults",
        "  mode http",
        "  option accept-invalid-http-request",
        "  timeout connect 5s",
        "  timeout client 60s",
        "  timeout server 60s",
    ]
    for port, section in zip(ports, sections, strict=True):
        lines += [f"listen l{port}", f"  bind 127.0.0.1:{port}", *(f"  {line}" for line in section)]
    return "\n".join([*lines, ""])


def command(config: Path) -> list[str]:
    """The command that runs HAProxy with that configuration."""
    return [PROGRAM, "-db", "-q", "-f", str(config)]


def section(file: Recorded) -> list[str]:
    """The lines of a case."""
    options = file.case["options"]
    lines = [balance(file.case), hash_type(file.case["layout"], options)]
    if factor := options.get("hash_balance_factor"):
        lines.append(f"hash-balance-factor {factor}")
    return lines + server_lines(file.nodes, options)


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask HAProxy every key of every file."""
    answered = {}
    for held in (False, True):
        some = [file for file in files if (file.kind == "bounded") == held]
        if not some:
            continue
        ports = list(range(20_000, 20_000 + len(some)))
        config = folder / f"haproxy-{held}.cfg"
        config.write_text(configuration([section(file) for file in some], ports))
        listening = {address for file in some for address in addresses(file.nodes)}
        handler = HeldBackend() if held else http_backend
        with (
            Backends(listening, handler) as backends,
            Server(command(config), ports, folder),
        ):
            for file, port in zip(some, ports, strict=True):
                where = zip(addresses(file.nodes), file.nodes, strict=True)
                named = {address: node["name"] for address, node in where}
                if isinstance(handler, HeldBackend):
                    answered[file.name] = in_progress(file, port, named, backends, handler)
                else:
                    answered[file.name] = ask(file, port, named)
    return answered


def ask(file: Recorded, port: int, named: dict[str, str]) -> list[list[str]]:
    """The answers to the keys of one file."""
    source = file.case.get("extract", {}).get("from", "fhdr")
    rows = []
    client = Client(port)
    for row, key in zip(file.rows, file.keys, strict=True):
        if source == "source":
            client.close()
            client.source = key.decode()
        answer = client.http(b"", key) if source == "uri" else client.http(key)
        rows.append([row[0], named.get(answer, answer)])
    client.close()
    return rows


def in_progress(
    file: Recorded, port: int, named: dict[str, str], backends: Backends, held: HeldBackend
) -> list[list[str]]:
    """Open and close requests in the order of the rows; an open one is answered at its close."""
    rows: list[list[str]] = []
    opened: list[tuple[list[str], str, Client]] = []
    for place, (row, key) in enumerate(zip(file.rows, file.keys, strict=True)):
        if row[0] == "open":
            client = Client(port)
            client.http_send(key, number=f"r{place}")
            number, address = held.came.get(timeout=20)
            made = ["open", row[1], named.get(address, address)]
            rows.append(made)
            opened.append((made[1:], number, client))
        else:
            found = next((entry for entry in opened if entry[0] == row[1:]), None)
            if found is None:
                rows.append(["close", row[1], "no such request"])
                continue
            opened.remove(found)
            held.answer(backends, found[1])
            found[2].http_answer()
            found[2].close()
            rows.append(["close", *found[0]])
    for _, number, client in opened:
        held.answer(backends, number)
        client.http_answer()
        client.close()
    return rows
