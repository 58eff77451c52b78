"""nginx: an upstream and a server for each case, one request with the header X-Key for each key."""

from __future__ import annotations

import re
from pathlib import Path

from backends import Backends, http_backend
from clients import Client
from processes import Server, output
from recorded import Recorded

FOLDER = "nginx"
HASH = {"nginx": "hash $http_x_key consistent;", "nginx-modulo": "hash $http_x_key;"}


def version() -> str:
    """The version of the nginx that is installed."""
    return output(["nginx", "-v"]).strip().rpartition("/")[2]


def address(name: str, hosts: dict[str, str]) -> str:
    """Where a server of that name is reached; its port is 80 if it has none."""
    if name.startswith("unix:"):
        return name
    host, port = match.groups() if (match := re.fullmatch(r"(.+):(\d+)", name)) else (name, "80")
    return f"{hosts.get(host, host)}:{port}"


def hosts(files: list[Recorded]) -> dict[str, str]:
    """Addresses for the host names among the servers' names."""
    names = {node["name"].partition(":")[0] for file in files for node in file.nodes}
    words = sorted(name for name in names if re.match("[a-z]", name) and name != "unix")
    return {name: f"127.0.3.{number}" for number, name in enumerate(words, 1)}


def server_lines(file: Recorded) -> list[str]:
    """The `server` lines of an upstream; a server that refuses connections is not marked down."""
    lines = []
    for node in file.nodes:
        is_down = node.get("state") == "down" and "refuses" not in file.said("state")
        lines.append(
            f"server {node['name']} weight={node['weight']} max_fails=0{' down' * is_down};"
        )
    return lines


def configuration(upstreams: list[tuple[str, list[str]]], ports: list[int], folder: Path) -> str:
    """A configuration with an upstream, of a `hash` line and `server` lines, behind each port."""
    lines = [
        "daemon off; master_process off;",
        f"pid {folder}/nginx.pid; error_log stderr crit;",
        "events { worker_connections 4096; }",
        "http { access_log off; keepalive_requests 1000000;",
    ]
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        lines.append(f"{kind}_temp_path {folder}/{kind};")
    for number, (rule, servers) in enumerate(upstreams):
        lines += [f"upstream u{number} {{", rule, *servers, "}"]
        lines.append(f"server {{ listen 127.0.0.1:{ports[number]};")
        lines.append(f"location / {{ proxy_pass http://u{number}; }} }}")
    return "\n".join([*lines, "}", ""])


def command(config: Path, folder: Path) -> list[str]:
    """The command that runs nginx with that configuration."""
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)]


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask nginx every key of every file."""
    names = hosts(files)
    upstreams = [(HASH[file.case["layout"]], server_lines(file)) for file in files]
    ports = list(range(20_000, 20_000 + len(files)))
    config = folder / "nginx.conf"
    config.write_text(configuration(upstreams, ports, folder))
    listening = {
        address(node["name"], names)
        for file in files
        for node in file.nodes
        if "refuses" not in file.said("state") or "state" not in node
    }
    answered = {}
    with (
        Backends(listening, http_backend),
        Server(command(config, folder), ports[:1], folder),
    ):
        for file, port in zip(files, ports, strict=True):
            named = {address(node["name"], names): node["name"] for node in file.nodes}
            with Client(port) as client:
                answers = [client.http(key) for key in file.keys]
            answered[file.name] = [
                [row[0], named.get(answer, answer)]
                for row, answer in zip(file.rows, answers, strict=True)
            ]
    return answered
