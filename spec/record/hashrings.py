"""uhashring (from PyPI), called in this process."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from recorded import Recorded

FOLDER = "uhashring"


def version() -> str:
    """The version of uhashring that is installed."""
    return importlib.metadata.version("uhashring")


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask uhashring every key of every file."""
    from uhashring import HashRing  # type: ignore[import-not-found]

    answered = {}
    for file in files:
        nodes = {node["name"]: node["weight"] for node in file.nodes}
        is_ketama = file.case["layout"] == "uhashring-ketama"
        ring = HashRing(nodes, **({"hash_fn": "ketama"} if is_ketama else {}))
        answered[file.name] = [
            [row[0], ring.get_node(key.decode())]
            for row, key in zip(file.rows, file.keys, strict=True)
        ]
    return answered
