"""Changes of one node, and what they move."""

from typing import Any

import pytest
from ringway import Node, RingwayError, Table

KEYS = [f"user:{i}" for i in range(2_000)]


def test_changes_are_the_tables_of_the_changed_lists() -> None:
    table = Table(["a", "b", Node("c", weight=2, zone="z")])
    grown = table.with_node("d").with_node(Node(b"\xff", weight=3, zone="y", state="down"))
    assert grown == Table([*table.nodes, "d", Node(b"\xff", weight=3, zone="y", state="down")])
    assert list(table) == ["a", "b", "c"]
    assert grown.without_node("b") == Table([n for n in grown.nodes if n.name != "b"])
    assert table.with_weight("a", 4) == Table([Node("a", weight=4), *table.nodes[1:]])
    assert table.with_state("a", "drain") == Table([Node("a", state="drain"), *table.nodes[1:]])
    for changed in (grown, grown.without_node("a"), table.with_weight("b", 7)):
        rebuilt = Table(changed.nodes)
        assert [changed.owner(key) for key in KEYS] == [rebuilt.owner(key) for key in KEYS]


def test_moved_ranges_are_what_moves() -> None:
    table = Table(["a", "b", "c"])
    grown = table.with_node("d").without_node("b")
    ranges = table.moved(grown)
    assert all(lo <= hi and old != new for lo, hi, old, new in ranges)
    moved = 0
    for key in KEYS:
        position = (table.key_hash(key) or 0) >> 32
        found = [(old, new) for lo, hi, old, new in ranges if lo <= position <= hi]
        owners = (table.owner(key), grown.owner(key))
        assert found == ([] if owners[0] == owners[1] else [owners])
        moved += len(found)
    assert moved > 500
    assert table.moved(table) == []
    assert Table([]).moved(Table(["a"])) == [(0, 2**32 - 1, None, "a")]
    with pytest.raises(RingwayError, match="different positions"):
        table.moved(Table(table.nodes, hash_tag="{}"))


def test_wrong_changes() -> None:
    table = Table(["a"])
    wrong: Any = 3
    names: list[str | bytes] = ["b", b"", "a "]
    for name in names:
        with pytest.raises(RingwayError, match="no node has this name"):
            table.without_node(name)
        with pytest.raises(RingwayError, match="no node has this name"):
            table.with_weight(name, 1)
        with pytest.raises(RingwayError, match="no node has this name"):
            table.with_state(name, "up")
    with pytest.raises(RingwayError, match="nodes 0 and 1 have the same name"):
        table.with_node("a")
    with pytest.raises(RingwayError, match="weight must be 0 to 4294967295, not -1"):
        table.with_weight("a", -1)
    with pytest.raises(RingwayError, match="points, but a ring holds at most"):
        table.with_weight("a", 1 << 31)
    with pytest.raises(RingwayError, match="state must be"):
        table.with_state("a", "off")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a node's name must be str or bytes, not int"):
        table.with_node(wrong)
    with pytest.raises(TypeError, match="a node's name must be str or bytes, not int"):
        table.without_node(wrong)
