"""A hasher for pymemcache's HashClient: any layout of Ringway, by default pymemcache's own.

    from pymemcache.client.hash import HashClient
    from ringway.compat.pymemcache import Hasher

    client = HashClient(["10.0.0.1:11211", "10.0.0.2:11211"], hasher=Hasher)

keeps each key where pymemcache 4.0.0's RendezvousHash put it. To read and write where another
client did, name its layout, and say how that client called the servers if by other names:

    HashClient(servers, hasher=Hasher.using("libmemcached-ketama-weighted"))
    names = {"10.0.0.1:11211": "cache1", "10.0.0.2:11211": "cache2"}
    HashClient(servers, hasher=Hasher.using("twemproxy-ketama", servers=names))

A key_prefix of HashClient is not hashed, as in pymemcache itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ringway import Node, RingwayError, Table
from ringway.compat import _cluster

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Hasher"]

_Option: TypeAlias = int | str | list[int]


class Hasher:
    """Which server has which key, for HashClient, which adds servers and removes dead ones.

    nodes are the servers to begin with, as HashClient names them: "host:port", or the path of
    a socket. layout and options are those of ringway.Table. servers says for some of them what
    the layout is to take: another name, or a Node with weight and what else the layout reads.

    A server that was removed and comes back takes its old place in the list, so that layouts
    whose order counts find their keys again. The table is built when it is first asked after a
    change. Any number of threads may ask.

    Raises RingwayError if layout, options or a node make no table.
    """

    def __init__(
        self,
        nodes: Iterable[str] | None = None,
        *,
        layout: str = "pymemcache",
        servers: Mapping[str, str | Node] | None = None,
        **options: _Option,
    ) -> None:
        """Begin with these nodes; the class says what the arguments are."""
        self._layout = layout
        self._options = options
        self._known = {server: _node(node) for server, node in (servers or {}).items()}
        # Each server that ever was, in the order in which they came, and those that are there.
        self._seen: dict[str, Node] = {}
        self._present: set[str] = set()
        # Built when asked for; the servers are those of the table, by index.
        self._built: tuple[Table, list[str]] | None = None
        self._table([])
        # pymemcache makes a text of a key first, so that bytes are hashed as Python shows them.
        self._keys_are_texts = layout == "pymemcache"
        for node in nodes or ():
            self.add_node(node)

    @classmethod
    def using(
        cls,
        layout: str,
        *,
        servers: Mapping[str, str | Node] | None = None,
        **options: _Option,
    ) -> Callable[[], Self]:
        """What HashClient takes as hasher: the class, but with a layout, servers and options.

        Raises RingwayError at once if there is no such layout or option.
        """
        given: dict[str, Any] = {"layout": layout, "servers": servers, **options}
        cls(**given)
        return lambda: cls(**given)

    @classmethod
    def load(cls, path: str | os.PathLike[str], /) -> Callable[[], Self]:
        """The same from a cluster file, whose nodes have the servers' addresses.

        Raises OSError or RingwayError as Table.load does, and if a node has no address.
        """
        table, servers = _cluster.load(path)
        return cls.using(table.layout, servers=servers, **table.options)

    @property
    def nodes(self) -> list[str]:
        """The servers, in the order in which they first came."""
        return [server for server in self._seen if server in self._present]

    def add_node(self, node: str) -> None:
        """Add a server; nothing changes if it is there."""
        if node in self._present:
            return
        if node not in self._seen:
            made = self._known.get(node) or Node(node)
            for server, other in self._seen.items():
                if other.name == made.name:
                    msg = f"servers {server} and {node} are both called {made.name!r}"
                    raise RingwayError(msg)
            self._table([made])
            self._seen[node] = made
        self._present.add(node)
        self._built = None

    def remove_node(self, node: str) -> None:
        """Remove a server; ValueError if it is not there."""
        if node not in self._present:
            msg = f"No such node {node} to remove"
            raise ValueError(msg)
        self._present.remove(node)
        self._built = None

    def get_node(self, key: str | bytes) -> str | None:
        """The server of a key; None if there is no server, or the layout cannot read the key."""
        table, servers = self._built or self._build()
        index = table.index(str(key) if self._keys_are_texts else key)
        return None if index is None else servers[index]

    @property
    def table(self) -> Table:
        """The table of the servers that are there now."""
        return (self._built or self._build())[0]

    def _build(self) -> tuple[Table, list[str]]:
        servers = self.nodes
        self._built = built = self._table([self._seen[server] for server in servers]), servers
        return built

    def _table(self, nodes: list[Node]) -> Table:
        return Table(nodes, layout=self._layout, **self._options)


def _node(node: Any) -> Node:
    return node if isinstance(node, Node) else Node(node)
