"""Ringway's proxy beside nginx, HAProxy and Envoy, in one run.

    sh scripts/envoy.sh python3 benches/proxy.py RINGWAY_BINARY LOAD_BINARY [--rounds 4] [--seconds 5] [--record]

Each proxy has one worker and the same three backends on loopback, which answer at once; clients
keep their connections and ask for random keys (`/x?key=...`). The proxies take turns, so that a
machine that slows down slows all of them. CPU time is the proxy processes' own, from /proc.

1. As many requests as go through, small answers (100 bytes) and then bodies of 64 KiB: wrk with 32
   connections. The 99th percentile is that of saturation: mostly the queue.
2. Latency at a rate that every proxy bears with ease, small answers: LOAD_BINARY, which is the bin
   `load` of benches/.
3. Memory with 10,000 connections that are idle after one request each.

Needs nginx, haproxy and wrk (`make bench` installs them), and RINGWAY_ENVOY (scripts/envoy.sh sets
it). `--only ringway,nginx` leaves others out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import record

KEYS = 100_000
CONNECTIONS = 32
IDLE_CONNECTIONS = 10_000
LARGE_BYTES = 64 << 10
#: Requests a second at which latency is measured: a fraction of what the slowest bears on two cores.
LATENCY_RATE = 4_000
NAMES = ("ringway", "nginx", "haproxy", "envoy")


class Proxy(NamedTuple):
    """A proxy under test."""

    pid: int
    port: int


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Servers:
    """Processes that end with this one."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, cwd: str) -> int:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process.pid

    def stop(self, wait_s: float = 5) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found += children(int(status.parent.name))
    return found


def cpu_seconds(pid: int) -> float:
    ticks = 0
    for each in children(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    """Memory of a process and all below it; what they share counts once."""
    total = 0
    for each in children(pid):
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{each}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
    return total


def nginx_conf(work: pathlib.Path, name: str, body: str) -> str:
    """Writes a configuration with one worker that keeps everything below its own directory."""
    home = work / name
    home.mkdir()
    temp = "".join(
        f"  {kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;\n"
        f"events {{ worker_connections 15000; }}\nhttp {{\n  access_log off; keepalive_requests 1000000000;\n{temp}{body}}}\n"
    )
    return str(home / "nginx.conf")


def set_up(
    ringway: Sequence[str], work: pathlib.Path, servers: Servers, only: Sequence[str] = NAMES
) -> dict[str, Proxy]:
    """Starts the backends and the proxies; `ringway` is the command of ours, without arguments."""
    backends = free_ports(3)
    listens = "".join(f"listen 127.0.0.1:{port}; " for port in backends)
    # nginx's workers are another user's when it is started by root.
    work.chmod(0o755)
    (work / "large").write_bytes(b"x" * LARGE_BYTES)
    places = (
        f"location /large {{ default_type text/plain; alias {work}/large; }} "
        f"location / {{ return 200 '{'x' * 100}'; }}"
    )
    conf = nginx_conf(work, "backend", f"  server {{ {listens} {places} }}\n")
    servers.start("nginx", "-c", conf, "-p", str(work), cwd=str(work))
    for port in backends:
        wait_for(port)
    starts = {"ringway": start_ringway, "nginx": start_nginx, "haproxy": start_haproxy, "envoy": start_envoy}
    proxies = {}
    for name in only:
        port = free_ports(1)[0]
        command = starts[name](work, port, backends, ringway)
        proxies[name] = Proxy(servers.start(*command, cwd=str(work)), port)
        wait_for(port)
    return proxies


def start_nginx(work: pathlib.Path, port: int, backends: Sequence[int], _: Sequence[str]) -> Sequence[str]:
    upstream = "".join(f"server 127.0.0.1:{backend}; " for backend in backends)
    conf = nginx_conf(
        work,
        "nginx",
        f"  upstream u {{ hash $arg_key consistent; {upstream} keepalive 64; keepalive_requests 1000000000; }}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://u; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; } }\n',
    )
    return ("nginx", "-c", conf, "-p", str(work))


def start_haproxy(work: pathlib.Path, port: int, backends: Sequence[int], _: Sequence[str]) -> Sequence[str]:
    lines = "".join(f"  server s{backend} 127.0.0.1:{backend}\n" for backend in backends)
    (work / "haproxy.cfg").write_text(
        "global\n  nbthread 1\n  maxconn 12000\n  no strict-limits\ndefaults\n  mode http\n  maxconn 12000\n  timeout connect 5s\n"
        "  timeout client 60s\n  timeout server 60s\n  timeout http-keep-alive 60s\n  http-reuse always\n"
        "  option http-keep-alive\n"
        f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
        f"backend b\n  balance url_param key\n  hash-type consistent\n{lines}"
    )
    return ("haproxy", "-f", str(work / "haproxy.cfg"))


def start_envoy(work: pathlib.Path, port: int, backends: Sequence[int], _: Sequence[str]) -> Sequence[str]:
    """Ring hash by the query parameter, no access log, one worker."""

    def address(number: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    extension = "type.googleapis.com/envoy.extensions.filters"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "c", "hash_policy": [{"query_parameter": {"name": "key"}}]}}
    manager = {
        "@type": f"{extension}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "s",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{extension}.http.router.v3.Router", "suppress_envoy_headers": True},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    endpoints = [{"endpoint": {"address": address(backend)}} for backend in backends]
    cluster = {
        "name": "c",
        "type": "STATIC",
        "lb_policy": "RING_HASH",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "c", "endpoints": [{"lb_endpoints": endpoints}]},
    }
    listener = {"name": "l", "address": address(port), "filter_chains": [{"filters": filters}]}
    (work / "envoy.json").write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    envoy = os.environ["RINGWAY_ENVOY"]
    return (envoy, "-c", str(work / "envoy.json"), "--concurrency", "1", "--disable-hot-restart", "-l", "off")


def start_ringway(work: pathlib.Path, port: int, backends: Sequence[int], binary: Sequence[str]) -> Sequence[str]:
    admin, node = free_ports(2)
    for name, token in (("admin.token", "operators-of-the-bench-01"), ("node.token", "nodes-of-the-bench-0123")):
        (work / name).write_text(token)
        (work / name).chmod(0o600)
    # The proxy sends each request to its node; that these ones answer everything is their business.
    unused = free_ports(3)
    (work / "cluster.toml").write_text(
        "".join(
            f'[[node]]\nname = "n{at}"\naddress = "127.0.0.1:{backend}"\ncontrol = "127.0.0.1:{control}"\n'
            for at, (backend, control) in enumerate(zip(backends, unused, strict=True))
        )
    )
    (work / "ringway.toml").write_text(
        f'[proxy]\nlisten = "127.0.0.1:{port}"\nadmin_listen = "127.0.0.1:{admin}"\n'
        f'admin_token_file = "admin.token"\nnode_listen = "127.0.0.1:{node}"\nnode_token_file = "node.token"\n'
        'store = "store"\ncluster = "cluster.toml"\nworkers = 1\n[key]\nfrom = "query:key"\n'
        f"[limits]\nconnections_max = {IDLE_CONNECTIONS + 1_000}\n"
    )
    return (*binary, "proxy", "--config", "ringway.toml")


def wrk(script: pathlib.Path, port: int, seconds: float) -> tuple[int, float]:
    """Requests done and their 99th percentile in milliseconds."""
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), f"http://127.0.0.1:{port}",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"errors under load:\n{output}")
    requests = int(re.search(r"(\d+) requests in", output)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    return requests, float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def saturate(
    proxies: dict[str, Proxy], script: pathlib.Path, suffix: str, arguments: argparse.Namespace
) -> list[tuple[str, float, str]]:
    """What goes through at most; figures as (proxy, figure, unit)."""
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in proxies}
    for proxy in proxies.values():
        wrk(script, proxy.port, 1)
    for _ in range(arguments.rounds):
        for name, (pid, port) in proxies.items():
            before = cpu_seconds(pid)
            requests, p99_ms = wrk(script, port, arguments.seconds)
            cpu = cpu_seconds(pid) - before
            results[name].append((requests / arguments.seconds, cpu / requests * 1e6, p99_ms))
    figures = []
    for name, rounds in results.items():
        rates = sorted(rate for rate, _, _ in rounds)
        figures += [
            (name, rates[-1], f"requests/s best{suffix}"),
            (name, rates[len(rates) // 2], f"requests/s median{suffix}"),
            (name, min(cpu for _, cpu, _ in rounds), f"us CPU/request{suffix}"),
            (name, min(p99 for _, _, p99 in rounds), f"ms p99{suffix}"),
        ]
    return figures


def latency(proxies: dict[str, Proxy], arguments: argparse.Namespace) -> list[tuple[str, float, str]]:
    """Latency at a fixed rate: the best round of each."""
    results: dict[str, list[list[float]]] = {name: [] for name in proxies}
    for _ in range(arguments.rounds):
        for name, (_, port) in proxies.items():
            numbers = (port, LATENCY_RATE, arguments.seconds, CONNECTIONS, KEYS)
            command = [arguments.load, "get", *map(str, numbers)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            _, waited, errors, *micros = [float(word) for word in output.split()]
            if waited or errors:
                sys.exit(f"{name}: errors under load: {output}")
            results[name].append(micros)
    figures = []
    for name, rounds in results.items():
        for at, what in enumerate(("p50", "p99", "p99.9")):
            figures.append((name, min(each[at] for each in rounds), f"us {what} at {LATENCY_RATE}/s"))
    return figures


def idle(proxies: dict[str, Proxy], _: argparse.Namespace) -> list[tuple[str, float, str]]:
    """Memory with idle connections, each of which has carried a request."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    count = min(IDLE_CONNECTIONS, most)
    if count < IDLE_CONNECTIONS:
        sys.exit(f"{IDLE_CONNECTIONS} connections need ulimit -n {IDLE_CONNECTIONS + 500}, which is {most + 500} here")
    figures = []
    for name, (pid, port) in proxies.items():
        before = resident_kib(pid)
        connections = []
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", port), 10)
            connection.sendall(f"GET /x?key=user:{number} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            connections.append(connection)
            if not connection.recv(1 << 16).startswith(b"HTTP/1.1 200"):
                sys.exit(f"{name}: connection {number} got no answer")
        # Long enough for those that give memory back after a while.
        time.sleep(3)
        held = resident_kib(pid)
        for connection in connections:
            connection.close()
        figures += [(name, before / 1024, "MiB without"), (name, held / 1024, "MiB held")]
        figures.append((name, (held - before) * 1024 / count, "bytes/idle connection"))
    return figures


def versions() -> dict[str, str]:
    """What the record calls each proxy: rivals with their version."""
    names = {"ringway": "ringway"}
    envoy = os.environ.get("RINGWAY_ENVOY", "envoy")
    for command, name in ((["nginx", "-v"], "nginx"), (["haproxy", "-v"], "haproxy"), ([envoy, "--version"], "envoy")):
        found = None
        with contextlib.suppress(OSError):
            done = subprocess.run(command, capture_output=True, text=True)
            found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        names[name] = f"{name} {found[0] if found else 'unknown'}"
    return names


def show(figures: list[tuple[str, float, str]], names: dict[str, str]) -> None:
    """Prints figures as a table: a row for each proxy."""
    units = list(dict.fromkeys(unit for _, _, unit in figures))
    print("\n" + " " * 18 + "".join(f"{unit:>{len(unit) + 3}}" for unit in units))
    for name in dict.fromkeys(name for name, _, _ in figures):
        row = {unit: figure for who, figure, unit in figures if who == name}
        print(f"{names[name]:<18}" + "".join(f"{row[unit]:>{len(unit) + 3}.1f}" for unit in units), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("load")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--parts", default="small,large,latency,idle")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    only = arguments.only.split(",")
    os.environ["PATH"] += ":/usr/sbin"
    missing = [name for name in ("nginx", "wrk", *only) if name not in ("ringway", "envoy") and not shutil.which(name)]
    if "envoy" in only and "RINGWAY_ENVOY" not in os.environ:
        missing.append("envoy (run this through scripts/envoy.sh)")
    if missing:
        sys.exit(f"missing: {', '.join(missing)}")
    arguments.load = os.path.abspath(arguments.load)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    servers, names = Servers(), versions()
    figures: list[tuple[str, float, str]] = []
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        scripts = {}
        for name, path in (("small", "/x"), ("large", "/large")):
            scripts[name] = work / f"{name}.lua"
            scripts[name].write_text(
                "math.randomseed(7)\nrequest = function()\n"
                f'  return wrk.format("GET", "{path}?key=user:" .. math.random({KEYS}))\nend\n'
            )
        parts: dict[str, Callable[[dict[str, Proxy]], list[tuple[str, float, str]]]] = {
            "small": lambda proxies: saturate(proxies, scripts["small"], "", arguments),
            "large": lambda proxies: saturate(proxies, scripts["large"], ", 64 KiB", arguments),
            "latency": lambda proxies: latency(proxies, arguments),
            "idle": lambda proxies: idle(proxies, arguments),
        }
        try:
            proxies = set_up([os.path.abspath(arguments.binary)], work, servers, only)
            for part in arguments.parts.split(","):
                found = parts[part](proxies)
                show(found, names)
                figures += found
        finally:
            servers.stop()
    if arguments.record:
        record.record("proxy", [f"{names[name]},,{figure:.4f},{unit}" for name, figure, unit in figures])


if __name__ == "__main__":
    main()
