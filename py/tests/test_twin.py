"""Any table answers as spec/reference.py does."""

import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ringway import Node, RingwayError, Table
from support import ROOT

sys.path.insert(0, str(ROOT / "spec"))

import reference

texts = st.binary(min_size=1, max_size=40) | st.text(min_size=1, max_size=12).map(str.encode)
states = st.sampled_from(["up", "up", "up", "down", "drain"])
nodes = st.lists(
    st.tuples(texts, st.integers(0, 5), st.none() | st.sampled_from([b"a", b"b", b"\xff"]), states),
    max_size=8,
    unique_by=lambda node: node[0],
)
hash_tags = st.none() | st.sampled_from(["{}", "||", "ab", "!~"])
keys = st.lists(st.binary(max_size=300) | st.text("{}|ab!~x").map(str.encode), max_size=20)


@settings(deadline=None, max_examples=200, print_blob=True)
@given(nodes=nodes, vnodes=st.integers(1, 20), hash_tag=hash_tags, keys=keys)
def test_answers_are_those_of_the_reference(
    nodes: list[tuple[bytes, int, bytes | None, Any]],
    vnodes: int,
    hash_tag: str | None,
    keys: list[bytes],
) -> None:
    options: dict[str, Any] = {"vnodes": vnodes}
    if hash_tag is not None:
        options["hash_tag"] = hash_tag
    made = [Node(name, weight=w, zone=zone, state=state) for name, w, zone, state in nodes]
    table = Table(made, **options)
    twin = reference.Table("ringway-v1", list(options.items()), [reference.Node(*n) for n in nodes])
    names = list(table)
    for key in keys:
        position = twin.position(key)
        assert table.key_hash(key) == twin.hash(key)
        assert table.index(key) == twin.owner_at(position)
        assert list(table.walk(key)) == [names[index] for index in twin.walk_at(position)]
        for k in (1, 2, 3, 9):
            assert table.owners(key, k) == [names[index] for index in twin.owners_at(position, k)]


OPTIONS: dict[str, dict[str, Any]] = {
    "jump-v1": {},
    "jumpback-v1": {},
    "memento-v1": {},
    "rendezvous-v1": {},
    "ringway-keyed-v1": {"vnodes": 4, "key": "0123456789abcdeffedcba9876543210"},
    "maglev-v1": {"table_size": 251},
    "balanced-v1": {"slots": 256, "room_permille": 1020},
}
UNWEIGHTED = {"jump-v1", "jumpback-v1", "memento-v1"}


@settings(deadline=None, max_examples=100, print_blob=True)
@given(layout=st.sampled_from(sorted(OPTIONS)), nodes=nodes, hash_tag=hash_tags, keys=keys)
def test_answers_of_the_other_layouts_are_those_of_the_reference(
    layout: str,
    nodes: list[tuple[bytes, int, bytes | None, Any]],
    hash_tag: str | None,
    keys: list[bytes],
) -> None:
    options = OPTIONS[layout] | ({} if hash_tag is None else {"hash_tag": hash_tag})
    if layout in UNWEIGHTED:
        nodes = [(name, 1, zone, "up") for name, _, zone, _ in nodes]
    made = [Node(name, weight=w, zone=zone, state=state) for name, w, zone, state in nodes]
    table = Table(made, layout=layout, **options)
    twin = reference.Table(layout, list(options.items()), [reference.Node(*n) for n in nodes])
    names = list(table)
    for key in keys:
        h = twin.hash(key)
        assert table.key_hash(key) == h
        assert table.index(key) == twin.owner_of(h)
        assert list(table.walk(key)) == [names[index] for index in twin.walk_of(h)]
        for k in (1, 2, 3, 9):
            assert table.owners(key, k) == [names[index] for index in twin.owners_of(h, k)]


@settings(deadline=None, max_examples=100, print_blob=True)
@given(order=st.permutations(range(9)), removed=st.integers(0, 9), keys=keys)
def test_removed_nodes_of_memento_are_those_of_the_reference(
    order: list[int], removed: int, keys: list[bytes]
) -> None:
    names = [f"n{number}" for number in range(9)]
    table = Table(names, layout="memento-v1", removed=order[:removed])
    nodes = [reference.Node(name.encode()) for name in names]
    twin = reference.Table("memento-v1", [("removed", order[:removed])], nodes)
    for key in keys:
        h = twin.hash(key)
        assert table.index(key) == twin.owner_of(h)
        assert list(table.walk(key)) == [names[index] for index in twin.walk_of(h)]


def clusters(layout: str, drawn: list[tuple[bytes, int, bytes | None, Any]]) -> tuple[Any, Any]:
    """The table and its twin."""
    options: dict[str, Any] = {"vnodes": 7} if layout == "ringway-v1" else OPTIONS[layout]
    if layout in UNWEIGHTED:
        drawn = [(name, 1, zone, "up") for name, _, zone, _ in drawn]
    made = [Node(name, weight=w, zone=zone, state=state) for name, w, zone, state in drawn]
    twin = reference.Table(layout, list(options.items()), [reference.Node(*n) for n in drawn])
    return Table(made, layout=layout, **options), twin


layouts = st.sampled_from(["ringway-v1", *sorted(OPTIONS)])


@settings(deadline=None, max_examples=100, print_blob=True)
@given(layout=layouts, nodes=nodes, keys=keys)
def test_arrays_are_answered_as_the_reference_does(
    layout: str, nodes: list[tuple[bytes, int, bytes | None, Any]], keys: list[bytes]
) -> None:
    table, twin = clusters(layout, nodes)
    owners = [twin.owner_of(twin.hash(key)) for key in keys]
    expected = [-1 if owner is None else owner for owner in owners]
    assert table.owner_many(keys).indices.tolist() == expected
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert table.owner_many(pa.array(keys, kind)).indices.tolist() == expected
    hashes = np.array([twin.hash(key) for key in keys], np.uint64)
    assert table.owner_many_by_hash(hashes).indices.tolist() == expected
    padded = np.array(keys, "S300")
    stripped = [twin.owner_of(twin.hash(key.rstrip(b"\0"))) for key in keys]
    found = table.owner_many(padded).indices.tolist()
    assert found == [-1 if owner is None else owner for owner in stripped]


@settings(deadline=None, max_examples=100, print_blob=True)
@given(layout=layouts, old=nodes, new=nodes, keys=keys)
def test_changes_are_those_of_the_reference(
    layout: str,
    old: list[tuple[bytes, int, bytes | None, Any]],
    new: list[tuple[bytes, int, bytes | None, Any]],
    keys: list[bytes],
) -> None:
    # Some nodes stay.
    new = list({node[0]: node for node in [*new, *old[::2]]}.values())
    (table, twin), (other, other_twin) = clusters(layout, old), clusters(layout, new)

    def name(twin: Any, owner: int | None) -> bytes | None:
        return None if owner is None else twin.nodes[owner].name

    def owners(key: bytes) -> tuple[bytes | None, bytes | None]:
        before, after = (twin.owner_of(twin.hash(key)) for twin in (twin, other_twin))
        return name(twin, before), name(other_twin, after)

    def as_bytes(text: str | bytes | None) -> bytes | None:
        return text.encode() if isinstance(text, str) else text

    expected = [(key, *owners(key)) for key in keys if len(set(owners(key))) == 2]
    for form in (keys, pa.array(keys, pa.binary())):
        found = [(key, as_bytes(a), as_bytes(b)) for key, a, b in table.moved_keys(other, form)]
        assert found == expected
    if not twin.has_positions:
        with pytest.raises(RingwayError, match="has no runs of positions to compare"):
            table.moved(other)
        return
    moved = table.moved(other)
    assert moved.share == pytest.approx(sum(hi - lo + 1 for lo, hi, _, _ in moved) / 2**32)
    assert sum(moved.shares.values()) == pytest.approx(moved.share)
    for _, lo, hi, before, after in ((i, *row) for i, row in enumerate(moved)):
        for position in (lo, hi):
            assert as_bytes(before) == name(twin, twin.owner_at(position))
            assert as_bytes(after) == name(other_twin, other_twin.owner_at(position))
    for key in keys:
        position = twin.position(key)
        rows = [row for row in moved if row[0] <= position <= row[1]]
        found_owners = [(as_bytes(row[2]), as_bytes(row[3])) for row in rows]
        assert found_owners == ([owners(key)] if len(set(owners(key))) == 2 else [])


@settings(deadline=None, max_examples=50, print_blob=True)
@given(layout=st.sampled_from(["ringway-v1", "ringway-keyed-v1", "balanced-v1"]), nodes=nodes)
def test_balance_is_that_of_the_reference(
    layout: str, nodes: list[tuple[bytes, int, bytes | None, Any]]
) -> None:
    table, twin = clusters(layout, nodes)
    counts = [0] * len(nodes)
    for lo, hi, owner in twin.segments():
        counts[owner] += hi - lo + 1
    balance = table.balance()
    weights = [twin.effective_weight(index) for index in range(len(nodes))]
    assert list(balance.counts.values()) == counts
    assert balance.total == 2**32
    assert list(balance.shares.values()) == [count / 2**32 for count in counts]
    total = sum(weights)
    ideals = [weight / total if total else 0 for weight in weights]
    assert list(balance.ideals.values()) == pytest.approx(ideals)


@settings(deadline=None, max_examples=100, print_blob=True)
@given(
    layout=layouts,
    nodes=nodes,
    keys=keys,
    factor=st.integers(1000, 3000),
    loads=st.lists(st.integers(0, 20), min_size=8, max_size=8),
)
def test_bounded_owners_are_those_of_the_reference(
    layout: str,
    nodes: list[tuple[bytes, int, bytes | None, Any]],
    keys: list[bytes],
    factor: int,
    loads: list[int],
) -> None:
    table, twin = clusters(layout, nodes)
    loads = loads[: len(nodes)]
    names = list(table)
    for index, node in enumerate(names):
        expected = twin.capacity(index, factor, sum(loads))
        assert table.capacity(node, sum(loads), factor_permille=factor) == expected
    for key in keys:
        owner = twin.owner_bounded(twin.hash(key), factor, sum(loads), loads)
        expected_name = None if owner is None else names[owner]
        assert table.bounded(key, loads, factor_permille=factor) == expected_name
