"""Start the programs, wait for them, stop exactly them."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

START_SECONDS_MAX = 20.0


class Server:
    """A program in the foreground, ready when every given port answers, ended with the block."""

    def __init__(self, command: list[str], ports: list[int], folder: Path) -> None:
        self.command = command
        self.ports = ports
        self.log = folder / f"{Path(command[0]).name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_SECONDS_MAX
        for port in self.ports:
            while not answers(port):
                ended = self.process.poll() is not None
                if ended or time.monotonic() > until:
                    self.stop()
                    why = "ended" if ended else f"does not answer at port {port}"
                    raise RuntimeError(f"{self.command[0]} {why}:\n{self.log_end()}")
                time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the process, and no other."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log_end(self) -> str:
        """What the program said last."""
        return self.log.read_text(errors="replace")[-2000:]


def answers(port: int) -> bool:
    """Whether 127.0.0.1 takes connections at a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for configuration and logs, gone afterwards."""
    return tempfile.TemporaryDirectory(prefix="ringway-record-")


def output(command: list[str]) -> str:
    """What a command prints, on either stream."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
