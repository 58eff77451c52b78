"""Requests per second of the module beside nginx's own consistent hash: bench.py MODULE [--rounds 5] [--seconds 4] [--record]

One nginx with one worker has both methods over the same servers, which another nginx answers for at
once; wrk asks with keep-alive for random keys. The methods take turns, so that a machine that slows
down slows both. CPU time is the worker's own, from /proc. Needs nginx and wrk.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("module")
arguments.add_argument("--rounds", type=int, default=5)
arguments.add_argument("--seconds", type=int, default=4)
arguments.add_argument("--record", action="store_true")
options = arguments.parse_args()
# test.py takes its own arguments: the tool, which is not asked for here, and the module.
sys.argv = ["test.py", "ringway", options.module]

import test as place  # noqa: E402

METHODS = {"ringway": "ringway key=$arg_key;", "hash": "hash $arg_key consistent;"}
ASKS = 'function request() return wrk.format("GET", "/%s?key=" .. math.random(1000000)) end\n'


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: pathlib.Path, count: int) -> list[str]:
    """The rows of the record."""
    ports = place.free_ports(count + 1)
    front, ports = ports[0], ports[1:]
    listens = " ".join(f"listen 127.0.0.1:{port};" for port in ports)
    backends = place.Nginx(
        folder / f"backends-{count}", place.around(f"server {{ {listens} location / {{ return 200 ok; }} }}", module=False)
    )
    servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
    upstreams = "".join(f"upstream {name} {{ {how} {servers} keepalive 256; }}\n" for name, how in METHODS.items())
    locations = "".join(
        f"location /{name} {{ proxy_pass http://{name}/; proxy_http_version 1.1; proxy_set_header Connection ''; }}\n"
        for name in METHODS
    )
    nginx = place.Nginx(
        folder / f"front-{count}",
        place.around(f"{upstreams} server {{ listen 127.0.0.1:{front};\n{locations} }}"),
    )
    rates: dict[str, list[float]] = {name: [] for name in METHODS}
    times: dict[str, list[float]] = {name: [] for name in METHODS}
    try:
        backends.start(ports[0])
        nginx.start(front)
        assert nginx.process
        pid = nginx.process.pid
        worker = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        for number in range(options.rounds + 1):
            for name in METHODS:
                script = folder / f"{name}.lua"
                script.write_text(ASKS % name)
                before = cpu_seconds(worker)
                command = ["wrk", "-t1", "-c32", f"-d{options.seconds}s", "-s", str(script), f"http://127.0.0.1:{front}"]
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                assert "Non-2xx" not in output and "Socket errors" not in output, output
                requests = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
                rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]
                # The first round opens connections.
                if number > 0:
                    rates[name].append(rate)
                    times[name].append((cpu_seconds(worker) - before) / requests * 1e6)
    finally:
        nginx.stop()
        backends.stop()
    rows = []
    for name in METHODS:
        rows += [
            f"{name},{count},{max(rates[name]):.0f},requests/s best",
            f"{name},{count},{statistics.median(rates[name]):.0f},requests/s median",
            f"{name},{count},{min(times[name]):.2f},us CPU/request",
        ]
        print(
            f"{count:>4} servers, {name:<8} {statistics.median(rates[name]):>8.0f} requests/s"
            f" (best {max(rates[name]):.0f}), {statistics.median(times[name]):.2f} µs CPU a request (least {min(times[name]):.2f})"
        )
    ratios = [mine / theirs for mine, theirs in zip(rates["ringway"], rates["hash"], strict=True)]
    print(f"{count:>4} servers, ringway / hash: {statistics.median(ratios):.3f} in the median of {len(ratios)} rounds")
    rows.append(f"ringway / hash,{count},{statistics.median(ratios):.3f},requests/s median ratio")
    return rows


with tempfile.TemporaryDirectory() as work:
    found = [row for servers_count in (10, 100) for row in measure(pathlib.Path(work), servers_count)]
if options.record:
    script = pathlib.Path(__file__).resolve().parents[2] / "benches" / "record.py"
    subprocess.run([sys.executable, str(script), "nginx"], input="\n".join(found), text=True, check=True)
