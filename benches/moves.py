"""How fast state moves, how long clients wait, and what they see: a node added to ten, and removed.

    python3 benches/moves.py RINGWAY_BINARY LOAD_BINARY [--nodes 10] [--rows 100000] [--rate 2000] [--record]

Real nodes (SQLite with `synchronous=FULL`, in TMPDIR) and a proxy on loopback, filled through the
proxy with ROWS rows of 100 bytes a node. Then, without clients and with clients that ask RATE
times a second (a quarter are PUTs): a node is added, and removed again. For each change: the time
until everything is in place, rows and bytes moved, ranges, and the pause of a range from its freeze to its
activation as the proxy measured it. Clients: requests that were told to come again (503 with
Retry-After, which is documented and safe) and errors, which have to be none; latencies.

The proxy is started again before each change, so that its figures are of that change alone.
Needs nothing but the two binaries. Rows per second are those of the whole change, fsyncs of a
hundred ranges included; how fast rows go from node to node in one large range is measured by
`cargo run --release -p ringway-node --example figures`.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import NamedTuple

import proxy
import record

ROWS = 100_000
VALUE_BYTES = 100
FILL_CONNECTIONS = 1024
LOAD_CONNECTIONS = 32
TOKENS = {"admin.token": "operators-of-the-bench-01", "node.token": "nodes-of-the-bench-0123"}


class Change(NamedTuple):
    """What a change took."""

    seconds: float
    totals: dict[str, int]
    pauses: dict[str, float]


class Cluster:
    """A proxy and its nodes."""

    def __init__(self, binary: str, work: pathlib.Path, count: int, servers: proxy.Servers) -> None:
        self.binary, self.work, self.servers = binary, work, servers
        ports = iter(proxy.free_ports(3 + 2 * (count + 1)))
        self.port, self.admin, self.store = next(ports), next(ports), next(ports)
        self.nodes = [(f"n{number}", next(ports), next(ports)) for number in range(1, count + 2)]
        self.process: subprocess.Popen[bytes] | None = None
        for name, token in TOKENS.items():
            (work / name).write_text(token)
            (work / name).chmod(0o600)
        (work / "cluster.toml").write_text(
            "".join(
                f'[[node]]\nname = "{name}"\naddress = "127.0.0.1:{data}"\ncontrol = "127.0.0.1:{control}"\n'
                for name, data, control in self.nodes[:-1]
            )
        )
        (work / "ringway.toml").write_text(
            f'[proxy]\nlisten = "127.0.0.1:{self.port}"\nadmin_listen = "127.0.0.1:{self.admin}"\n'
            f'admin_token_file = "admin.token"\nnode_listen = "127.0.0.1:{self.store}"\n'
            'node_token_file = "node.token"\nstore = "store"\ncluster = "cluster.toml"\nworkers = 1\n'
            '[key]\nfrom = "query:key"\n'
        )
        self.start_proxy()
        for name, data, control in self.nodes:
            (work / name).mkdir()
            servers.start(
                binary, "node", "--name", name, "--data", str(work / name), "--listen", f"127.0.0.1:{data}",
                "--control", f"127.0.0.1:{control}", "--token-file", "node.token",
                "--store", f"http://127.0.0.1:{self.store}", cwd=str(work),
            )  # fmt: skip
        for _, data, _ in self.nodes:
            proxy.wait_for(data)
        self.wait(lambda: self.ask("GET", "/status")["segments"]["born"] == 0, "nodes claim what is theirs")

    def start_proxy(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.servers.start(self.binary, "proxy", "--config", "ringway.toml", cwd=str(self.work))
        self.process = self.servers.processes[-1]
        proxy.wait_for(self.port)
        proxy.wait_for(self.admin)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKENS['admin.token']}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait(self, done: object, what: str, seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                sys.exit(f"it took more than {seconds} s: {what}")
            time.sleep(0.02)

    def change(self, method: str, path: str, body: object = None) -> Change:
        """Makes a change and waits until everything is in place."""
        begun = time.monotonic()
        self.ask(method, path, body)
        in_place = lambda: self.ask("GET", "/status")["moves_left"] == 0  # noqa: E731
        self.wait(in_place, f"{method} {path}")
        seconds = time.monotonic() - begun
        moves = self.ask("GET", "/moves")
        if moves["totals"]["aborted"]:
            print(f"{moves['totals']['aborted']} moves were aborted and tried again: {moves['failure']}")
        return Change(seconds, moves["totals"], moves["pauses"])


def run_load(load: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([load, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> list[float]:
    """Requests, waited, errors, p50, p99, p99.9 and the longest, in microseconds."""
    output, _ = process.communicate()
    if process.returncode:
        sys.exit("load failed")
    return [float(word) for word in output.split()]


def measure(cluster: Cluster, arguments: argparse.Namespace) -> list[str]:
    keys = arguments.rows * arguments.nodes
    begun = time.monotonic()
    filled = result(run_load(arguments.load, "fill", cluster.port, 0, keys, FILL_CONNECTIONS, VALUE_BYTES))
    seconds = time.monotonic() - begun
    if filled[2]:
        sys.exit(f"{filled[2]:.0f} errors while filling")
    rows = [f"fill through the proxy,{arguments.nodes},{keys / seconds:.0f},PUT/s"]
    print(f"filled {keys:,} rows in {seconds:.1f} s: {keys / seconds:,.0f} PUT/s")

    name, data, control = cluster.nodes[-1]
    new = {"name": name, "address": f"127.0.0.1:{data}", "control": f"127.0.0.1:{control}"}
    for clients in ("idle", "under load"):
        for verb, call in (("add", ("POST", "/nodes", new)), ("remove", ("DELETE", f"/nodes/{name}"))):
            cluster.start_proxy()
            load = None
            if clients == "under load":
                load = run_load(arguments.load, "mix", cluster.port, arguments.rate, arguments.seconds, LOAD_CONNECTIONS, keys)
                time.sleep(1.5)
            change = cluster.change(*call)
            totals, pauses = change.totals, change.pauses
            if pauses["count"] == 0:
                sys.exit(f"{verb}: nothing moved")
            what = f"{verb} {clients}"
            moved, mib = totals["rows_sent"] / change.seconds, totals["bytes_sent"] / change.seconds / (1 << 20)
            print(
                f"{what:<16} {totals['rows_sent']:>9,} rows in {totals['moved']:>4} ranges in {change.seconds:6.2f} s: "
                f"{moved:>9,.0f} rows/s {mib:6.1f} MiB/s; pause {pauses['median_ms']:5.1f} ms median, "
                f"{pauses['p99_ms']:5.1f} p99, {pauses['max_ms']:5.1f} max",
                flush=True,
            )
            figures = [
                (change.seconds, "s"), (totals["rows_sent"], "rows"), (totals["moved"], "ranges"), (moved, "rows/s"),
                (mib, "MiB/s"), (pauses["median_ms"], "ms pause median"), (pauses["p99_ms"], "ms pause p99"),
                (pauses["max_ms"], "ms pause max"), (totals["aborted"], "aborted"),
            ]  # fmt: skip
            if load:
                requests, waited, errors, p50, p99, p999, longest = result(load)
                print(
                    f"{'':<16} clients: {requests:,.0f} requests, {waited:.0f} told to come again, {errors:.0f} errors; "
                    f"{p50 / 1e3:.2f} ms median, {p99 / 1e3:.1f} p99, {p999 / 1e3:.1f} p99.9, {longest / 1e3:.1f} max"
                )
                figures += [
                    (requests, "requests"), (waited, "told to come again"), (errors, "errors"), (p50 / 1e3, "ms median"),
                    (p99 / 1e3, "ms p99"), (p999 / 1e3, "ms p99.9"), (longest / 1e3, "ms max"),
                ]  # fmt: skip
            rows += [f"{what},{arguments.nodes},{figure:.4f},{unit}" for figure, unit in figures]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("load", type=os.path.abspath)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows a node; more are recorded as moves-large")
    parser.add_argument("--rate", type=int, default=2_000, help="requests a second of the clients")
    parser.add_argument("--seconds", type=int, default=20, help="for which the clients ask: longer than a change takes")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    servers = proxy.Servers()
    with tempfile.TemporaryDirectory() as directory:
        try:
            cluster = Cluster(arguments.binary, pathlib.Path(directory), arguments.nodes, servers)
            rows = measure(cluster, arguments)
        finally:
            servers.stop(20)
    if arguments.record:
        record.record("moves" if arguments.rows <= ROWS else "moves-large", rows)


if __name__ == "__main__":
    main()
