"""Many Redis servers as one map: the client for a key, over redis-py.

    from ringway.compat.redis import Router

    router = Router({"redis1": "10.0.0.1:6379", "redis2": "10.0.0.2:6379"})
    router.set("user:42", "Ada")
    router.client("user:42")                    # the redis.Redis that has it
    router.mget(["user:1", "user:2"])           # one round trip for each server

The layout is a proxy's or client's that placed the keys, so that they stay where they are, or one
of Ringway's own: Router(nodes, layout="twemproxy-ketama", hash="md5"). The servers are plain
ones, which know nothing of each other; with layout="redis-cluster" they may be the masters of
a Redis Cluster that has its slots as redis-cli --cluster create gave them.

What is done on several servers is not atomic: each server does its part by itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, cast

from ringway import Node, Table
from ringway.compat import _cluster

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    import redis

__all__ = ["COMMANDS", "CrossNodeError", "NoOwnerError", "Pipeline", "Router"]

_Key: TypeAlias = str | bytes | bytearray | memoryview | int | float
_Name: TypeAlias = str | bytes
_Client: TypeAlias = "redis.Redis"

COMMANDS: Final = frozenset(
    """
    append bitcount bitfield bitfield_ro bitpos debug_object decr decrby dump expire expireat
    expiretime geoadd geodist geohash geopos geosearch get getbit getdel getex getrange getset
    hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat
    hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset
    hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat lindex linsert llen lpop lpos lpush
    lpushx lrange lrem lset ltrim memory_usage persist pexpire pexpireat pexpiretime pfadd psetex
    pttl restore rpop rpush rpushx sadd scard set setbit setex setnx setrange sismember smembers
    smismember spop srandmember srem sscan strlen substr ttl type xack xadd xautoclaim xclaim xdel
    xgroup_create xgroup_createconsumer xgroup_delconsumer xgroup_destroy xgroup_setid
    xinfo_consumers xinfo_groups xinfo_stream xlen xpending xpending_range xrange xrevrange xtrim
    zadd zcard zcount zincrby zlexcount zmscore zpopmax zpopmin zrandmember zrange zrangebylex
    zrangebyscore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange
    zrevrangebylex zrevrangebyscore zrevrank zscan zscore
    """.split()  # noqa: SIM905 - a list of words is read more easily than one of strings
)
"""The commands of redis-py of one key, which comes first: what routers and pipelines pass on."""


class NoOwnerError(LookupError):
    """A key that no node may own: there is none with weight, or the layout cannot read it."""


class CrossNodeError(ValueError):
    """Keys that one client was asked for, and that are on several."""


class Router:
    """The clients of many Redis servers, by key.

    nodes is a mapping from names, or Nodes with weights and what else the layout reads, to what
    each is reached by: a redis.Redis, a URL ("redis://...", "rediss://...", "unix://..."), or
    "host:port". Clients that are made here get the keywords of connect, such as
    {"decode_responses": True}. layout and options are those of ringway.Table.

    The commands of COMMANDS, of one key, are methods, with redis-py's arguments and answers;
    mget, mset, delete, unlink, exists and touch take keys of several servers, which are asked
    one after another. For others take client(). A router does not change: for other nodes
    make another with the same clients. Threads may share it, as they may share redis-py's clients.

    Clients of redis.asyncio do for client(), owner() and split(), which ask no server.

    Raises RingwayError if the nodes make no table, ImportError if a client is to be made and
    redis-py is not installed.
    """

    def __init__(
        self,
        nodes: Mapping[_Name, _Client | str]
        | Mapping[str, _Client | str]
        | Mapping[str, _Client]
        | Mapping[str, str]
        | Mapping[Node, _Client | str]
        | Mapping[Node, _Client]
        | Mapping[Node, str],
        *,
        layout: str = "ringway-v1",
        connect: Mapping[str, Any] | None = None,
        **options: int | str | list[int],
    ) -> None:
        """Make the table, and clients where there are none; the class says of what."""
        self._table = Table(list(nodes), layout=layout, **options)
        targets = cast("Iterable[Any]", nodes.values())
        names = [node.name for node in self._table.nodes]
        self._clients: dict[_Name, _Client] = {
            name: _client(target, dict(connect or {}))
            for name, target in zip(names, targets, strict=True)
        }

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], /, *, connect: Mapping[str, Any] | None = None
    ) -> Self:
        """The router of a cluster file, whose nodes have addresses.

        Raises OSError or RingwayError as Table.load does, and if a node has no address.
        """
        table, servers = _cluster.load(path)
        nodes = {node: address for address, node in servers.items()}
        return cls(nodes, layout=table.layout, connect=connect, **table.options)

    @property
    def table(self) -> Table:
        """The table by which keys are routed."""
        return self._table

    @property
    def clients(self) -> dict[_Name, _Client]:
        """The client of each node, by name, in the order of the nodes."""
        return dict(self._clients)

    def owner(self, key: _Key, /) -> _Name:
        """The name of the node that has the key; NoOwnerError if none may."""
        return self._owner_of(key, self._table.owner(_hashed(key)))

    def _owner_of(self, key: _Key, owner: _Name | None) -> _Name:
        if owner is not None:
            return owner
        why = "the layout cannot read it" if len(self._clients) else "there are no nodes"
        msg = f"no node owns the key {key!r}: {why}, or no node has weight"
        raise NoOwnerError(msg)

    def client(self, key: _Key, /, *more: _Key) -> _Client:
        """The client that has the key, and all others that are given.

        Raises CrossNodeError if they are on several nodes, NoOwnerError if one is on none.
        """
        owner = self.owner(key)
        for other in more:
            if (elsewhere := self.owner(other)) != owner:
                msg = (
                    f"{key!r} is on node {owner!r} and {other!r} on {elsewhere!r}; keys that "
                    "belong together need a common tag, as in user:{42}:name, and a layout with "
                    "hash_tag"
                )
                raise CrossNodeError(msg)
        return self._clients[owner]

    def split(self, keys: Iterable[_Key], /) -> dict[_Name, list[Any]]:
        """The keys by the name of their node, in their order; NoOwnerError if one has none."""
        keys = list(keys)
        split: dict[_Name, list[Any]] = {}
        for key, owner in zip(keys, self._table.owner_many(map(_hashed, keys)), strict=True):
            split.setdefault(self._owner_of(key, owner), []).append(key)
        return split

    def mget(self, keys: Iterable[_Key], /) -> list[Any]:
        """The values of keys, in their order; None for one that is not there."""
        asked: list[Any] = list(keys)
        places: dict[_Name, list[int]] = {}
        owners = self._table.owner_many(map(_hashed, asked))
        for place, (key, owner) in enumerate(zip(asked, owners, strict=True)):
            places.setdefault(self._owner_of(key, owner), []).append(place)
        values: list[Any] = [None] * len(asked)
        for owner, its in places.items():
            answers = cast("list[Any]", self._clients[owner].mget([asked[place] for place in its]))
            for place, value in zip(its, answers, strict=True):
                values[place] = value
        return values

    def mset(self, mapping: Mapping[Any, Any], /) -> bool:
        """Set keys to values; True if every server did. Atomic on each server only."""
        done = [
            bool(self._clients[owner].mset({key: mapping[key] for key in keys}))
            for owner, keys in self.split(mapping).items()
        ]
        return all(done)

    def delete(self, *keys: _Key) -> int:
        """Remove keys; how many there were."""
        return self._count("delete", keys)

    def unlink(self, *keys: _Key) -> int:
        """Remove keys, and let the servers free memory later; how many there were."""
        return self._count("unlink", keys)

    def exists(self, *keys: _Key) -> int:
        """How many of the keys there are; one that is named twice counts twice."""
        return self._count("exists", keys)

    def touch(self, *keys: _Key) -> int:
        """Mark keys as used just now; how many there were."""
        return self._count("touch", keys)

    def _count(self, command: str, keys: Iterable[_Key]) -> int:
        split = self.split(keys).items()
        return sum(int(getattr(self._clients[owner], command)(*its)) for owner, its in split)

    def pipeline(self, *, transaction: bool = False) -> Pipeline:
        """Commands that are sent at once, to each server its own: see Pipeline.

        With transaction=True each server does its part as a whole (MULTI, EXEC); there is
        no transaction over several.
        """
        return Pipeline(self, transaction=transaction)

    def close(self) -> None:
        """Close the connections of all clients, also of those that were given."""
        for client in self._clients.values():
            client.close()

    def __enter__(self) -> Self:
        """The router itself; the end of the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the clients."""
        self.close()

    def __getattr__(self, command: str) -> Callable[..., Any]:
        """A command of COMMANDS, which goes to the client that has the key."""
        if command not in COMMANDS:
            raise AttributeError(_no_command("Router", command))

        def routed(key: _Key, /, *arguments: Any, **options: Any) -> Any:
            return getattr(self.client(key), command)(key, *arguments, **options)

        routed.__name__ = command
        return routed

    def __dir__(self) -> list[str]:
        """The commands too, for shells that complete names."""
        return sorted({*super().__dir__(), *COMMANDS})

    def __repr__(self) -> str:
        """Layout and names; no addresses, in which there may be passwords."""
        return f"<Router {self._table.layout!r} of {list(self._clients)!r}>"


class Pipeline:
    """Commands of COMMANDS that are kept, and sent to all servers by execute().

    Each returns the pipeline, so that they can be chained. There is one round trip for each
    server that has keys here. Belongs to one thread.
    """

    def __init__(self, router: Router, *, transaction: bool) -> None:
        """Begin without commands."""
        self._router = router
        self._transaction = transaction
        self._pipes: dict[_Name, Any] = {}
        self._owners: list[_Name] = []

    def __getattr__(self, command: str) -> Callable[..., Pipeline]:
        """A command of COMMANDS, kept for execute()."""
        if command not in COMMANDS:
            raise AttributeError(_no_command("Pipeline", command))

        def kept(key: _Key, /, *arguments: Any, **options: Any) -> Pipeline:
            owner = self._router.owner(key)
            if owner not in self._pipes:
                client = self._router.client(key)
                self._pipes[owner] = client.pipeline(transaction=self._transaction)
            getattr(self._pipes[owner], command)(key, *arguments, **options)
            self._owners.append(owner)
            return self

        kept.__name__ = command
        return kept

    def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """Send all, and give the answers in the order of the commands; then begin anew.

        Every server is asked, also after another has failed. An error stands in the place of
        the answer that it took; a server that cannot be reached gives the same to all of its
        commands. With raise_on_error the first of them is raised, and the other answers are lost.
        """
        answers: dict[_Name, list[Any]] = {}
        owners, pipes = self._owners, self._pipes
        self._owners, self._pipes = [], {}
        for owner, pipe in pipes.items():
            try:
                found = pipe.execute(raise_on_error=False)
            except Exception as error:  # noqa: BLE001 - it is raised below, or handed out
                found = [error] * owners.count(owner)
            finally:
                pipe.reset()
            answers[owner] = list(reversed(found))
        results = [answers[owner].pop() for owner in owners]
        if raise_on_error:
            for result in results:
                if isinstance(result, Exception):
                    raise result
        return results

    def reset(self) -> None:
        """Forget the commands."""
        for pipe in self._pipes.values():
            pipe.reset()
        self._owners, self._pipes = [], {}

    def __len__(self) -> int:
        """How many commands are kept."""
        return len(self._owners)

    def __bool__(self) -> bool:
        """A pipeline is true even without commands, as redis-py's is."""
        return True

    def __enter__(self) -> Self:
        """The pipeline itself; what is not executed in the block is forgotten."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Forget what was not executed."""
        self.reset()


def _hashed(key: object) -> str | bytes | bytearray | memoryview:
    """What redis-py sends as the key: it writes numbers as Python does."""
    if isinstance(key, (int, float)) and not isinstance(key, bool):
        return repr(key)
    return cast("str | bytes", key)


def _client(target: Any, options: dict[str, Any]) -> _Client:
    if not isinstance(target, str):
        return cast("_Client", target)
    try:
        redis: Any = importlib.import_module("redis")
    except ImportError as error:
        msg = "to make clients, ringway.compat.redis needs redis-py: pip install redis"
        raise ImportError(msg) from error
    url = target if "://" in target else f"redis://{target}"
    return cast("_Client", redis.Redis.from_url(url, **options))


def _no_command(what: str, command: str) -> str:
    if command.startswith("_"):
        return f"{what} has no {command!r}"
    return (
        f"{what} has no {command!r}: it passes on commands of one key (COMMANDS); for others take "
        "the client of their keys, router.client(key, ...)"
    )
