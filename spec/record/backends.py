"""Backends that answer with the name of the address that they listen at.

One thread serves them all. HTTP backends can hold their answer back until they are told to give it,
for requests that stay in progress. Cache backends speak as much of the protocols of memcached and
Redis as one `get` needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import threading
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any

Handler = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
ENDED = (asyncio.IncompleteReadError, ConnectionError)


class Backends:
    """Servers at `ip:port`, `[ipv6]:port` or `unix:/path`, running within the block."""

    def __init__(self, addresses: Iterable[str], handler: Handler) -> None:
        self.addresses = sorted(set(addresses))
        self.handler = handler
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.servers: list[asyncio.Server] = []

    def __enter__(self) -> Backends:
        self.thread.start()
        try:
            for address in self.addresses:
                self.run(self.listen(address))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening, end all connections, then the thread."""
        self.run(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        for address in self.addresses:
            if address.startswith("unix:"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address.removeprefix("unix:"))

    async def end(self) -> None:
        """Stop listening and end all connections."""
        for server in self.servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the servers' thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def listen(self, address: str) -> None:
        """Listen at an address; say which if it is taken."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(*ENDED, asyncio.CancelledError):
                await self.handler(address, reader, writer)
            writer.close()

        try:
            if address.startswith("unix:"):
                server = await asyncio.start_unix_server(handle, address.removeprefix("unix:"))
            else:
                host, _, port = address.rpartition(":")
                server = await asyncio.start_server(
                    handle, host.strip("[]"), int(port), backlog=512
                )
        except OSError as error:
            raise RuntimeError(f"{address}: {error}") from error
        self.servers.append(server)


def http(address: str) -> bytes:
    """An answer with an address as its body."""
    body = address.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def http_backend(
    address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer each request at once."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(http(address))
        if head.split(b"\r\n", 1)[0].endswith(b"HTTP/1.0"):
            await writer.drain()
            return


class HeldBackend:
    """Tell at once which backend a request came to; answer it when told to."""

    def __init__(self) -> None:
        self.came: queue.Queue[tuple[str, str]] = queue.Queue()
        self.held: dict[str, asyncio.Event] = {}

    async def __call__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            match = re.search(rb"\r\nx-request: (\w+)\r\n", head, re.IGNORECASE)
            number = match[1].decode() if match else ""
            self.held[number] = asyncio.Event()
            self.came.put((number, address))
            await self.held[number].wait()
            writer.write(http(address))
            await writer.drain()

    def answer(self, backends: Backends, number: str) -> None:
        """Let the request of that number end."""
        backends.loop.call_soon_threadsafe(self.held[number].set)


async def cache_backend(
    address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer `get KEY` of memcached and `GET KEY` of Redis with the address as the value."""
    value = address.encode()
    while True:
        line = (await reader.readuntil(b"\r\n"))[:-2]
        if line.startswith(b"*"):
            words = [await bulk(reader) for _ in range(int(line[1:]))]
            if words[0].upper() != b"GET":
                raise ConnectionError(words[0])
            writer.write(b"$%d\r\n%s\r\n" % (len(value), value))
        else:
            command, _, key = line.partition(b" ")
            if command != b"get":
                raise ConnectionError(command)
            key = key.rstrip(b" ")
            writer.write(b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value))


async def bulk(reader: asyncio.StreamReader) -> bytes:
    """A word of a Redis command."""
    length = int((await reader.readuntil(b"\r\n"))[1:-2])
    return (await reader.readexactly(length + 2))[:-2]
