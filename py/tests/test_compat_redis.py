"""ringway.compat.redis over redis-server on loopback, beside twemproxy and a Redis Cluster."""

import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from processes import SECONDS_MAX, free_ports, program, redises, running
from redis.cluster import RedisCluster
from ringway import Node, RingwayError, Table
from ringway.compat.redis import COMMANDS, CrossNodeError, NoOwnerError, Router

KEYS = [f"user:{number}" for number in range(300)]
NAMES = ["redis1", "redis2", "redis3"]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    with redises(3, tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def router(ports: list[int]) -> Iterator[Router]:
    nodes = {name: f"127.0.0.1:{port}" for name, port in zip(NAMES, ports, strict=True)}
    with Router(nodes, connect={"decode_responses": True}) as router:
        for client in router.clients.values():
            client.flushall()
        yield router


def test_commands_go_to_the_keys_node(router: Router) -> None:
    table = Table(NAMES)
    for number, key in enumerate(KEYS):
        assert router.set(key, number, ex=600)
        assert router.owner(key) == table.owner(key)
    for key in KEYS:
        found = [name for name, client in router.clients.items() if client.exists(key)]
        assert found == [table.owner(key)]
        assert router.get(key) == str(KEYS.index(key))
    assert router.hset("hash", mapping={"a": 1}) == 1
    assert router.hgetall("hash") == {"a": "1"}
    assert router.client("hash").lock("hash") is not None
    assert router.zadd(b"bytes", {"a": 1}) == router.zcard("bytes") == 1
    assert router.incr(7) == 1
    assert router.client("7").get("7") == "1"
    assert router.set(2.5, "x")
    assert router.client("2.5").get("2.5") == "x"


def test_many_keys_over_all_nodes(router: Router) -> None:
    values = {key: f"value of {key}" for key in KEYS}
    assert router.mset(values)
    wanted = [*KEYS[::-1], "absent", KEYS[0], KEYS[0]]
    assert router.mget(wanted) == [values.get(key) for key in wanted]
    assert router.mget(iter(wanted[:3])) == [values[key] for key in wanted[:3]]
    assert router.mget([]) == []
    assert router.exists(KEYS[0], KEYS[0], "absent", KEYS[1]) == 3
    assert router.touch(*KEYS[:50]) == 50
    assert router.delete(*KEYS[:10], "absent") == 10
    assert router.unlink(*KEYS) == len(KEYS) - 10
    assert router.exists(*KEYS) == 0
    assert router.mset({})
    assert router.delete() == 0


def test_a_pipeline_answers_in_order(router: Router) -> None:
    pipe = router.pipeline()
    for number, key in enumerate(KEYS):
        pipe.set(key, number).get(key)
    assert len(pipe) == 2 * len(KEYS)
    answers = pipe.execute()
    assert answers[0::2] == [True] * len(KEYS)
    assert answers[1::2] == [str(number) for number in range(len(KEYS))]
    assert len(pipe) == 0
    assert pipe.execute() == []
    with router.pipeline(transaction=True) as transaction:
        transaction.incr(KEYS[3], 10).incr(KEYS[4])
        assert transaction
        assert transaction.execute() == [13, 5]
        transaction.set(KEYS[3], "never")
    assert router.get(KEYS[3]) == "13"


def test_a_pipelines_errors_stand_where_they_happened(router: Router) -> None:
    router.mset(dict.fromkeys(KEYS[:20], "text"))
    pipe = router.pipeline()
    pipe.get(KEYS[0]).lpush(KEYS[1], "x").get(KEYS[2])
    answers = pipe.execute(raise_on_error=False)
    assert (answers[0], answers[2]) == ("text", "text")
    assert isinstance(answers[1], redis.ResponseError)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        router.pipeline().lpush(KEYS[1], "x").set(KEYS[2], "set anyway").execute()
    assert router.get(KEYS[2]) == "set anyway"


def test_a_dead_node_fails_its_own_commands_only(ports: list[int]) -> None:
    dead = free_ports(1)[0]
    nodes = {"a": f"127.0.0.1:{ports[0]}", "b": f"redis://127.0.0.1:{dead}/0"}
    retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    with Router(nodes, connect={"retry": retry}) as router:
        by_node = router.split(KEYS[:40])
        assert set(by_node) == {"a", "b"}
        pipe = router.pipeline()
        for key in KEYS[:40]:
            pipe.set(key, key)
        answers = pipe.execute(raise_on_error=False)
        for key, answer in zip(KEYS, answers, strict=False):
            if key in by_node["a"]:
                assert answer is True
            else:
                assert isinstance(answer, redis.ConnectionError)
        for key in KEYS[:40]:
            pipe.get(key)
        with pytest.raises(redis.ConnectionError):
            pipe.execute()
        assert router.mget(by_node["a"]) == [key.encode() for key in by_node["a"]]
        with pytest.raises(redis.ConnectionError):
            router.mget(KEYS[:40])


@contextmanager
def twemproxy(folder: Path, ports: list[int], settings: str) -> Iterator[redis.Redis]:
    """A client of nutcracker over these servers, which are called redis1 and on."""
    path, port = program("nutcracker"), free_ports(1)[0]
    servers = "".join(
        f"    - 127.0.0.1:{server}:{weight} {name}\n"
        for server, weight, name in zip(ports, (1, 2, 3), NAMES, strict=True)
    )
    text = f"pool:\n  listen: 127.0.0.1:{port}\n  redis: true\n{settings}  servers:\n{servers}"
    conf = folder / "nutcracker.yml"
    conf.write_text(text, encoding="utf-8")
    stats = free_ports(1)[0]
    # It knows neither HELLO nor CLIENT, with which redis-py would begin.
    plain: dict[str, Any] = {"protocol": 2, "driver_info": None}
    arguments = [path, "-c", str(conf), "-s", str(stats), "-a", "127.0.0.1"]
    with (
        running(arguments, port, folder / "nutcracker.log"),
        redis.Redis(port=port, decode_responses=True, **plain) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("settings", "layout", "options"),
    [
        ("  hash: md5\n  distribution: ketama\n", "twemproxy-ketama", {"hash": "md5"}),
        (
            '  distribution: ketama\n  hash_tag: "{}"\n  hash: fnv1a_64\n',
            "twemproxy-ketama",
            {"hash_tag": "{}"},
        ),
        ("  hash: crc32a\n  distribution: modula\n", "twemproxy-modula", {"hash": "crc32a"}),
    ],
)
def test_what_twemproxy_wrote_is_found(
    ports: list[int], tmp_path: Path, settings: str, layout: str, options: dict[str, Any]
) -> None:
    weights = zip(NAMES, (1, 2, 3), ports, strict=True)
    nodes = {
        Node(name, weight=weight): redis.Redis(port=port, decode_responses=True)
        for name, weight, port in weights
    }
    with Router(nodes, layout=layout, **options) as router:
        for client in router.clients.values():
            client.flushall()
        keys = [*KEYS, *(f"{{room:{number}}}:{number % 7}" for number in range(100)), "ключ"]
        with twemproxy(tmp_path, ports, settings) as old:
            for key in keys:
                old.set(key, key)
            assert router.mget(keys) == keys
            # FNV spreads such keys badly: one server may have none.
            assert sum(bool(client.dbsize()) for client in router.clients.values()) >= 2
            router.mset({key: f"new {key}" for key in keys})
            assert [old.get(key) for key in keys] == [f"new {key}" for key in keys]


def test_a_redis_cluster_is_never_asked_wrongly(tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
    with redises(3, tmp_path, *options) as found, ExitStack() as stack:
        addresses = [f"127.0.0.1:{port}" for port in found]
        create = [program("redis-cli"), "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True, timeout=60)  # noqa: S603
        nodes = {address: address for address in addresses}
        router = stack.enter_context(Router(nodes, layout="redis-cluster"))
        deadline = time.monotonic() + SECONDS_MAX
        masters: list[Any] = list(router.clients.values())
        while any(
            master.execute_command("CLUSTER INFO")["cluster_state"] != "ok" for master in masters
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        theirs: Any = RedisCluster(host="127.0.0.1", port=found[0])
        stack.callback(theirs.close)
        keys = [*KEYS, *(f"{{tag{number}}}:a" for number in range(50))]
        # A server answers MOVED, which is an error, to a key of another.
        for key in keys:
            assert router.set(key, key)
            assert router.owner(key) == theirs.get_node_from_key(key).name
        assert [theirs.get(key) for key in keys] == [key.encode() for key in keys]
        assert router.client("{a}1", "{a}2").mget("{a}1", "{a}2") == [None, None]


def test_keys_that_belong_together(router: Router) -> None:
    clients = {name: router.client(key) for name, key in zip(NAMES, KEYS, strict=False)}
    assert clients
    tagged = Router(router.clients, hash_tag="{}")
    client = tagged.client("{user:1}:a", "{user:1}:b", b"user:1")
    assert client is tagged.clients[tagged.owner("user:1")]
    assert client.mset({"{user:1}:a": 1, "{user:1}:b": 2})
    one = KEYS[0]
    other = next(key for key in KEYS if router.owner(key) != router.owner(one))
    with pytest.raises(CrossNodeError, match=r"'user:0' is on node .* need a common tag"):
        router.client(one, other)


def test_a_cluster_file_says_it_all(ports: list[int], tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    rows = [
        f'[[node]]\nname = "{name}"\naddress = "127.0.0.1:{port}"\nweight = 2\n'
        for name, port in zip(NAMES, ports, strict=True)
    ]
    path.write_text("[options]\nvnodes = 40\n" + "".join(rows), encoding="utf-8")
    with Router.load(path, connect={"decode_responses": True}) as router:
        assert router.table == Table.load(path)
        assert router.set("key", "value")
        assert router.get("key") == "value"
        text = repr(router)
    assert text == "<Router 'ringway-v1' of ['redis1', 'redis2', 'redis3']>"


def test_every_command_begins_with_its_key() -> None:
    for command in COMMANDS:
        parameters = list(inspect.signature(getattr(redis.Redis, command)).parameters)
        assert parameters[0] == "self"
        assert parameters[1] in {"name", "key"}, command
        assert not hasattr(Router, command)
    assert {"get", "set", "hset", "zadd", "xadd", "expire", "ttl"} <= COMMANDS
    assert set(dir(Router({}))) > COMMANDS


def test_other_commands_are_named_with_the_remedy(router: Router) -> None:
    for what in (router, router.pipeline()):
        with pytest.raises(AttributeError, match=r"has no 'sinterstore': .* router\.client\(key"):
            what.sinterstore("a", ["b"])
        with pytest.raises(AttributeError, match=r"has no '_nothing'$"):
            what._nothing("a")


def test_keys_without_owner() -> None:
    with pytest.raises(NoOwnerError, match="no node owns the key 'k': there are no nodes"):
        Router({}).get("k")
    client = redis.Redis()
    router = Router({"a": client, "b": client}, layout="nginx")
    with pytest.raises(NoOwnerError, match="no node owns the key '': the layout cannot read it"):
        router.mget(["k", ""])
    with pytest.raises(TypeError, match=r"a key must be .*, not bool"):
        router.owner(True)  # noqa: FBT003
    with pytest.raises(TypeError, match=r"a key must be .*, not None"):
        router.owner(None)  # type: ignore[arg-type]


def test_wrong_routers(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RingwayError, match="nosuch"):
        Router({"a": "127.0.0.1:1"}, layout="nosuch")
    with pytest.raises(ValueError, match="scheme"):
        Router({"a": "http://127.0.0.1"})
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match="pip install redis"):
        Router({"a": "127.0.0.1:1"})
