"""ringway.compat.pymemcache in a real HashClient, over memcached on loopback."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uhashring
from processes import free_ports, memcacheds
from pymemcache.client.hash import HashClient
from pymemcache.client.rendezvous import RendezvousHash
from pymemcache.exceptions import MemcacheError
from ringway import Node, RingwayError, Table
from ringway.compat.pymemcache import Hasher

KEYS: list[Any] = [f"user:{number}" for number in range(2000)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    with memcacheds(4, tmp_path_factory.mktemp("memcached")) as ports:
        yield [f"127.0.0.1:{port}" for port in ports]


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """HashClient, but with an end."""
    with ExitStack() as stack:

        def client_of(*arguments: Any, **options: Any) -> Any:
            client = HashClient(*arguments, **options)
            stack.callback(client.close)
            return client

        yield client_of


def test_the_default_is_pymemcaches_own() -> None:
    nodes = [f"cache{number}.test:11211" for number in range(7)] + ["/run/memcached.sock"]
    ours, theirs = Hasher(nodes), RendezvousHash(list(nodes))
    keys = [*KEYS, "", "ключ", "日本😀", b"user:1", b"\xff\x00", "k" * 250]
    assert [ours.get_node(key) for key in keys] == [theirs.get_node(key) for key in keys]
    for change in ("remove_node", "add_node"):
        for hasher in (ours, theirs):
            getattr(hasher, change)(nodes[3])
        assert [ours.get_node(key) for key in keys] == [theirs.get_node(key) for key in keys]


def test_what_one_client_wrote_the_other_reads(servers: list[str], connect: Any) -> None:
    theirs, ours = connect(servers), connect(servers, hasher=Hasher)
    values = {key: f"value of {key}".encode() for key in KEYS[:400]}
    assert theirs.set_many(values, noreply=False) == []
    assert ours.get_many(list(values)) == values
    assert ours.get(KEYS[0]) == values[KEYS[0]]
    assert {ours._get_client(key).server for key in values} == {
        (host, int(port)) for host, port in (server.split(":") for server in servers)
    }
    assert ours.delete(KEYS[0], noreply=False)
    assert theirs.get(KEYS[0]) is None


def test_another_client_by_its_layout_and_names(servers: list[str], connect: Any) -> None:
    names = dict(zip(servers, ["a", "b", "c", "d"], strict=True))
    nodes = {
        server: Node(name, weight=place + 1) for place, (server, name) in enumerate(names.items())
    }
    ring = uhashring.HashRing({"a": 1, "b": 2, "c": 3, "d": 4}, hash_fn="ketama")
    hasher = Hasher.using("uhashring-ketama", servers=nodes)
    with_names = connect(servers, hasher=hasher)
    for key in KEYS:
        host, port = with_names._get_client(key).server
        assert names[f"{host}:{port}"] == ring.get_node(key)
    assert with_names.set("user:1", b"x", noreply=False)
    assert connect(servers, hasher=hasher).get("user:1") == b"x"


def test_a_cluster_file_says_it_all(tmp_path: Path) -> None:
    text = """
layout = "twemproxy-ketama"
[options]
hash = "md5"
[[node]]
name = "cache1"
address = "10.0.0.1:11211"
weight = 2
[[node]]
name = "cache2"
address = "10.0.0.2:11211"
"""
    path = tmp_path / "cluster.toml"
    path.write_text(text, encoding="utf-8")
    hasher = Hasher.load(path)()
    for server in ("10.0.0.2:11211", "10.0.0.1:11211"):
        hasher.add_node(server)
    table = Table.load(path)
    by_name = {"cache1": "10.0.0.1:11211", "cache2": "10.0.0.2:11211"}
    for key in KEYS[:200]:
        assert hasher.get_node(key) == by_name[str(table.owner(key))]
    path.write_text(text.replace('address = "10.0.0.2:11211"', ""), encoding="utf-8")
    with pytest.raises(RingwayError, match="'cache2' has no address; add address = "):
        Hasher.load(path)
    with pytest.raises(OSError, match=r"absent\.toml"):
        Hasher.load(tmp_path / "absent.toml")


def test_a_dead_server_goes_and_comes_back(servers: list[str], connect: Any) -> None:
    dead = f"127.0.0.1:{free_ports(1)[0]}"
    options: dict[str, Any] = {"retry_attempts": 0, "ignore_exc": True, "dead_timeout": 3600}
    client = connect([*servers, dead], hasher=Hasher, **options)
    key = next(key for key in KEYS if client.hasher.get_node(key) == dead)
    assert client.get(key) is None
    assert dead not in client.hasher.nodes
    assert client.set(key, b"elsewhere", noreply=False)
    assert client.get(key) == b"elsewhere"
    client.add_server(dead)
    assert client.hasher.get_node(key) == dead


def test_who_comes_back_takes_the_old_place() -> None:
    nodes = ["a:1", "b:1", "c:1"]
    hasher = Hasher(nodes, layout="libmemcached-modula")
    before = [hasher.get_node(key) for key in KEYS]
    hasher.remove_node("a:1")
    assert [hasher.get_node(key) for key in KEYS] != before
    assert hasher.nodes == nodes[1:]
    hasher.add_node("a:1")
    assert [hasher.get_node(key) for key in KEYS] == before
    assert hasher.nodes == nodes
    assert list(hasher.table) == nodes


def test_no_server_has_no_keys() -> None:
    assert Hasher().get_node("key") is None
    with pytest.raises(MemcacheError, match="All servers seem to be down"):
        HashClient([], hasher=Hasher).get("key")
    # Some programs leave such keys to chance.
    assert Hasher(["a:1", "b:1"], layout="nginx").get_node("") is None


def test_wrong_hashers() -> None:
    with pytest.raises(RingwayError, match="nosuch"):
        Hasher.using("nosuch")
    with pytest.raises(RingwayError, match="hash"):
        Hasher.using("twemproxy-ketama", hash="nosuch")
    hasher = Hasher(["a:1"], servers={"a:1": "cache", "b:1": "cache"})
    with pytest.raises(RingwayError, match="servers a:1 and b:1 are both called 'cache'"):
        hasher.add_node("b:1")
    with pytest.raises(ValueError, match="No such node b:1 to remove"):
        hasher.remove_node("b:1")
    weighty = Hasher.using("haproxy-map", servers={"a:1": Node("a", weight=257)})()
    with pytest.raises(RingwayError, match="takes up to 256"):
        weighty.add_node("a:1")
    assert hasher.nodes == ["a:1"]
    assert weighty.nodes == []


@pytest.mark.parametrize("layout", ["pymemcache", "uhashring-ketama", "ringway-v1"])
def test_any_order_of_changes_ends_alike(layout: str) -> None:
    source = random.Random(3)  # noqa: S311 - it repeats
    nodes = [f"10.0.0.{number}:11211" for number in range(12)]
    hasher = Hasher(nodes, layout=layout)
    for _ in range(40):
        node = source.choice(nodes)
        if node in hasher.nodes and len(hasher.nodes) > 1:
            hasher.remove_node(node)
        else:
            hasher.add_node(node)
        fresh = Hasher(hasher.nodes, layout=layout)
        assert [hasher.get_node(key) for key in KEYS[:50]] == [
            fresh.get_node(key) for key in KEYS[:50]
        ]


def test_nothing_else_is_imported() -> None:
    code = (
        "import sys, ringway, ringway.compat, ringway.compat.uhashring, ringway.compat.jump\n"
        "import ringway.compat.uhashring.monkey, ringway.compat.pymemcache, ringway.compat.redis\n"
        "wrong = {'redis', 'pymemcache', 'uhashring', 'memcache', 'numpy', 'matplotlib'}\n"
        "sys.exit(str(wrong & set(sys.modules)) if wrong & set(sys.modules) else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - the test's own words
