"""What a cluster file says of addresses, which tables leave to their callers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from ringway import Node, RingwayError, Table

if TYPE_CHECKING:
    import os


def load(path: str | os.PathLike[str]) -> tuple[Table, dict[str, Node]]:
    """The table of a cluster file, and its nodes by address, in their order.

    Raises what Table.load raises, and RingwayError naming a node without an address.
    """
    table = Table.load(path)
    # Read before: what tomllib finds here is good TOML.
    rows = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("node", [])
    nodes: dict[str, Node] = {}
    for node, row in zip(table.nodes, rows, strict=True):
        address = row.get("address")
        if address is None:
            msg = f'{path}: node {node.name!r} has no address; add address = "HOST:PORT"'
            raise RingwayError(msg)
        nodes[address] = node
    return table, nodes
