"""Test an example proxy against backends on loopback: test.py RINGWAY LABEL COMMAND...

Three servers answer each connection with their name; the proxy's answers are compared with what
`ringway map` says. COMMAND runs the proxy, without its arguments. All sockets, servers and
processes are this program's own, on ports that the system chose. The last line is
`examples LABEL: N passed, N failed, 0 skipped`; exit 1 if any failed.
"""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path

MEBIBYTE = 1 << 20
FLOOD = 48 * MEBIBYTE
PATIENCE_SECONDS = 30.0
SEED = time.time_ns()


class Backend:
    """Sends its name, then back what it receives; after the end of that, its checksum.

    The key says what else it does: `flood` sends FLOOD bytes, `reset` breaks in the middle, `early`
    ends its own direction before it reads.
    """

    def __init__(self) -> None:
        self.flooded = self.open = 0
        self.name = ""

    async def start(self) -> Backend:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1000)
        self.name = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            key = await reader.readuntil(b"\n")
            writer.write(self.name.encode() + b"\n")
            if key.startswith(b"flood"):
                for _ in range(FLOOD // 65536):
                    writer.write(bytes(65536))
                    await writer.drain()
                    self.flooded += 65536
            if key.startswith(b"reset"):
                writer.write(b"half of it")
                await writer.drain()
                await reader.readexactly(3)
                reset(writer)
            elif key.startswith(b"early"):
                writer.write_eof()
                total = len(await reader.read())
                self.flooded = total
            else:
                checksum = 0
                while data := await reader.read(65536):
                    checksum = zlib.crc32(data, checksum)
                    writer.write(data)
                    await writer.drain()
                writer.write(b"%08x" % checksum)
                await writer.drain()
        writer.close()
        self.open -= 1


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


class Proxy:
    """The program under test, its port and what it says."""

    def __init__(self, command: list[str], cluster: Path, *options: str, files: int = 0) -> None:
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        self.process = subprocess.Popen(
            [*command, "127.0.0.1:0", str(cluster), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit,
        )  # fmt: skip
        line = self.process.stdout.readline()
        if not line.startswith("listening on port "):
            raise RuntimeError(f"the proxy did not start: {self.process.communicate()}")
        self.port = int(line.split()[-1])

    async def connect(self, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return reader, writer

    async def first_line(self, sent: bytes) -> bytes:
        """What answers: a backend's name, or an error."""
        reader, writer = await self.connect(sent)
        line = await within(reader.readline())
        writer.close()
        return line.rstrip(b"\n")

    async def reload(self) -> str:
        self.process.send_signal(signal.SIGHUP)
        lines = ""
        while "reloaded" not in lines:
            lines += await within(asyncio.to_thread(self.process.stderr.readline))
        return lines

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        try:
            errors = self.process.communicate(timeout=PATIENCE_SECONDS)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            errors = self.process.communicate()[1] + "did not stop"
        return self.process.returncode, errors

    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) << 10


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_SECONDS)


class Tests:
    """The cases; each `check` is one result."""

    def __init__(self, ringway: str, command: list[str], folder: Path) -> None:
        self.ringway, self.command, self.folder = ringway, command, folder
        self.random = random.Random(SEED)
        self.passed = self.failed = 0

    def check(self, what: str, right: bool, detail: object = "") -> None:
        if right:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what} {detail}", flush=True)

    def write(self, name: str, nodes: dict[str, int]) -> Path:
        path = self.folder / name
        path.write_text("".join(f'[[node]]\nname = "{node}"\nweight = {weight}\n' for node, weight in nodes.items()))
        return path

    def owners(self, cluster: Path, keys: list[bytes]) -> list[bytes]:
        """What `ringway map` says; keys with newlines cannot be asked, the protocol has none."""
        mapped = subprocess.run(
            [self.ringway, "map", "--cluster", str(cluster), "--format", "nul"],
            input=b"".join(key + b"\0" for key in keys), stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        lines = mapped.stdout.split(b"\0")[:-1]
        assert len(lines) == len(keys)
        return [line.rsplit(b"\t", 1)[1] for line in lines]

    def key_of(self, cluster: Path, owner: str, prefix: str) -> bytes:
        keys = [b"%s%d" % (prefix.encode(), number) for number in range(500)]
        return keys[self.owners(cluster, keys).index(owner.encode())]

    async def run(self) -> None:
        self.backends = [await Backend().start() for _ in range(3)]
        names = [backend.name for backend in self.backends]
        with socket.socket() as nobody:  # bound, so that nobody else listens there
            nobody.bind(("127.0.0.1", 0))
            dead = "127.0.0.1:%d" % nobody.getsockname()[1]
            self.before = self.write("before.toml", {names[0]: 1, names[1]: 2, names[2]: 1, dead: 1})
            self.dead = dead
            after = {names[2]: 3, names[0]: 1}
            cluster = self.folder / "cluster.toml"
            cluster.write_bytes(self.before.read_bytes())
            proxy = Proxy(self.command, cluster)
            try:
                await self.many_keys(proxy)
                await self.wrong_keys(proxy)
                await self.slow_reader(proxy)
                await self.ends(proxy)
                await self.reloads(proxy, cluster, self.write("after.toml", after))
            finally:
                code, errors = proxy.stop()
                self.check("stops cleanly", code == 0, (code, errors[-3000:]))
            await self.limits()
        for path, text in [("bad.toml", "[[node]]\nname = 3\n"), ("names.toml", '[[node]]\nname = "db1"\n')]:
            (self.folder / path).write_text(text)
            started = subprocess.run(
                [*self.command, "127.0.0.1:0", str(self.folder / path)], capture_output=True, timeout=PATIENCE_SECONDS
            )
            self.check(f"refuses {path}", started.returncode == 1 and started.stderr != b"", started)
        for _ in range(100):
            if not (left := sum(backend.open for backend in self.backends)):
                break
            await asyncio.sleep(0.02)
        self.check("servers have no connection left", left == 0, left)
        for backend in self.backends:
            backend.server.close()

    async def many_keys(self, proxy: Proxy) -> None:
        """400 keys at once, a tenth of them with bodies of 1 MiB: each reaches its owner, whole."""
        keys = [b"user:%d" % number for number in range(300)]
        keys += [
            bytes(byte for byte in self.random.randbytes(self.random.randint(1, 250)) if byte not in b"\0\n\r") + b"x"
            for _ in range(98)
        ]
        keys = [key[:250] for key in keys] + [b"k" * 250, b"k"]
        expected = self.owners(self.before, keys)

        async def one(number: int, key: bytes, owner: bytes) -> None:
            body = self.random.randbytes(MEBIBYTE if number % 10 == 0 else self.random.randint(0, 3000))
            line = key + (b"\r\n" if number % 7 == 0 else b"\n")
            reader, writer = await proxy.connect(line + body)
            if owner.decode() == self.dead:
                answer = await within(reader.read())
                self.check("dead owner", answer == b"ERROR the owner cannot be reached\n", answer[:99])
            else:
                writer.write_eof()  # the answer's last part is sent only after this end
                answer = await within(reader.read())
                whole = owner + b"\n" + body + b"%08x" % zlib.crc32(body)
                self.check("owner and body", answer == whole, (key, owner, answer[:40], len(answer), len(whole)))
            writer.close()

        await asyncio.gather(*map(one, range(len(keys)), keys, expected))
        self.check("every node was asked", len(set(expected)) == 4)

        reader, writer = await proxy.connect(b"")
        for byte in self.key_of(self.before, self.backends[2].name, "piece") + b"\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)
        answer = await within(reader.readline())
        self.check("a key in pieces", answer.strip() == self.backends[2].name.encode(), answer)
        writer.close()

    async def wrong_keys(self, proxy: Proxy) -> None:
        long = b"ERROR the key has more than 250 bytes"
        self.check("empty key", await proxy.first_line(b"\n") == b"ERROR the key is empty")
        self.check("empty key, CR", await proxy.first_line(b"\r\n") == b"ERROR the key is empty")
        self.check("251 bytes", await proxy.first_line(b"k" * 251 + b"\n") == long)
        self.check("no newline", await proxy.first_line(b"\xff\x00" * 200) == long)
        reader, writer = await proxy.connect(b"unfinished")
        writer.write_eof()
        self.check("key without end", await within(reader.read()) == b"ERROR the key has no end\n")
        writer.close()
        reader, writer = await proxy.connect(b"k" * 4 * MEBIBYTE)  # still sending while it is refused
        self.check("the refusal arrives", await within(reader.readline()) == long + b"\n")
        writer.close()
        for _ in range(50):  # clients that vanish
            _, writer = await proxy.connect(b"user:" if self.random.random() < 0.5 else b"user:1\nbytes")
            reset(writer)

    async def slow_reader(self, proxy: Proxy) -> None:
        """A client that does not read stops the server, and costs the proxy no memory."""
        backend = self.backends[1]
        key = self.key_of(self.before, backend.name, "flood")
        reader, writer = await proxy.connect(b"")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        memory = proxy.resident()
        writer.transport.pause_reading()
        writer.write(key + b"\n")
        last = -1
        while last != backend.flooded or last == 0:
            last = backend.flooded
            await asyncio.sleep(0.4)
        self.check("the server waits", 0 < last < FLOOD, last)
        self.check("memory stays", proxy.resident() - memory < 4 * MEBIBYTE, proxy.resident() - memory)
        self.check("others are served", await proxy.first_line(b"user:1\n") != b"")
        writer.transport.resume_reading()
        writer.write_eof()
        total = 0
        while data := await within(reader.read(MEBIBYTE)):
            total += len(data)
        self.check("all arrives", total == len(backend.name) + 1 + FLOOD + 8, total)
        writer.close()

    async def ends(self, proxy: Proxy) -> None:
        """Half-closed by the server; broken by the server, which must not look like an end."""
        backend = self.backends[0]
        backend.flooded = -1
        reader, writer = await proxy.connect(self.key_of(self.before, backend.name, "early") + b"\n")
        answer = await within(reader.read())
        self.check("the server's end", answer == backend.name.encode() + b"\n", answer)
        writer.write(bytes(MEBIBYTE))
        writer.write_eof()
        for _ in range(500):
            if backend.flooded >= 0:
                break
            await asyncio.sleep(0.02)
        self.check("the client goes on", backend.flooded == MEBIBYTE, backend.flooded)
        writer.close()

        reader, writer = await proxy.connect(self.key_of(self.before, backend.name, "reset") + b"\n")
        await within(reader.readuntil(b"half of it"))
        writer.write(b"now")
        try:
            rest = await within(reader.read())
        except ConnectionResetError:
            rest = None
        self.check("the server's reset is one", rest is None, rest)
        writer.close()

    async def reloads(self, proxy: Proxy, cluster: Path, after: Path) -> None:
        keys = [b"reload:%d" % number for number in range(200)]
        old, new = self.owners(self.before, keys), self.owners(after, keys)
        alive = [number for number, owner in enumerate(old) if owner.decode() != self.dead][:60]
        streams = {number: await proxy.connect(keys[number] + b"\n") for number in alive}
        for number, (reader, _) in streams.items():
            self.check("before", (await within(reader.readline())).strip() == old[number])

        cluster.write_bytes(after.read_bytes())
        said = await proxy.reload()
        self.check("says that it reloaded", "reloaded: 2 nodes" in said, said)
        lines = await asyncio.gather(*(proxy.first_line(key + b"\n") for key in keys))
        self.check("the new map", list(lines) == new)
        self.check("keys moved", old != new)

        cluster.write_text("[[node]]\nname = 3\n")
        said = await proxy.reload()
        self.check("a bad file is told of", "not reloaded" in said and "cluster.toml:2:" in said, said)
        lines = await asyncio.gather(*(proxy.first_line(key + b"\n") for key in keys[:50]))
        self.check("and changes nothing", list(lines) == new[:50])

        for number, (reader, writer) in streams.items():
            writer.write(b"still %d" % number)
            writer.write_eof()
            rest = await within(reader.read())
            self.check("open connections stay", rest.startswith(b"still %d" % number), rest)
            writer.close()

    async def limits(self) -> None:
        """Time: a key that drips does not hold a session. Descriptors: who comes too many waits."""
        proxy = Proxy(self.command, self.before, "1")
        try:
            begin = time.monotonic()
            reader, writer = await proxy.connect(b"")
            idle_reader, idle_writer = await proxy.connect(self.key_of(self.before, self.backends[0].name, "k") + b"\n")
            while not reader.at_eof() and reader.exception() is None and time.monotonic() - begin < 8:
                writer.write(b"k")
                await asyncio.sleep(0.1)
            self.check("a dripping key ends", time.monotonic() - begin < 6)
            with suppress(ConnectionError):
                await asyncio.wait_for(idle_reader.read(), 6)
            self.check("an idle session ends", time.monotonic() - begin < 8)
            writer.close()
            idle_writer.close()
        finally:
            code, errors = proxy.stop()
            self.check("stops cleanly after that", code == 0, (code, errors[-3000:]))

        proxy = Proxy(self.command, self.before, files=100)
        key = self.key_of(self.before, self.backends[2].name, "k")
        name = self.backends[2].name.encode()
        allowed = {name, b"ERROR the owner cannot be reached"}

        async def held() -> bytes:
            reader, writer = await proxy.connect(key + b"\n")
            line = await within(reader.readline())
            await asyncio.sleep(0.1)
            writer.close()
            return line.strip()

        try:
            lines = await asyncio.gather(*(held() for _ in range(200)))
            self.check("all are answered with few descriptors", set(lines) <= allowed, set(lines))
            self.check("as it was afterwards", await held() == name)
        finally:
            code, errors = proxy.stop()
            self.check("stops cleanly after few descriptors", code == 0, (code, errors[-3000:]))


def main(arguments: list[str]) -> int:
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    ringway, label, *command = arguments
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(ringway, command, Path(folder))
        try:
            asyncio.run(tests.run())
        except Exception as error:  # one failure, and the line is printed all the same
            tests.check("ran to its end", False, repr(error))
    if tests.failed:
        print(f"the seed was {SEED}")
    print(f"examples {label}: {tests.passed} passed, {tests.failed} failed, 0 skipped", flush=True)
    return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
