"""Requests per second and CPU per request of Ringway's proxy beside nginx and HAProxy, in one run.

    python3 benches/proxy.py RINGWAY_BINARY [--rounds 4] [--seconds 5] [--record]

Each proxy has one worker and the same three backends on loopback, which answer at once with a small
body; wrk asks with keep-alive for random keys (`/x?key=...`). The proxies take turns, so that a
machine that slows down slows all of them. CPU time is the proxy processes' own, from /proc.
Needs nginx, haproxy and wrk (`make bench` installs them).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import record

KEYS = 100_000
CONNECTIONS = 32
NAMES = ("ringway", "nginx", "haproxy")


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

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)


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


def nginx_conf(work: pathlib.Path, name: str, body: str) -> str:
    """Writes a configuration with one worker that keeps everything below its own directory."""
    home = work / name
    home.mkdir()
    temp = "".join(
        f"  {kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{\n  access_log off; keepalive_requests 1000000000;\n{temp}{body}}}\n"
    )
    return str(home / "nginx.conf")


def set_up(binary: str, work: pathlib.Path, servers: Servers) -> dict[str, tuple[int, int]]:
    """Starts everything; name → (pid, port)."""
    backends = free_ports(3)
    ringway, admin, node, nginx, haproxy = free_ports(5)
    listens = "".join(f"listen 127.0.0.1:{port}; " for port in backends)
    answer = "x" * 100
    conf = nginx_conf(work, "backend", f"  server {{ {listens} location / {{ return 200 '{answer}'; }} }}\n")
    servers.start("nginx", "-c", conf, "-p", str(work), cwd=str(work))

    upstream = "".join(f"server 127.0.0.1:{port}; " for port in backends)
    conf = nginx_conf(
        work,
        "nginx",
        f"  upstream u {{ hash $arg_key consistent; {upstream} keepalive 64; keepalive_requests 1000000000; }}\n"
        f"  server {{ listen 127.0.0.1:{nginx}; location / {{ proxy_pass http://u; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; } }\n',
    )
    pids = {"nginx": (servers.start("nginx", "-c", conf, "-p", str(work), cwd=str(work)), nginx)}

    lines = "".join(f"  server s{port} 127.0.0.1:{port}\n" for port in backends)
    (work / "haproxy.cfg").write_text(
        "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n"
        "  timeout server 60s\n  http-reuse always\n  option http-keep-alive\n"
        f"frontend f\n  bind 127.0.0.1:{haproxy}\n  default_backend b\n"
        f"backend b\n  balance url_param key\n  hash-type consistent\n{lines}"
    )
    pids["haproxy"] = (servers.start("haproxy", "-f", str(work / "haproxy.cfg"), cwd=str(work)), haproxy)

    for name, token in (("admin.token", "operators-of-the-bench-01"), ("node.token", "nodes-of-the-bench-0123")):
        (work / name).write_text(token)
        (work / name).chmod(0o600)
    # The proxy sends each request to its node; that these ones answer everything is their business.
    unused = free_ports(3)
    (work / "cluster.toml").write_text(
        "".join(
            f'[[node]]\nname = "n{at}"\naddress = "127.0.0.1:{port}"\ncontrol = "127.0.0.1:{control}"\n'
            for at, (port, control) in enumerate(zip(backends, unused, strict=True))
        )
    )
    (work / "ringway.toml").write_text(
        f'[proxy]\nlisten = "127.0.0.1:{ringway}"\nadmin_listen = "127.0.0.1:{admin}"\n'
        f'admin_token_file = "admin.token"\nnode_listen = "127.0.0.1:{node}"\nnode_token_file = "node.token"\n'
        'store = "store"\ncluster = "cluster.toml"\nworkers = 1\n[key]\nfrom = "query:key"\n'
    )
    pids["ringway"] = (servers.start(binary, "proxy", "--config", "ringway.toml", cwd=str(work)), ringway)
    for _, port in pids.values():
        wait_for(port)
    return pids


def load(script: pathlib.Path, port: int, seconds: float) -> tuple[int, float]:
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


def versions() -> dict[str, str]:
    """What the record calls each proxy: rivals with their version."""
    names = {"ringway": "ringway"}
    for command, name in ((["nginx", "-v"], "nginx"), (["haproxy", "-v"], "haproxy")):
        done = subprocess.run(command, capture_output=True, text=True)
        found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        names[name] = f"{name} {found[0] if found else 'unknown'}"
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    missing = [name for name in ("nginx", "haproxy", "wrk") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}")
    os.environ["PATH"] += ":/usr/sbin"
    servers = Servers()
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        script = work / "keys.lua"
        script.write_text(
            "math.randomseed(7)\nrequest = function()\n"
            f'  return wrk.format("GET", "/x?key=user:" .. math.random({KEYS}))\nend\n'
        )
        try:
            pids = set_up(os.path.abspath(arguments.binary), work, servers)
            for _, port in pids.values():
                load(script, port, 1)
            for _ in range(arguments.rounds):
                for name in NAMES:
                    pid, port = pids[name]
                    before = cpu_seconds(pid)
                    requests, p99_ms = load(script, port, arguments.seconds)
                    cpu = cpu_seconds(pid) - before
                    results[name].append((requests / arguments.seconds, cpu / requests * 1e6, p99_ms))
        finally:
            servers.stop()
    rows, names = [], versions()
    print(f"\n{'proxy':<18} {'best req/s':>12} {'median':>10} {'us CPU/req':>12} {'p99 ms':>8}")
    for name in NAMES:
        rates = sorted(rate for rate, _, _ in results[name])
        best, median = rates[-1], rates[len(rates) // 2]
        cpu = min(cpu for _, cpu, _ in results[name])
        p99 = min(p99 for _, _, p99 in results[name])
        print(f"{names[name]:<18} {best:>12.0f} {median:>10.0f} {cpu:>12.1f} {p99:>8.2f}")
        figures = [(best, "requests/s best"), (median, "requests/s median"), (cpu, "us CPU/request"), (p99, "ms p99")]
        rows += [f"{names[name]},,{figure:.4f},{unit}" for figure, unit in figures]
    if arguments.record:
        record.record("proxy", rows)


if __name__ == "__main__":
    main()
