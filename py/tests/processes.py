"""Servers on loopback for tests: started on free ports, and stopped whatever happens."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

SECONDS_MAX = 20


def program(name: str) -> str:
    """The path of a program; without it the test is skipped, and says what would install it."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if path is None:
        pytest.skip(f"{name} is not installed; make setup installs it")
    return path


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different, and none in the range of Redis's bus ports."""
    with ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            # Kept open until all are found, so that none is found twice.
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            if port < 55_000:
                ports.append(port)
    return ports


@contextmanager
def running(arguments: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """A server that accepts connections on a port; what it prints goes to a file."""
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the test's own words
            list(map(str, arguments)), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(encoding="utf-8", errors="replace")
                    pytest.fail(f"{arguments[0]} does not listen on {port}: {said}")
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def memcacheds(count: int, folder: Path) -> Iterator[list[int]]:
    """The ports of so many memcached."""
    path = program("memcached")
    ports = free_ports(count)
    with ExitStack() as stack:
        for port in ports:
            arguments = [path, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "8", "-t", "1"]
            # As root it wants to be told who it shall be.
            arguments += ["-u", "nobody"]
            stack.enter_context(running(arguments, port, folder / f"memcached-{port}.log"))
        yield ports


@contextmanager
def redises(count: int, folder: Path, *options: str) -> Iterator[list[int]]:
    """The ports of so many redis-server, which keep nothing on disk."""
    path = program("redis-server")
    ports = free_ports(count)
    with ExitStack() as stack:
        for port in ports:
            home = folder / f"redis-{port}"
            home.mkdir()
            arguments = [path, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
            arguments += ["--save", "", "--appendonly", "no", *options]
            stack.enter_context(running(arguments, port, home / "log"))
        yield ports
