"""What deployed programs answered (spec/upstream), and what their layouts read of nodes."""

import copy
import pickle
import sys
from decimal import Decimal
from typing import Any

import pytest
from ringway import LAYOUTS, Node, RingwayError, Table, cassandra_token, redis_slot
from support import ROOT

sys.path.insert(0, str(ROOT / "spec"))

import deployed

MAPS = deployed.recorded("map")
BOUNDED = deployed.recorded("bounded")
VALUES = [file for file in deployed.recorded("value") if file.case["value"] in ("slot", "token")]


def table_of(file: Any) -> Table:
    nodes = [Node(**node) for node in file.nodes]
    return Table(nodes, layout=file.layout, **file.case["options"])


def test_every_layout_was_recorded() -> None:
    assert len(MAPS) >= 388
    assert sum(len(file.rows) for file in MAPS) >= 156_820
    assert {file.layout for file in MAPS} == {name for name in LAYOUTS if not name.endswith("-v1")}
    assert len(BOUNDED) == 6
    assert len(VALUES) == 2


@pytest.mark.parametrize("file", MAPS, ids=[file.name for file in MAPS])
def test_every_recorded_answer_is_given(file: Any) -> None:
    table = table_of(file)
    from_file = Table.loads(file.cluster_file)
    assert from_file == table
    assert from_file.fingerprint == table.fingerprint
    keys = [key for key, _ in file.answers]
    answers = [None if node == "nobody" else node for _, node in file.answers]
    assert answers
    assert table.owner_many(keys) == answers
    assert [from_file.owner(key) for key in keys] == answers
    for key, node in list(zip(keys, answers, strict=True))[::29]:
        assert next(table.candidates(key), None) == node
        assert table.owner_under_load(key, {}) == node
        assert table.bounded(key, {}, factor_permille=1_000_000) == node


@pytest.mark.parametrize("file", BOUNDED, ids=[file.name for file in BOUNDED])
def test_loads_lead_where_the_programs_lead(file: Any) -> None:
    table = table_of(file)
    by_name = {str(name): 0 for name in table}
    for operation, key, node in file.rows:
        if operation == "close":
            by_name[node] -= 1
            continue
        key_bytes = deployed.unescape(key)
        assert table.owner_under_load(key_bytes, by_name) == node
        assert table.owner_under_load(key_bytes, list(by_name.values())) == node
        by_name[node] += 1


@pytest.mark.parametrize("file", VALUES, ids=[file.name for file in VALUES])
def test_slots_and_tokens_are_those_of_the_programs(file: Any) -> None:
    value_of = {"slot": redis_slot, "token": cassandra_token}[file.case["value"]]
    for key, value in file.answers:
        assert value_of(key) == int(value)


def test_slots_and_tokens_take_every_kind_of_key() -> None:
    assert {redis_slot(key) for key in ("user1000", b"user1000", bytearray(b"user1000"))} == {3443}
    assert redis_slot("{user1000}.following") == 3443
    assert cassandra_token(memoryview(b"123")) == -7468325962851647638
    with pytest.raises(TypeError, match=r"a key must be .*, not int"):
        redis_slot(3)  # type: ignore[arg-type]


def test_layouts_have_names() -> None:
    assert len(LAYOUTS) == len(set(LAYOUTS)) >= 38
    for name in LAYOUTS:
        options: dict[str, Any] = {}
        if name == "ringway-keyed-v1":
            options = {"key": "00" * 16}
        if name == "guava":
            options = {"hash": "crc32"}
        assert Table([], layout=name, **options).layout == name


FULL = Node(
    "a:1",
    weight=Decimal("0.5"),
    address="10.0.0.1:80",
    hash_text=b"\xff",
    id=7,
    guid="g",
    vnodes=3,
    tokens=[-1, 2],
)


def test_fields_come_back() -> None:
    assert FULL.weight == Decimal("0.5")
    assert (FULL.address, FULL.hash_text, FULL.id) == ("10.0.0.1:80", b"\xff", 7)
    assert (FULL.guid, FULL.vnodes, FULL.tokens) == ("g", 3, (-1, 2))
    plain = Node("a:1")
    assert (plain.address, plain.hash_text, plain.id) == (None, None, None)
    assert (plain.guid, plain.vnodes, plain.tokens) == (None, None, ())
    assert repr(FULL) == (
        "Node('a:1', weight='0.5', address='10.0.0.1:80', hash_text=b'\\xff', id=7, guid='g', "
        "vnodes=3, tokens=(-1, 2))"
    )
    assert eval(repr(FULL), {"Node": Node}) == FULL  # noqa: S307
    assert pickle.loads(pickle.dumps(FULL)) == FULL == copy.copy(FULL)
    assert plain != FULL
    given: list[dict[str, Any]] = [
        {},
        {"id": 7},
        {"guid": "g"},
        {"vnodes": 3},
        {"tokens": [2]},
        {"weight": "1.5"},
    ]
    given += [{"address": "b:1"}, {"hash_text": "b"}]
    assert len({Node("a:1", **fields) for fields in given}) == 8


def test_tables_keep_what_their_layout_reads() -> None:
    table = Table([FULL, Node("b", weight="2")], layout="ats-parent")
    assert table.nodes[0] == Node("a:1", weight="0.5", hash_text=b"\xff")
    assert table.nodes[1] == Node("b", weight=2)
    for same in (
        Table(table.nodes, layout="ats-parent"),
        pickle.loads(pickle.dumps(table)),
        Table.from_bytes(table.to_bytes()),
        eval(repr(table), {"Node": Node, "Table": Table}),  # noqa: S307
    ):
        assert same == table
        assert same.fingerprint == table.fingerprint
    assert table.with_node(Node("c", weight="0.25")).nodes[2].weight == Decimal("0.25")
    assert Table({"a": "0.5", "b": 2}, layout="ats-parent").nodes[0] == Node("a", weight="0.5")


@pytest.mark.parametrize(
    ("given", "weight"),
    [
        ("0.5", Decimal("0.5")),
        ("3", 3),
        ("3.000000", 3),
        (Decimal(3), 3),
        (Decimal("1E+2"), 100),
        (Decimal("0.000001"), Decimal("1E-6")),
        (Decimal("0.50000000"), Decimal("0.5")),
        ("4294967295", 4294967295),
    ],
)
def test_weights_are_exact(given: str | Decimal, weight: int | Decimal) -> None:
    node = Node("a", weight=given)
    assert node.weight == weight
    assert type(node.weight) is type(weight)
    assert eval(repr(node), {"Node": Node}) == node  # noqa: S307


@pytest.mark.parametrize(
    "weight",
    ["", "0.1234567", "-0.5", "1.", ".5", "1e3", " 1", "٣", "4294967295.5", "4294967296", "NaN"],
)
def test_weights_that_are_none(weight: str) -> None:
    expected = "weight must be 0 to 4294967295 with up to six decimals, not"
    with pytest.raises(RingwayError, match=expected):
        Node("a", weight=weight)
    with pytest.raises(RingwayError, match=expected):
        Node("a", weight=Decimal("-Infinity"))


def test_a_float_is_no_weight() -> None:
    with pytest.raises(TypeError, match="weight must be int, Decimal or str, not float"):
        Node("a", weight=0.5)  # type: ignore[arg-type]


WRONG_FIELDS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"id": -1}, RingwayError, "id must be 0 to 4294967295, not -1"),
    ({"id": "1"}, TypeError, "id must be int, not str"),
    ({"vnodes": 1 << 32}, RingwayError, "vnodes must be 0 to 4294967295, not 4294967296"),
    ({"vnodes": True}, TypeError, "vnodes must be int, not bool"),
    ({"address": b"a:1"}, TypeError, "address must be str, not bytes"),
    ({"hash_text": 3}, TypeError, "hash_text must be str or bytes, not int"),
    ({"guid": 3}, TypeError, "guid must be str or bytes, not int"),
    ({"tokens": 3}, TypeError, "tokens must be an iterable of int, not int"),
    ({"tokens": "12"}, TypeError, "tokens must be an iterable of int, not str"),
    ({"tokens": None}, TypeError, "tokens must be an iterable of int, not None"),
    ({"tokens": [1.0]}, TypeError, "a token must be int, not float"),
    (
        {"tokens": [1 << 63]},
        RingwayError,
        "a token must be -9223372036854775808 to 9223372036854775807, not 9223372036854775808",
    ),
]


@pytest.mark.parametrize(("fields", "kind", "text"), WRONG_FIELDS, ids=str)
def test_wrong_fields(fields: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        Node("a", **fields)


WRONG_TABLES: list[tuple[str, Node, str]] = [
    ("ringway-v1", Node("a", id=1), "node 0 has the field id, which this layout does not read"),
    ("ringway-v1", Node("a", weight="0.5"), "the weight of node 0 is not whole"),
    ("nginx", Node("a", weight="0.5"), "the weight of node 0 is not whole"),
    ("nginx", Node("a", state="drain"), "node 0 is drain, for which this layout has no rule"),
    ("pymemcache", Node("a", state="down"), "node 0 is down, for which this layout has no rule"),
    ("pymemcache", Node(b"\xff"), "the name of node 0 is not UTF-8"),
    ("haproxy-map", Node("a", weight=257), "node 0 has weight 257; the program takes up to 256"),
    ("haproxy-consistent", Node("a", id=0), "the field id of node 0 takes a number from 1 on"),
    ("haproxy-consistent", Node("a", guid=""), "node 0 has an empty guid"),
    ("nginx", Node("a", hash_text="x" * 1025), "the hash_text of node 0 has 1025 bytes"),
    ("guava", Node("0"), "the layout needs the option hash"),
]


@pytest.mark.parametrize(("layout", "node", "text"), WRONG_TABLES, ids=str)
def test_what_a_program_does_not_know_is_refused(layout: str, node: Node, text: str) -> None:
    with pytest.raises(RingwayError, match=text):
        Table([node], layout=layout)


def test_layouts_without_key_hashes_answer() -> None:
    table = Table(["a:1", "b:1", "c:1"], layout="pymemcache")
    keys = [f"key{number}" for number in range(60)]
    assert table.key_hash("key") is None
    assert table.owner_many(keys) == [table.owner(key) for key in keys]
    assert set(table.owner_many(keys)) == {"a:1", "b:1", "c:1"}
    loads: dict[str, int | None] = {"a:1": None, "b:1": 0, "c:1": None}
    assert table.bounded("key", loads) == "b:1"
    # A program whose keys are texts cannot read these bytes.
    assert table.owner(b"\xff") is None
    assert table.owner_many([b"\xff", "k"]) == [None, table.owner("k")]
    assert list(table.candidates(b"\xff")) == []
    with pytest.raises(TypeError, match=r"a key must be .*, not int"):
        table.owner_many(["k", 3])  # type: ignore[list-item]


def test_candidates_are_the_programs() -> None:
    nodes = [Node(f"10.0.0.{number}:80") for number in range(1, 4)]
    table = Table([*nodes, Node("10.0.0.4:80", state="down")], layout="nginx")
    for number in range(40):
        key = f"key{number}"
        candidates = list(table.candidates(key))
        assert candidates[0] == table.owner(key)
        assert len(candidates) <= 21
        assert set(candidates) <= {node.name for node in nodes}
    assert max(len(list(table.candidates(f"key{number}"))) for number in range(40)) > len(nodes)
    native = Table(["a", "b", "c"])
    assert list(native.candidates("key")) == list(native.walk("key"))


def test_wrong_requests_in_progress() -> None:
    table = Table(["a:1", "b:1"], layout="envoy-ring", hash_balance_factor=125)
    with pytest.raises(RingwayError, match="active has 1 values for 2 nodes"):
        table.owner_under_load("key", [1])
    with pytest.raises(RingwayError, match=r"a number of requests must be 0 to .*, not -1"):
        table.owner_under_load("key", [1, -1])
    with pytest.raises(TypeError, match="a number of requests must be int, not None"):
        table.owner_under_load("key", {"a:1": None})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="active must be a sequence of a number for each node"):
        table.owner_under_load("key", 3)  # type: ignore[arg-type]
    assert table.owner_under_load("key", [(1 << 64) - 1] * 2) in table
