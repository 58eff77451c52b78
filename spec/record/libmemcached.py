"""libmemcached: a C program, compiled here, that asks the library for each key's server."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from processes import output
from recorded import Recorded

FOLDER = "libmemcached"
SOURCE = Path(__file__).with_name("generate_hash.c")


def version() -> str:
    """The version of the library that is installed."""
    return output(["pkg-config", "--modversion", "libmemcached"]).strip()


def behaviors(file: Recorded) -> list[str]:
    """The behaviors that a case was recorded with, as the comment for readers says."""
    said = file.said("config")
    words = []
    for name, value in re.findall(r"memcached_behavior_set\((\w+),(\d+)\)", said):
        words += [name, value]
    if match := re.search(r"set by HASH=(\d+)", said):
        words += ["HASH", match[1]]
    if match := re.fullmatch(r"behavior (\w+), hash md5", said):
        words += [match[1].upper(), "1", "HASH", "1"]
    return words


def compile_program(folder: Path) -> Path:
    """The C program."""
    program = folder / "generate_hash"
    flags = output(["pkg-config", "--cflags", "--libs", "libmemcached"]).split()
    command = ["cc", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(SOURCE), *flags]
    subprocess.run(command, check=True)
    return program


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask libmemcached every key of every file."""
    program = compile_program(folder)
    answered = {}
    for file in files:
        lines = []
        for node in file.nodes:
            host, _, port = node["name"].rpartition(":")
            lines.append(f"server {host.strip('[]')} {port} {node['weight']}")
        lines += [f"key {key.hex()}" for key in file.keys]
        places = subprocess.run(
            [str(program), *behaviors(file)],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        answered[file.name] = [
            [row[0], file.nodes[int(place)]["name"]]
            for row, place in zip(file.rows, places, strict=True)
        ]
    return answered
