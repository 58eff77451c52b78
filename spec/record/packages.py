"""Packages from PyPI, called in this process."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recorded import Recorded


@dataclass
class Package:
    """A package: its folder of recorded files, its name, and how it answers a case."""

    FOLDER: str
    package: str
    answers: Callable[[Recorded], Callable[[bytes], str]]

    def version(self) -> str:
        """The version that is installed."""
        return importlib.metadata.version(self.package)

    def record(self, files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
        """Ask the package every key of every file."""
        answered = {}
        for file in files:
            answer = self.answers(file)
            pairs = zip(file.rows, file.keys, strict=True)
            answered[file.name] = [[row[0], answer(key)] for row, key in pairs]
        return answered


def uhashring(file: Recorded) -> Callable[[bytes], str]:
    """A HashRing of names, weights and vnodes; keys are texts."""
    from uhashring import HashRing

    read = ("weight", "vnodes")
    nodes = {node["name"]: {key: node[key] for key in read if key in node} for node in file.nodes}
    is_ketama = file.case["layout"] == "uhashring-ketama"
    hash_fn = {"hash_fn": "ketama"} if is_ketama else {}
    ring = HashRing(nodes, **hash_fn, **file.case["options"])
    return lambda key: str(ring.get_node(key.decode()))


def pymemcache(file: Recorded) -> Callable[[bytes], str]:
    """A HashClient, which connects to nobody until it is asked for a value; keys are texts."""
    from pymemcache.client.hash import HashClient

    servers = [node["name"].rpartition(":")[::2] for node in file.nodes]
    pairs = [(host, int(port)) for host, port in servers]
    client = HashClient(pairs, allow_unicode_keys=True)

    def answer(key: bytes) -> str:
        host, port = client._get_client(key.decode()).server
        return f"{host}:{port}"

    return answer


def python_memcached(file: Recorded) -> Callable[[bytes], str]:
    """A Client whose servers are not connected to."""
    import memcache

    client = memcache.Client([(node["name"], node["weight"]) for node in file.nodes])
    for server in client.servers:
        server.connect = lambda: True

    def answer(key: bytes) -> str:
        server, _ = client._get_server(key)
        return f"{server.address[0]}:{server.address[1]}"

    return answer


def jump(file: Recorded) -> Callable[[bytes], str]:
    """The C extension; keys are decimal numbers."""
    import jump as package

    return lambda key: str(package.hash(int(key), file.case["buckets"]))


def cassandra(file: Recorded) -> Callable[[bytes], str]:
    """The token of a key, or the host that the driver's map of tokens gives it."""
    from cassandra.metadata import Murmur3Token, TokenMap

    if file.kind == "value":
        return lambda key: str(Murmur3Token.from_key(key).value)
    tokens: dict[Any, list[str]] = {}
    for node in file.nodes:
        tokens |= {Murmur3Token(token): [node["name"]] for token in node["tokens"]}
    ring = sorted(tokens)
    owners = {token: tokens[token][0] for token in ring}
    token_map = TokenMap(Murmur3Token, owners, ring, None)
    token_map.tokens_to_hosts_by_ks["ks"] = tokens
    return lambda key: str(token_map.get_replicas("ks", Murmur3Token.from_key(key))[0])


PACKAGES = [
    Package("uhashring", "uhashring", uhashring),
    Package("pymemcache", "pymemcache", pymemcache),
    Package("python-memcached", "python-memcached", python_memcached),
    Package("jump", "jump-consistent-hash", jump),
    Package("cassandra", "cassandra-driver", cassandra),
]
