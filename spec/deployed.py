"""The recorded answers of deployed programs (`upstream/`), and the cluster file of each case.

The suites of Python, C and C++ replay them through this.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Iterator

from record.recorded import CASE, UPSTREAM, unescape


@dataclass
class Recorded:
    """A recorded file: what was asked, and the rows of columns, each a text."""

    name: str
    case: dict[str, Any]
    rows: list[list[str]]

    @property
    def layout(self) -> str:
        """The layout's name."""
        return str(self.case["layout"])

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The nodes in their order; `buckets` are nodes named after their place."""
        buckets = range(self.case.get("buckets", 0))
        return list(self.case.get("nodes", ())) or [{"name": str(place)} for place in buckets]

    @property
    def answers(self) -> Iterator[tuple[bytes, str]]:
        """Each key with the name of the node that got it."""
        return ((unescape(key), node) for key, node in self.rows)

    @property
    def cluster_file(self) -> str:
        """The same layout, options and nodes as a cluster file."""
        lines = [f"layout = {text(self.layout)}"]
        if self.case["options"]:
            lines += ["[options]", *fields(self.case["options"])]
        for node in self.nodes:
            lines += ["[[node]]", *fields(node)]
        return "".join(f"{line}\n" for line in lines)


def recorded(kind: str) -> list[Recorded]:
    """Every recorded file of a kind (`map`, `extract`, `bounded`, `value`), by name."""
    files = []
    for path in sorted(UPSTREAM.glob("*/*.tsv")):
        lines = path.read_text(encoding="utf-8").split("\n")
        if not lines[0].startswith(CASE):
            continue
        case = json.loads(lines[0].removeprefix(CASE), parse_float=Decimal)
        if case["kind"] == kind:
            rows = [line.split("\t") for line in lines if line and not line.startswith("# ")]
            files.append(Recorded(path.stem, case, rows))
    return files


def text(value: str) -> str:
    """A text as TOML has it; no recorded one has characters that TOML and JSON escape differently."""
    return json.dumps(value, ensure_ascii=False)


def fields(values: dict[str, Any]) -> Iterator[str]:
    """The lines `name = value` of a table."""
    for name, value in values.items():
        if isinstance(value, str):
            yield f"{name} = {text(value)}"
        elif isinstance(value, bool):
            yield f"{name} = {str(value).lower()}"
        else:
            yield f"{name} = {value}"
