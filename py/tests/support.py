"""How the vectors give their inputs; spec/vectors/README.md describes it."""

import json
from pathlib import Path
from typing import Any

from ringway import Node, Table

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "spec" / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one vectors file; never none, so that no test passes for want of any."""
    found: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="utf-8"))["cases"]
    assert found
    return found


def bytes_of(row: dict[str, Any], field: str) -> bytes | None:
    if f"{field}_length" in row:
        length = row[f"{field}_length"]
        return bytes((7 * i + length) % 251 for i in range(length))
    if f"{field}_hex" in row:
        return bytes.fromhex(row[f"{field}_hex"])
    text: str | None = row.get(field)
    return None if text is None else text.encode()


def key_of(row: dict[str, Any]) -> bytes:
    key = bytes_of(row, "key")
    assert key is not None
    return key


def texts_of(rule: dict[str, Any]) -> list[str]:
    numbers = range(rule["first"], rule["first"] + rule["count"])
    return [rule["prefix"] + str(number).zfill(rule["digits"]) for number in numbers]


def node_of(row: dict[str, Any]) -> Node:
    name = bytes_of(row, "name")
    assert name is not None
    weight, state = row.get("weight", 1), row.get("state", "up")
    return Node(name, weight=weight, zone=bytes_of(row, "zone"), state=state)


def table_of(case: dict[str, Any]) -> Table:
    if "nodes_rule" in case:
        return Table(texts_of(case["nodes_rule"]), layout=case["layout"], **dict(case["options"]))
    nodes = [node_of(row) for row in case["nodes"]]
    return Table(nodes, layout=case["layout"], **dict(case["options"]))
