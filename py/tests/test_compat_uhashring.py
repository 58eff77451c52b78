"""ringway.compat.uhashring beside uhashring itself: the same answers to everything it documents."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import uhashring
from ringway import RingwayError
from ringway.compat.uhashring import HashRing, monkey

KEYS: list[Any] = ["", "ключ", "日本", b"bytes", 7, -1, 2.5, None, ("a", 1), True]
KEYS += [f"user:{number}" for number in range(2000)]

Change = Callable[[Any], object]


class Text(str):
    """A str whose text is another."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"text of {super().__str__()}"


def weight_by_name(**conf: Any) -> int:
    return int(str(conf["nodename"])[-1])


NODES: dict[str, Any] = {
    "one name": "node1",
    "none": [],
    "three": ["node1", "node2", "node3"],
    "weights": {"node1": 1, "node2": 2, "node3": 7},
    "no weight": {"node1": 1, "node2": 0, "node3": 2},
    "hundred": [f"10.0.0.{number}:11211" for number in range(100)],
    "hundred weighted": {f"cache{number}": number % 7 + 1 for number in range(100)},
    "confs": {
        "node1": {"hostname": "node1.fqdn", "instance": "client1", "port": 6379, "vnodes": 40},
        "node2": {"hostname": "node2.fqdn", "instance": "client2", "vnodes": 40, "weight": 3},
        "node3": {"port": 6380, "unknown": "is passed over"},
        "node4": 5,
    },
    "small": {"node1": 1, "node2": 100},
    "not str": [1, 2, ("a", "b"), "ключ"],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "md5": {},
    "vnodes": {"vnodes": 7},
    "weight_fn": {"weight_fn": weight_by_name},
    "ketama": {"hash_fn": "ketama"},
    "ketama vnodes": {"hash_fn": "ketama", "vnodes": 100},
    "ketama replicas": {"hash_fn": "ketama", "replicas": 3},
    "ketama weight_fn": {"hash_fn": "ketama", "weight_fn": weight_by_name},
}


def same(ours: HashRing, theirs: Any, keys: list[Any] = KEYS) -> None:
    """Everything that tells of the ring is the same."""
    assert [ours.get_node(key) for key in keys] == [theirs.get_node(key) for key in keys]
    assert ours.get_points() == theirs.get_points()
    assert ours.ring == ours.continuum == theirs.ring
    assert ours.distribution == theirs.distribution
    assert ours.size == theirs.size
    assert ours.nodes == ours.conf == theirs.conf
    assert list(ours.get_nodes()) == list(theirs.get_nodes())
    assert ours.get_instances() == theirs.get_instances()
    for key in keys[:40]:
        assert ours.get(key) == theirs.get(key)
        assert ours[key] == theirs[key] == ours.get_node_instance(key)
        assert ours.get_key(key) == ours.hashi(key) == theirs.hashi(key)
        for field in ("hostname", "port", "weight", "pos"):
            name = f"get_node_{field}"
            assert getattr(ours, name)(key) == getattr(theirs, name)(key)
        assert ours.get_server(key) == theirs.get_server(key)
        assert list(ours.iterate_nodes(key)) == list(theirs.iterate_nodes(key))
        given: list[dict[str, Any]] = [{"size": 2}, {"size": 0}, {"size": 9, "unique": False}]
        for arguments in given if theirs.size else []:
            assert list(ours.range(key, **arguments)) == list(theirs.range(key, **arguments))
    for key in keys[:3]:
        found = list(ours.iterate_nodes(key, distinct=False))
        assert found == list(theirs.iterate_nodes(key, distinct=False))
        assert len(found) == theirs.size or found == [None]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("nodes", NODES)
def test_a_ring_is_the_same(nodes: str, options: str) -> None:
    given = NODES[nodes]
    if "weight_fn" in options and nodes in {"not str", "hundred", "hundred weighted"}:
        given = [f"node{number}" for number in range(10, 20)]
    same(HashRing(given, **OPTIONS[options]), uhashring.HashRing(given, **OPTIONS[options]))


CHANGES: dict[str, Change] = {
    "add": lambda ring: ring.add_node("node4"),
    "add weight": lambda ring: ring.add_node("node4", {"weight": 10}),
    "add int": lambda ring: ring.add_node("node4", 2),
    "set item": lambda ring: ring.__setitem__("node4", {"vnodes": 3}),
    "set again": lambda ring: ring.add_node("node2", {"weight": 5, "port": 7}),
    "set vnodes": lambda ring: ring.add_node("node2", {"vnodes": 9}),
    "set back": lambda ring: ring.add_node("node2"),
    "port alone": lambda ring: ring.add_node("node3", {"port": 1}),
    "remove": lambda ring: ring.remove_node("node2"),
    "delete": lambda ring: ring.__delitem__("node1"),
    "edit": lambda ring: ring.nodes["node3"].update(weight=4),
    "regenerate": lambda ring: ring.regenerate(),
}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("options", [{}, {"hash_fn": "ketama"}], ids=["md5", "ketama"])
def test_changes_are_the_same(options: dict[str, Any], seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - it repeats
    given = ["node1", "node2", "node3"]
    ours, theirs = HashRing(given, **options), uhashring.HashRing(given, **options)
    for _ in range(8):
        name = source.choice(list(CHANGES))
        outcomes = []
        for ring in (ours, theirs):
            try:
                CHANGES[name](ring)
                outcomes.append("done")
            except KeyError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1], (seed, name)
        same(ours, theirs, KEYS[:300])


def test_a_weight_that_changes_is_taken_up() -> None:
    weights = {"node1": 1, "node2": 1}

    def weight_fn(**conf: Any) -> int:
        return weights[conf["nodename"]]

    ours = HashRing(list(weights), weight_fn=weight_fn)
    theirs = uhashring.HashRing(list(weights), weight_fn=weight_fn)
    weights["node1"] = 4
    same(ours, theirs)
    ours.regenerate()
    theirs.regenerate()
    same(ours, theirs)
    assert ours.distribution == {"node1": 640, "node2": 160}


def test_keys_are_what_they_print_as() -> None:
    ours, theirs = HashRing(NODES["hundred"]), uhashring.HashRing(NODES["hundred"])
    text = Text("user:1")
    assert ours.get_node(text) == theirs.get_node(text) == ours.get_node("text of user:1")
    assert ours.get_node(b"k") == ours.get_node("b'k'")


def test_reports_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    rings: list[Any] = [NODES["weights"], []]
    for given in rings:
        HashRing(given).print_continuum()
        ours = capsys.readouterr().out
        uhashring.HashRing(given).print_continuum()
        assert ours == capsys.readouterr().out
    assert ours == "Continuum empty\n"


def test_its_readme_works() -> None:
    ring = HashRing(nodes=["node1", "node2", "node3"])
    before = {key: ring.get_node(key) for key in KEYS}
    ring.remove_node("node2")
    assert all(ring.get_node(key) == node for key, node in before.items() if node != "node2")
    ring.add_node("node2")
    assert {key: ring.get_node(key) for key in KEYS} == before
    clients: dict[str, dict[str, str]] = {"node1": {}, "node2": {}}
    instances = HashRing({name: {"instance": client} for name, client in clients.items()})
    instances["coconut"]["coconut"] = "my_value"
    assert instances["coconut"]["coconut"] == "my_value"
    assert sum(len(client) for client in clients.values()) == 1


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (3, {}, ValueError, "should be a list or a dict, got <class 'int'>"),
    ({"a": "b"}, {}, ValueError, "should be a dict or an int, got <class 'str'>"),
    (["a"], {"weight_fn": 3}, TypeError, "weight_fn should be a callable function"),
    (["a"], {"hash_fn": "crc"}, TypeError, "hash_fn should be None or 'ketama', not 'crc'"),
    (["a"], {"hash_fn": hash}, TypeError, "cannot be a function here: .* hash_fn='ketama'"),
    ({"a": -1}, {}, RingwayError, "weight must be 0 to 4294967295"),
    (
        {"a": {"weight": 1.5}},
        {},
        RingwayError,
        "weight of node 'a' must be a whole number, not 1.5",
    ),
    (
        {"a": {"vnodes": "7"}},
        {},
        RingwayError,
        "vnodes of node 'a' must be a whole number, not '7'",
    ),
    (["a"], {"vnodes": 1 << 25}, RingwayError, "points"),
    (["a"], {"hash_fn": "ketama", "replicas": 5}, RingwayError, "replicas.*1 to 4"),
    ([1, "1"], {}, RingwayError, "name"),
]


@pytest.mark.parametrize(("nodes", "options", "kind", "text"), WRONG, ids=str)
def test_wrong_rings(nodes: Any, options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        HashRing(nodes, **options)


def test_a_refused_change_changes_nothing() -> None:
    ring = HashRing(["a", "b"])
    before = ring.get_points()
    with pytest.raises(RingwayError):
        ring.add_node("c", {"weight": -3})
    with pytest.raises(KeyError, match="node 'd' not found, available nodes"):
        ring.remove_node("d")
    assert ring.get_points() == before
    assert list(ring.nodes) == ["a", "b"]
    with pytest.raises(TypeError, match="only ketama's hash has replicas"):
        ring.hashi("key", 2)
    ketama = HashRing(["a"], hash_fn="ketama"), uhashring.HashRing(["a"], hash_fn="ketama")
    for replica in range(4):
        assert ketama[0].hashi("key", replica) == ketama[1].hashi("key", replica)


def test_the_table_is_there_for_more() -> None:
    ring = HashRing({"a": 1, "b": 2}, hash_fn="ketama")
    assert ring.table.layout == "uhashring-ketama"
    assert list(ring.table.owner_many(["x", "y"])) == [ring.get_node("x"), ring.get_node("y")]


def test_python_memcached_can_be_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    import memcache  # noqa: PLC0415 - it is patched

    for name in ("__init__", "_get_server"):
        monkeypatch.setattr(memcache.Client, name, getattr(memcache.Client, name))
    monkeypatch.setattr(memcache._Host, "connect", lambda _: True)
    servers = [("node1.test:11211", 1), ("node2.test:11211", 3)]
    monkey.patch_memcache()
    monkey.patch_memcache()
    client = memcache.Client(servers)
    theirs = uhashring.HashRing({"node1.test": 1, "node2.test": 3})
    for key in KEYS[20:220]:
        server, found = client._get_server(key)
        assert (server.ip, found) == (theirs.get_node(key), key)
    assert client._get_server((0, "key"))[1] == "key"
    monkeypatch.setattr(memcache._Host, "connect", lambda _: False)
    assert client._get_server("key") == (None, None)
    for name in ("_old_get_server", "_old_init"):
        delattr(memcache.Client, name)
