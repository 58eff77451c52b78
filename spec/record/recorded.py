"""The recorded files of `spec/upstream`: one program's answers each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UPSTREAM = Path(__file__).resolve().parent.parent / "upstream"
CASE = "# case: "


@dataclass
class Recorded:
    """A file: its case, the comments for readers, and its rows as columns of text."""

    path: Path
    case: dict[str, Any]
    head: list[str]
    rows: list[list[str]]
    keys: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        column = 1 if self.kind == "bounded" else 0
        self.keys = [unescape(row[column]) for row in self.rows]

    @property
    def name(self) -> str:
        """Folder and file."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def kind(self) -> str:
        """`map`, `extract`, `bounded` or `value`."""
        return str(self.case["kind"])

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The nodes in the order of the configuration."""
        return list(self.case["nodes"])

    def said(self, word: str) -> str:
        """The rest of the comment that begins with `word:`, or nothing."""
        start = f"# {word}: "
        return next((line[len(start) :] for line in self.head if line.startswith(start)), "")

    def text(self, rows: list[list[str]]) -> str:
        """The file with other rows."""
        lines = self.head + ["\t".join(row) for row in rows]
        return "".join(f"{line}\n" for line in lines)


def read(path: Path) -> Recorded | None:
    """A recorded file; `None` for one without a case (plain columns of numbers)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith(CASE):
        return None
    head = [line for line in lines if line.startswith("# ")]
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    return Recorded(path, json.loads(lines[0].removeprefix(CASE)), head, rows)


def read_folder(folder: str) -> list[Recorded]:
    """All files of a folder that have a case, by name."""
    files = (read(path) for path in sorted((UPSTREAM / folder).glob("*.tsv")))
    return [file for file in files if file]


def escape(key: bytes) -> str:
    """A key as it stands in a row."""
    plain = all(0x21 <= byte <= 0x7E for byte in key)
    if key and plain and not key.startswith((b"#", b"hex:")):
        return key.decode("ascii")
    return f"hex:{key.hex()}"


def unescape(key: str) -> bytes:
    """The bytes of a key that stands in a row."""
    return bytes.fromhex(key[4:]) if key.startswith("hex:") else key.encode("ascii")
