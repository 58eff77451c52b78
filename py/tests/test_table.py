"""ringway.Table as users see it."""

import copy
import pickle
from array import array
from pathlib import Path
from typing import Any

import pytest
import ringway
from ringway import Node, RingwayError, Table

KEYS = ["", "a", "user:1", "caf\u00e9", "\u6771\u4eac", "key\0with nul", "x" * 1000]


@pytest.fixture
def table() -> Table:
    return Table(["db1", Node("db2", weight=2, zone="a"), Node("db3", zone="a", state="down")])


def test_names_mappings_and_nodes_make_the_same_table() -> None:
    names = ["db1", "db2"]
    expected = Table(names)
    assert Table(iter(names)) == expected
    assert Table(tuple(names)) == expected
    assert Table({"db1": 1, "db2": 1}) == expected
    assert Table([b"db1", Node(b"db2")]) == expected
    assert Table({"db1": 1, "db2": 3}) == Table(["db1", Node("db2", weight=3)])
    assert Table(dict.fromkeys(names, 1).keys()) == expected


@pytest.mark.parametrize("key", KEYS)
def test_every_form_of_a_key_has_one_owner(table: Table, key: str) -> None:
    data = key.encode()
    spread = bytearray(2 * len(data))
    spread[::2] = data
    forms: list[bytes | bytearray | memoryview] = [data, bytearray(data), memoryview(data)]
    forms.append(memoryview(spread)[::2])  # not contiguous
    for form in forms:
        assert table.owner(form) == table.owner(key)
        assert table.index(form) == table.index(key)
        assert table.key_hash(form) == table.key_hash(key)
        assert table.owners(form, 2) == table.owners(key, 2)
        assert list(table.walk(form)) == list(table.walk(key))


def test_lookups_agree(table: Table) -> None:
    for key in KEYS:
        owner, index = table.owner(key), table.index(key)
        assert index is not None
        assert owner == table.nodes[index].name
        assert table.owners(key, 1) == [owner]
        assert next(table.walk(key)) == owner
        assert sorted(map(str, table.walk(key))) == ["db1", "db2", "db3"]
        assert set(table.owners(key, 99)) == set(table)
        assert table.owners(key, 0) == []
    assert table.owner_many(KEYS) == [table.owner(key) for key in KEYS]
    assert table.owner_many(iter(KEYS)) == table.owner_many(tuple(KEYS))
    assert table.owner_many([]) == []


def test_zones_come_first_in_owners(table: Table) -> None:
    for key in KEYS:
        first, second = table.owners(key, 2)
        assert "db1" in (first, second)


def test_k_may_be_larger_than_any_machine(table: Table) -> None:
    assert len(table.owners("k", 1 << 200)) == 3


def test_a_walk_is_an_iterator(table: Table) -> None:
    walk = table.walk("k")
    assert iter(walk) is walk
    assert len(list(walk)) == 3
    assert list(walk) == []
    many = Table([f"n{i}" for i in range(50)])
    assert len(list(many.walk("k"))) == len(set(many.walk("k"))) == 50
    # It keeps its table, and a key that changes later is not its concern.
    key = bytearray(b"k")
    walk = Table(["only"]).walk(key)
    key[0] = 0
    assert list(walk) == ["only"]


def test_nobody_owns_where_nobody_may() -> None:
    for empty in (Table([]), Table({"a": 0}), Table([Node("a", state="drain")])):
        assert empty.owner("k") is None
        assert empty.index("k") is None
        assert empty.owners("k", 2) == []
        assert list(empty.walk("k")) == []
        assert empty.owner_many(["k", b"k"]) == [None, None]


def test_it_is_a_collection_of_names(table: Table) -> None:
    assert len(table) == 3
    assert list(table) == ["db1", "db2", "db3"]
    assert "db1" in table
    assert b"db1" in table
    assert "db4" not in table
    assert 1 not in table
    assert None not in table
    assert not Table([])


def test_names_come_back_as_text_or_else_bytes() -> None:
    table = Table([b"caf\xc3\xa9", b"\xff\x00", "\u6771"])
    assert list(table) == ["caf\u00e9", b"\xff\x00", "\u6771"]
    assert {type(table.owner(str(i))) for i in range(100)} == {str, bytes}
    assert b"\xff\x00" in table


def test_attributes(table: Table) -> None:
    assert table.layout == "ringway-v1"
    assert table.options == {}
    assert Table([], vnodes=8, hash_tag="{}").options == {"vnodes": 8, "hash_tag": "{}"}
    assert table.nodes == (
        Node("db1"),
        Node("db2", weight=2, zone="a"),
        Node("db3", zone="a", state="down"),
    )
    node = table.nodes[1]
    assert (node.name, node.weight, node.zone, node.state) == ("db2", 2, "a", "up")
    assert table.nodes[0].zone is None
    for frozen, name in ((table, "layout"), (table, "other"), (node, "weight")):
        with pytest.raises(AttributeError):
            setattr(frozen, name, "x")


def test_options_matter() -> None:
    tagged = Table(["a", "b", "c"], hash_tag="{}")
    assert len({tagged.owner(f"user:{{42}}:{i}") for i in range(50)}) == 1
    plain = Table(["a", "b", "c"])
    assert len({plain.owner(f"user:{{42}}:{i}") for i in range(50)}) == 3
    few = Table(["a", "b", "c"], vnodes=1)
    assert [few.owner(str(i)) for i in range(50)] != [plain.owner(str(i)) for i in range(50)]


def test_equality_and_hash(table: Table) -> None:
    same = Table(table.nodes)
    assert same == table
    assert hash(same) == hash(table)
    others = [
        Table(list(table.nodes)[::-1]),
        Table(table.nodes, vnodes=161),
        Table(table.nodes, hash_tag="{}"),
        Table(table.nodes[:2]),
        Table(["db1", Node("db2", weight=2, zone="b"), Node("db3", zone="a", state="down")]),
        Table(["db1", Node("db2", weight=2, zone="a"), Node("db3", zone="a")]),
        Table(["db1", Node("db2", weight=3, zone="a"), Node("db3", zone="a", state="down")]),
    ]
    for other in others:
        assert other != table
    assert table != "Table"
    assert len({table, same, *others}) == 8
    assert Node("a") == Node(b"a")
    assert hash(Node("a")) == hash(Node(b"a"))
    assert len({Node("a"), Node("a", weight=2), Node("a", zone="a"), Node("a", state="down")}) == 4


def test_repr_can_be_typed_in() -> None:
    names = {"Table": Table, "Node": Node}
    for table in (
        Table([]),
        Table(["a", b"\xff", "it's"], vnodes=3, hash_tag="{}"),
        Table([Node("a", weight=0, zone="z", state="drain"), Node(b"\xfe", zone=b"\xfd")]),
    ):
        assert eval(repr(table), names) == table  # noqa: S307
    assert repr(Table(["a"])) == "Table(['a'], layout='ringway-v1')"
    shown = repr(Table([f"n{i}" for i in range(100)]))
    assert shown.endswith("'n5', ... 94 more], layout='ringway-v1')")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(table: Table, protocol: int) -> None:
    for value in (table, Table([b"\xff"], vnodes=3, hash_tag="{}"), *table.nodes):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert type(again) is type(value)


def test_what_is_frozen_is_its_own_copy(table: Table) -> None:
    owners = table.owner_many(KEYS)
    for value in (table, table.nodes[0], owners):
        assert copy.copy(value) is value
        assert copy.deepcopy([value])[0] is value
    assert pickle.loads(pickle.dumps(owners)) == owners
    assert pickle.loads(pickle.dumps([owners, owners.table]))[0].table == table
    for wrong in (b"1", b"\x05\0\0\0", b"\xfe\xff\xff\xff"):
        with pytest.raises(RingwayError, match="these are no indices of the table's nodes"):
            ringway.Owners._restore(table, wrong)


def test_cluster_files(tmp_path: Path) -> None:
    text = 'layout = "ringway-v1"\n[options]\nvnodes = 40\n[[node]]\nname = "a"\nweight = 2\n'
    expected = Table({"a": 2}, vnodes=40)
    path = tmp_path / "cluster.toml"
    path.write_text(text, encoding="utf-8")
    assert Table.load(path) == Table.load(str(path)) == expected
    assert Table.loads(text) == Table.loads(text.encode()) == expected
    path.write_text(text + "weigth = 1\n", encoding="utf-8")
    with pytest.raises(RingwayError, match=r"cluster\.toml:7: .*weigth"):
        Table.load(path)
    with pytest.raises(RingwayError, match=r"^cluster file:7: .*weigth"):
        Table.loads(text + "weigth = 1\n")
    missing = tmp_path / "missing.toml"
    with pytest.raises(FileNotFoundError) as raised:
        Table.load(missing)
    assert raised.value.filename == str(missing)
    with pytest.raises(IsADirectoryError):
        Table.load(tmp_path)


WRONG_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"nodes": ["a", "b", "a"]}, "nodes 0 and 2 have the same name"),
    ({"nodes": ["a", ""]}, "node 1 has an empty name"),
    ({"nodes": ["a" * 1025]}, "the name of node 0 has 1025 bytes"),
    ({"nodes": {"a": -1}}, "weight must be 0 to 4294967295, not -1"),
    ({"nodes": {"a": 1 << 32}}, "weight must be 0 to 4294967295, not 4294967296"),
    ({"nodes": {"a": 1 << 31}}, "points, but a ring holds at most 16777216"),
    ({"nodes": [], "layout": "ringway-v0"}, '"ringway-v0": unknown layout'),
    ({"nodes": [], "vnode": 3}, "vnode: the layout has no such option"),
    ({"nodes": [], "vnodes": 0}, "vnodes: the option takes a whole number from 1 to 65536"),
    ({"nodes": [], "vnodes": 1 << 70}, "vnodes: 1180591620717411303424 does not fit 64 bits"),
    ({"nodes": [], "vnodes": True}, "vnodes: the option takes a whole number"),
    ({"nodes": [], "hash_tag": "{"}, "hash_tag: the option takes a text of two visible ASCII"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG_VALUES, ids=str)
def test_wrong_values(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(RingwayError) as raised:
        Table(**arguments)
    assert text in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_wrong_values_of_nodes_and_lookups(table: Table) -> None:
    with pytest.raises(RingwayError, match="state must be 'up', 'down' or 'drain', not 'off'"):
        Node("a", state="off")  # type: ignore[arg-type]
    with pytest.raises(RingwayError, match="weight must be 0 to 4294967295, not -1"):
        Node("a", weight=-1)
    with pytest.raises(RingwayError, match="k must be 0 or more, not -1"):
        table.owners("k", -1)
    with pytest.raises(UnicodeEncodeError):
        table.owner("\ud800")


WRONG_TYPES: list[tuple[dict[str, Any], str]] = [
    ({"nodes": "abc"}, "nodes must be an iterable of names and Node objects, or a mapping {name"),
    ({"nodes": b"abc"}, "weight}, not bytes"),
    ({"nodes": None}, "weight}, not None"),
    ({"nodes": 3}, "weight}, not int"),
    ({"nodes": [3]}, "a node's name must be str or bytes, not int"),
    ({"nodes": [bytearray(b"a")]}, "a node's name must be str or bytes, not bytearray"),
    ({"nodes": {"a": 1.5}}, "weight must be int, Decimal or str, not float"),
    ({"nodes": {"a": True}}, "weight must be int, Decimal or str, not bool"),
    ({"nodes": {"a": b"1"}}, "weight must be int, Decimal or str, not bytes"),
    ({"nodes": [], "layout": 3}, "layout must be str, not int"),
    ({"nodes": [], "layout": None}, "layout must be str, not None"),
    ({"nodes": [], "vnodes": None}, "vnodes must be int, str, bool or a list of int, not None"),
    ({"nodes": [], "vnodes": 3.0}, "vnodes must be int, str, bool or a list of int, not float"),
    (
        {"nodes": [], "hash_tag": b"{}"},
        "hash_tag must be int, str, bool or a list of int, not bytes",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG_TYPES, ids=str)
def test_wrong_types(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError) as raised:
        Table(**arguments)
    assert text in str(raised.value)


@pytest.mark.parametrize("key", [None, 3, 1.5, ["k"], Node("k"), array("B", b"k")], ids=repr)
def test_wrong_types_of_keys(table: Table, key: Any) -> None:
    text = "a key must be str, bytes, bytearray or memoryview of bytes, not "
    for look_up in (table.owner, table.index, table.walk, table.key_hash):
        with pytest.raises(TypeError, match=text):
            look_up(key)
    with pytest.raises(TypeError, match=text):
        table.owners(key, 1)
    with pytest.raises(TypeError, match=text):
        table.owner_many(["k", key])


def test_more_wrong_types(table: Table, tmp_path: Path) -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"a key must be .*, not memoryview"):
        table.owner(memoryview(array("I", [1])))
    with pytest.raises(TypeError, match=r"keys must be an iterable of keys, .*, not str"):
        table.owner_many("abc")
    with pytest.raises(TypeError, match=r"keys must be an iterable of keys, .*, not int"):
        table.owner_many(wrong)
    with pytest.raises(TypeError, match="k must be int, not str"):
        table.owners("k", "2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="weight must be int, Decimal or str, not None"):
        Node("a", weight=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="state must be str, not None"):
        Node("a", state=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="state must be str, not int"):
        Node("a", state=wrong)
    with pytest.raises(TypeError, match="zone must be str or bytes, not int"):
        Node("a", zone=wrong)
    with pytest.raises(TypeError):
        Node("a", 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"os\.PathLike"):
        Table.load(wrong)
    with pytest.raises(TypeError, match="the text of a cluster file must be str or bytes, not"):
        Table.loads(tmp_path)  # type: ignore[arg-type]


def test_what_an_iterable_raises_comes_through(table: Table) -> None:
    class OddError(Exception):
        pass

    def broken() -> Any:
        yield "a"
        raise OddError

    with pytest.raises(OddError):
        Table(broken())
    with pytest.raises(OddError):
        table.owner_many(broken())


def test_version_is_cargos() -> None:
    root = Path(__file__).resolve().parents[2]
    manifest = (root / "Cargo.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{ringway.__version__}"\n' in manifest


def test_lists_are_options() -> None:
    names = [f"n{number}" for number in range(10)]
    table = Table(names, layout="memento-v1", removed=[7, 2])
    assert table.options == {"removed": [7, 2]}
    assert repr(table).endswith("... 4 more], layout='memento-v1', removed=[7, 2])")
    assert pickle.loads(pickle.dumps(table)) == table != Table(names, layout="memento-v1")
    owners = {table.owner(f"key-{number}") for number in range(1000)}
    assert owners == set(names) - {"n7", "n2"}
    text = "layout = 'memento-v1'\noptions.removed = [7, 2]\n"
    assert Table.loads(text + "".join(f"[[node]]\nname = '{name}'\n" for name in names)) == table
    back = table.with_node("n2").with_node("n7")
    assert back == Table(names, layout="memento-v1")
    assert back.without_node("n7").without_node("n2") == table
    with pytest.raises(TypeError, match="removed: an item must be int, not str"):
        Table(names, layout="memento-v1", removed=["n7"])  # type: ignore[list-item]
    for wrong in ([10], [1, 1], [-1], [1 << 70]):
        with pytest.raises(RingwayError, match="a list of places"):
            Table(names, layout="memento-v1", removed=wrong)


def test_key_files(tmp_path: Path) -> None:
    digits = "000102030405060708090a0b0c0d0e0f"
    text = "layout = 'ringway-keyed-v1'\noptions.key_file = 'secret.hex'\n[[node]]\nname = 'a'\n"
    path, secret = tmp_path / "cluster.toml", tmp_path / "secret.hex"
    path.write_text(text, encoding="utf-8")
    secret.write_text(digits + "\n", encoding="utf-8")
    expected = Table(["a"], layout="ringway-keyed-v1", key=digits)
    assert Table.load(path) == Table.load(str(path)) == expected
    with pytest.raises(RingwayError, match=r"^cluster file:2: options\.key_file: .*absolute path"):
        Table.loads(text)
    secret.write_text(digits + "0", encoding="utf-8")
    with pytest.raises(
        RingwayError, match=r"cluster\.toml:2: options.key_file: .*33 bytes"
    ) as refused:
        Table.load(path)
    assert digits not in str(refused.value)
