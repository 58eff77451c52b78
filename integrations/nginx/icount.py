"""Instructions of the worker for a request, with the module and with nginx's own consistent hash: icount.py MODULE [--record]

One nginx without a master runs under callgrind, for each method, number of servers, and way to the
servers: connections that are kept, and a new one each time. It answers the same random keys, one after
the other over one connection. What more requests take more, divided by how many more they are, is what one
takes: the start is left out. Instructions do not depend on the machine's load. Needs nginx and valgrind.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("module")
arguments.add_argument("--record", action="store_true")
arguments.add_argument("--keep", type=pathlib.Path, help="a folder for callgrind's files, for callgrind_annotate")
options = arguments.parse_args()
# test.py takes its own arguments: the tool, which is not asked for here, and the module.
sys.argv = ["test.py", "ringway", options.module]

import test as place  # noqa: E402

METHODS = {"ringway": "ringway key=$arg_key;", "hash": "hash $arg_key consistent;"}
WAYS = {"kept": "keepalive 256;", "new": ""}
FEW, MANY = 1000, 3000


def end(nginx: place.Nginx) -> None:
    """Ends it so that callgrind writes its file. A signal just before nginx waits is seen at the next one."""
    assert nginx.process
    for _ in range(30):
        nginx.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            nginx.process.wait(1)
            return


def instructions(folder: pathlib.Path, ports: list[int], method: str, way: str, count: int) -> int:
    """Those of one whole run of nginx with so many requests."""
    folder.mkdir()
    front = place.free_ports(1)[0]
    servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
    kept = "proxy_http_version 1.1; proxy_set_header Connection '';" if WAYS[way] else ""
    conf = place.around(
        f"upstream shards {{ {METHODS[method]} {servers} {WAYS[way]} }}\n"
        f"server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://shards; {kept} }} }}"
    )
    nginx = place.Nginx(folder / "front", f"master_process off;\n{conf}")
    out = folder / "callgrind.out"
    try:
        nginx.start(front, "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={folder / 'log'}")
        client = place.Client(front)
        keys = random.Random(1)
        for _ in range(count):
            status, _, _ = client.get(f"/?key={keys.randrange(1_000_000):06}")
            assert status == 200, status
        client.connection.close()
        end(nginx)
    finally:
        nginx.stop()
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert found, nginx.errors() + (folder / "log").read_text() + out.read_text()[-300:]
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        (options.keep / f"{method}-{way}-{len(ports)}-{count}").write_bytes(out.read_bytes())
    return int(found[1])


def measure(folder: pathlib.Path, count: int, rows: list[str]) -> None:
    ports = place.free_ports(count)
    listens = " ".join(f"listen 127.0.0.1:{port};" for port in ports)
    backends = place.Nginx(
        folder / f"backends-{count}", place.around(f"server {{ {listens} location / {{ return 200 ok; }} }}", module=False)
    )
    try:
        backends.start(ports[0])
        for way in WAYS:
            taken = {}
            for method in METHODS:
                few, many = (
                    instructions(folder / f"{method}-{way}-{count}-{number}", ports, method, way, number) for number in (FEW, MANY)
                )
                taken[method] = (many - few) / (MANY - FEW)
                rows.append(f"{method} {way},{count},{taken[method]:.0f},instructions/request")
            print(f"{count:>4} servers, connections {way:<4}: ringway {taken['ringway']:.0f}, hash {taken['hash']:.0f} instructions")
    finally:
        backends.stop()


rows: list[str] = []
with tempfile.TemporaryDirectory() as work:
    for servers_count in (10, 100):
        measure(pathlib.Path(work), servers_count, rows)
if options.record:
    script = pathlib.Path(__file__).resolve().parents[2] / "benches" / "record.py"
    subprocess.run([sys.executable, str(script), "nginx-icount"], input="\n".join(rows), text=True, check=True)
