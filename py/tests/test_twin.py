"""Any table answers as spec/reference.py does."""

import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ringway import Node, Table
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
