"""Instructions of the proxy for one request, counted by valgrind: what gates its speed.

    python3 benches/proxy_icount.py RINGWAY_BINARY [--record | --top N]

The proxy serves 1,000 and then 3,000 requests under callgrind, over 16 connections that have one
request each under way; the difference divided by 2,000 is free of start and stop. What wakes
by the clock counts too, so that a busy machine, on which all takes longer, gives a little more. System calls
count nothing: their number per request is fixed (two writes, two reads), and their cost is the kernel's. For each
kind of request: GET with a small answer, PUT with 100 bytes, GET with a 64 KiB answer.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

import proxy
import record

CONNECTIONS = 16
FEW, MANY = 1_000, 3_000
HEAD = (
    "Host: cache.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate\r\nX-Request-Id: 0123456789abcdef\r\n"
)
KINDS = {
    "GET small": lambda key: f"GET /x?key=user:{key} HTTP/1.1\r\n{HEAD}\r\n",
    "PUT 100 B": lambda key: f"PUT /x?key=user:{key} HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n{'v' * 100}",
    "GET 64 KiB": lambda key: f"GET /large?key=user:{key} HTTP/1.1\r\n{HEAD}\r\n",
}


def read_answer(connection: socket.socket) -> None:
    """Reads one answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1 << 17)
        if not piece:
            sys.exit("the proxy ended a connection")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 2"):
        sys.exit(f"an answer that is no success: {head!r}")
    left = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 17))


def ask(port: int, kind: str, requests: int) -> None:
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for begin in range(0, requests, CONNECTIONS):
        for at, connection in enumerate(connections):
            connection.sendall(KINDS[kind](begin + at).encode())
        for connection in connections:
            read_answer(connection)
    for connection in connections:
        connection.close()


def count(binary: str, kind: str, requests: int, keep: pathlib.Path) -> int:
    """Instructions of a proxy that serves so many requests."""
    servers = proxy.Servers()
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        wrapped = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={keep}", binary)
        try:
            pids = proxy.set_up(wrapped, work, servers, only=("ringway",))
            ask(pids["ringway"][1], kind, requests)
        finally:
            servers.stop(60)
    return int(re.search(r"^(?:summary|totals): (\d+)", keep.read_text(), re.M)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--top", type=int, default=0, help="show the N functions with the most instructions of a small GET")
    arguments = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    binary = os.path.abspath(arguments.binary)
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        few, many = pathlib.Path(directory) / "few", pathlib.Path(directory) / "many"
        if arguments.top:
            count(binary, "GET small", MANY * 4, many)
            command = ["callgrind_annotate", "--threshold=100", str(many)]
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
            shown = [line[:150] for line in lines if re.match(r"\s*[\d,]+ \(", line)]
            print("\n".join(shown[: arguments.top + 1]))
            return
        for kind in KINDS:
            each = (count(binary, kind, MANY, many) - count(binary, kind, FEW, few)) / (MANY - FEW)
            print(f"{kind:<12} {each:>10.0f} instructions")
            rows.append(f"proxy {kind},,{each:.0f},instructions")
    if arguments.record:
        record.record("proxy-icount", rows)


if __name__ == "__main__":
    main()
