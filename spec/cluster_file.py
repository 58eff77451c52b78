"""SPEC 9: the cluster file, read slowly. Part of reference.py's command line."""

import ipaddress
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from reference import LAYOUTS, WEIGHT_MAX, BuildError, Node, check_nodes, read_options

TOP_FIELDS = ("layout", "options", "node")
NODE_FIELDS = ("name", "weight", "zone", "address", "control", "state")


@dataclass
class ClusterFile:
    layout: str = "ringway-v1"
    options: list[list] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    places: list[dict] = field(default_factory=list)  # address and control of each node


class FileError(Exception):
    """`line` and `field` are None where the error is about the whole file; `node` is an index."""

    def __init__(self, error: str, line=None, field: str | None = None, node: int | None = None):
        super().__init__(error)
        self.error, self.line, self.field, self.node = error, line, field, node


def read(data: bytes, folder: Path | None = None) -> ClusterFile:
    """The file's content; `folder` is where it stands, if it was read from one."""
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise FileError("syntax") from None
    lines = Lines(text)
    found = ClusterFile()
    for name in document:
        if name not in TOP_FIELDS:
            raise FileError("unknown-field", lines.of(name), name)
    read_layout(document, lines, found, folder)
    rows = document.get("node", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileError("wrong-type", lines.of("node"), "node")
    for index, row in enumerate(rows):
        read_node(index, row, lines, found)
    if not rows:
        raise FileError("no-nodes", None, "node")
    try:
        check_nodes(found.nodes, read_options(found.layout, found.options))
    except BuildError as refused:
        raise located(refused, lines) from None
    check_addresses(found, lines)
    return found


def check_addresses(found: ClusterFile, lines: "Lines") -> None:
    seen = set()
    for index, places in enumerate(found.places):
        for name, text in places.items():
            host, _, port = text.rpartition(":")
            address = (normal_host(host), int(port))
            if address in seen:
                raise FileError("duplicate-address", lines.of(name, index), name, index)
            seen.add(address)


def normal_host(host: str) -> str:
    return str(ipaddress.IPv6Address(host[1:-1])) if host.startswith("[") else host.lower()


def read_layout(document: dict, lines: "Lines", found: ClusterFile, folder: Path | None) -> None:
    found.layout = document.get("layout", found.layout)
    if not isinstance(found.layout, str):
        raise FileError("wrong-type", lines.of("layout"), "layout")
    options = document.get("options", {})
    if not isinstance(options, dict):
        raise FileError("wrong-type", lines.of("options"), "options")
    has_key = "key" in LAYOUTS.get(found.layout, ())
    found.options = []
    for name, value in options.items():
        if has_key and name in ("key", "key_file") and any(option[0] == "key" for option in found.options):
            raise FileError("bad-key-file", lines.of(name, "options"), name)
        if has_key and name == "key_file":
            found.options.append(["key", read_key_file(value, folder, lines.of(name, "options"))])
        else:
            found.options.append([name, value])
    for count in range(len(found.options) + 1):
        try:
            read_options(found.layout, found.options[:count])
        except BuildError as refused:
            if refused.error == "unknown-layout":
                raise FileError(refused.error, lines.of("layout"), "layout") from None
            option = found.options[count - 1][0]
            raise FileError(refused.error, lines.of(option, "options"), option) from None


def read_key_file(value, folder: Path | None, line: int | None) -> str:
    """SPEC 9.8."""
    if not isinstance(value, str):
        raise FileError("bad-option", line, "key_file")
    path = Path(value) if folder is None else folder / value
    try:
        digits = path.read_bytes() if path.is_absolute() or folder else b""
    except OSError:
        digits = b""
    found = re.fullmatch(rb"([0-9A-Fa-f]{32})(\r?\n)?", digits)
    if found is None:
        raise FileError("bad-key-file", line, "key_file")
    return found[1].decode()


def read_node(index: int, row: dict, lines: "Lines", found: ClusterFile) -> None:
    def refuse(error: str, name: str) -> FileError:
        return FileError(error, lines.of(name, index), name, index)

    for name, value in row.items():
        if name not in NODE_FIELDS:
            raise refuse("unknown-field", name)
        if name == "weight":
            if type(value) is not int or not 0 <= value <= WEIGHT_MAX:
                raise refuse("bad-weight", name)
        elif not isinstance(value, str):
            raise refuse("wrong-type", name)
        elif name in ("address", "control") and not is_address(value):
            raise refuse("bad-address", name)
        elif name in ("name", "zone") and any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value):
            raise refuse("control-character", name)
        elif name == "state" and value not in ("up", "down", "drain"):
            raise refuse("bad-state", name)
    if "name" not in row:
        raise FileError("missing-name", lines.of(None, index), "name", index)
    zone = row["zone"].encode() if "zone" in row else None
    found.nodes.append(Node(row["name"].encode(), row.get("weight", 1), zone, row.get("state", "up")))
    found.places.append({name: row[name] for name in ("address", "control") if name in row})


def is_address(text: str) -> bool:
    """host:port as SPEC 9.3 has it."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        return False
    if re.fullmatch(r"[A-Za-z0-9._-]{1,253}", host):
        return True
    if not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", host):
        return False
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def located(refused: BuildError, lines: "Lines") -> FileError:
    if refused.error == "bad-option":  # places beyond the nodes (SPEC 17.2)
        return FileError(refused.error, lines.of("removed", "options"), "removed")
    if refused.node is None:
        return FileError(refused.error)
    name = "zone" if refused.error.startswith("zone") else "name"
    return FileError(refused.error, lines.of(name, refused.node), name, refused.node)


class Lines:
    """Where fields stand. Knows plain files only: one `key = value` or header a line."""

    def __init__(self, text: str):
        self.found: dict = {}
        table: str | int | None = None
        nodes = 0
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.strip()
            if line.startswith("[[node]]"):
                table, nodes = nodes, nodes + 1
                self.found.setdefault((None, "node"), number)
                self.found[(table, None)] = number
            elif line.startswith("["):
                table = line.partition("]")[0].lstrip("[").strip()
                self.found.setdefault((None, table), number)
            elif "=" in line and not line.startswith("#"):
                self.found.setdefault((table, line.partition("=")[0].strip().strip("\"'")), number)

    def of(self, name: str | None, table: str | int | None = None) -> int | None:
        return self.found.get((table, name))
