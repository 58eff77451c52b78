"""Clients that ask one key after another over one connection."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import BinaryIO

ANSWER_SECONDS_MAX = 20.0


class Client:
    """A connection to a program at 127.0.0.1, opened when it is needed."""

    def __init__(self, port: int, source: str = "") -> None:
        self.port = port
        self.source = source
        self.socket: socket.socket | None = None
        self.file: BinaryIO | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self.file:
            self.file.close()
        if self.socket:
            self.socket.close()
        self.socket = self.file = None

    def send(self, request: bytes) -> BinaryIO:
        """Send a request; return what its answer is read from."""
        if self.socket is None:
            source = (self.source, 0) if self.source else None
            self.socket = socket.create_connection(
                ("127.0.0.1", self.port), ANSWER_SECONDS_MAX, source
            )
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.file = self.socket.makefile("rb")
        self.socket.sendall(request)
        assert self.file
        return self.file

    def http_send(self, key: bytes, target: bytes = b"/", number: str = "") -> None:
        """Send a request with the key in the header X-Key."""
        head = [b"GET " + target + b" HTTP/1.1", b"Host: h"]
        head += [b"X-Key: " + key] if key else []
        head += [b"X-Request: " + number.encode()] if number else []
        self.send(b"\r\n".join([*head, b"", b""]))

    def http_answer(self) -> str:
        """The answer's body; an answer that is not 200 is named `HTTP status`."""
        assert self.file
        status = self.file.readline().split(b" ")
        length, close = 0, False
        while line := self.file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            close |= name.lower() == b"connection" and value.strip().lower() == b"close"
        body = self.file.read(length)
        if close:
            self.close()
        if len(status) < 2:
            return "no answer"
        return body.decode() if status[1] == b"200" else f"HTTP {status[1].decode()}"

    def http(self, key: bytes, target: bytes = b"/") -> str:
        """Ask for a key."""
        self.http_send(key, target)
        return self.http_answer()

    def memcached(self, key: bytes) -> str:
        """The value of a key, or the error."""
        file = self.send(b"get " + key + b"\r\n")
        first = file.readline().strip()
        if not first.startswith(b"VALUE "):
            return first.decode(errors="replace")
        value = file.readline().strip()
        file.readline()
        return value.decode()

    def redis(self, key: bytes) -> str:
        """The value of a key, or the error."""
        file = self.send(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
        first = file.readline().strip()
        return file.readline().strip().decode() if first.startswith(b"$") else first.decode()
