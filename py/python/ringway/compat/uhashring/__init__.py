"""uhashring's HashRing over Ringway's tables: the same methods, the same nodes for the same keys.

    from ringway.compat.uhashring import HashRing

It is what uhashring 2.5 documents, tried against that version. Three things differ. A hash_fn
that is a function raises TypeError, because keys are hashed outside Python. A point that two
nodes share is there once, in get_points() and in distribution too. And errors that uhashring
leaves to chance, such as ZeroDivisionError when all weights are 0, are those of ringway.Table.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from functools import cached_property
from hashlib import md5
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ringway import Node, RingwayError, Table
from ringway._ringway import _ring_points

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, KeysView, Mapping

__all__ = ["HashRing"]

_Conf: TypeAlias = dict[str, Any]
_Nodes: TypeAlias = str | list[Any] | dict[Any, Any]

_BUILT_FROM: Final = ("nodename", "vnodes", "weight")


class HashRing:
    """A ring of nodes with weights, vnodes, and what a program wants to know of them.

    nodes is a name, a list of names, or a dict from names to weights or to dicts with any of
    hostname, instance, port, vnodes and weight. hash_fn is None or "ketama"; vnodes is the
    default of nodes without their own, 160, with ketama 40; weight_fn takes a node's
    configuration as keywords and returns its weight. replicas, 1 to 4, is ketama's.

    A lookup takes as long as ringway.Table.owner and any number of threads may make them while
    one changes nodes; a change builds the table anew, which is O(points).

    Raises TypeError for a hash_fn or weight_fn that cannot be one, ValueError for nodes
    that are none; ringway.RingwayError, a ValueError, for weights, vnodes and replicas.
    """

    def __init__(
        self,
        nodes: _Nodes = [],  # noqa: B006 - uhashring's signature; it is not changed
        **kwargs: Any,
    ) -> None:
        """Build the ring; the class says of what."""
        hash_fn, weight_fn = kwargs.get("hash_fn"), kwargs.get("weight_fn")
        self._layout = _layout_of(hash_fn)
        is_ketama = self._layout == "uhashring-ketama"
        if weight_fn and not callable(weight_fn):
            msg = "weight_fn should be a callable function"
            raise TypeError(msg)
        self._weight_fn: Callable[..., int] | None = weight_fn or None
        vnodes = kwargs.get("vnodes")
        self._default_vnodes: int = vnodes if vnodes is not None else 40 if is_ketama else 160
        self._options = (
            {"replicas": kwargs["replicas"]} if is_ketama and "replicas" in kwargs else {}
        )
        self._nodes: dict[Any, _Conf] = {}
        # Weight and vnodes of each node when its points were last made.
        self._made: dict[Any, tuple[int, int]] = {}
        self._placed = _Placed(Table([], layout=self._layout, **self._options), {})
        if self._configure_nodes(nodes):
            self._build(self._nodes)

    def _configure_nodes(self, nodes: object) -> bool:
        """Take up nodes; whether the points have to be made anew."""
        if isinstance(nodes, str):
            nodes = [nodes]
        elif not isinstance(nodes, (dict, list)):
            msg = f"nodes configuration should be a list or a dict, got {type(nodes)}"
            raise ValueError(msg)  # noqa: TRY004 - as uhashring
        changed = False
        for name in nodes:
            given = nodes[name] if isinstance(nodes, dict) else {}
            if isinstance(given, int):
                given = {"weight": given}
            elif not isinstance(given, dict):
                msg = f"node configuration should be a dict or an int, got {type(given)}"
                raise ValueError(msg)  # noqa: TRY004 - as uhashring
            conf: _Conf = {
                "hostname": name,
                "instance": None,
                "nodename": name,
                "port": None,
                "vnodes": self._default_vnodes,
                "weight": 1,
            }
            conf.update((field, value) for field, value in given.items() if field in conf)
            if self._weight_fn:
                conf["weight"] = self._weight_fn(**conf)
            # As uhashring does it: vnodes that fall back to the default are no change.
            old = self._nodes.get(name, {})
            changed |= not old or old["weight"] != conf["weight"]
            changed |= any(
                old.get(field) != given[field] for field in _BUILT_FROM if field in given
            )
            self._nodes[name] = conf
        return changed

    def _build(self, names: Mapping[Any, _Conf] | list[Any]) -> None:
        """Make the points of these nodes anew; with ketama, whose counts depend on all, of all."""
        if self._layout == "uhashring-ketama":
            names = self._nodes
        made = {name: self._made[name] for name in self._nodes if name in self._made}
        for name in names:
            conf = self._nodes[name]
            made[name] = (conf["weight"], conf["vnodes"])
        confs = {name: conf for name, conf in self._nodes.items() if name in made}
        nodes = [_node(name, *made[name]) for name in confs]
        self._placed = _Placed(Table(nodes, layout=self._layout, **self._options), confs)
        self._made = made

    def add_node(self, nodename: Hashable, conf: _Conf | int = {"weight": 1}) -> None:  # noqa: B006
        """Add a node, or give one that is there another configuration."""
        before = dict(self._nodes)
        try:
            if self._configure_nodes({nodename: conf}):
                self._build([nodename])
        except Exception:
            # Nothing is changed by what is refused.
            self._nodes.clear()
            self._nodes.update(before)
            raise

    __setitem__ = add_node

    def remove_node(self, nodename: Hashable) -> None:
        """Remove a node; KeyError if there is none of that name."""
        if nodename not in self._nodes:
            msg = f"node '{nodename}' not found, available nodes: {self._nodes.keys()}"
            raise KeyError(msg)
        del self._nodes[nodename]
        self._build([])

    __delitem__ = remove_node

    def regenerate(self) -> None:
        """Make all points anew; useful with a weight_fn that has come to other weights."""
        self._configure_nodes(dict(self._nodes))
        self._build(self._nodes)

    def get(self, key: object) -> _Conf | None:
        """The configuration of the key's node; None if there is no node."""
        placed = self._placed
        index = placed.index(key)
        return None if index is None else self._conf_of(placed, placed.names[index])

    def _conf_of(self, placed: _Placed, name: Any) -> _Conf:
        # Another thread may have removed the node since.
        return self._nodes.get(name) or placed.confs[name]

    def _field(self, key: object, field: str) -> Any:
        conf = self.get(key)
        return None if conf is None else conf[field]

    def get_node(self, key: object) -> Any:
        """The name of the key's node; None if there is no node."""
        placed = self._placed
        index = placed.index(key)
        return None if index is None else placed.names[index]

    def get_node_hostname(self, key: object) -> Any:
        """The hostname of the key's node, its name unless another was given."""
        return self._field(key, "hostname")

    def get_node_instance(self, key: object) -> Any:
        """The instance of the key's node, such as a client."""
        return self._field(key, "instance")

    __getitem__ = get_node_instance

    def get_node_port(self, key: object) -> Any:
        """The port of the key's node."""
        return self._field(key, "port")

    def get_node_weight(self, key: object) -> Any:
        """The weight of the key's node."""
        return self._field(key, "weight")

    def get_node_pos(self, key: object) -> int | None:
        """The index of the key's point in get_points(); None if there is no node."""
        return self._position(self._placed, key) if self._placed.points else None

    def _position(self, placed: _Placed, key: object) -> int:
        return bisect(placed.positions, self.hashi(key)) % len(placed.positions)

    def get_server(self, key: object) -> tuple[int, Any] | None:
        """The key's point and the name of its node; None if there is no node."""
        placed = self._placed
        return placed.points[self._position(placed, key)] if placed.points else None

    def get_nodes(self) -> KeysView[Any]:
        """The names of all nodes."""
        return self._nodes.keys()

    def get_instances(self) -> list[Any]:
        """The instances of all nodes that have one."""
        return [conf["instance"] for conf in self._nodes.values() if conf.get("instance")]

    def get_points(self) -> list[tuple[int, Any]]:
        """The ring's points, ascending, and the name of the node of each."""
        return list(self._placed.points)

    def print_continuum(self) -> None:
        """Print the points, a line each."""
        points = self._placed.points
        print(f"Numpoints in continuum: {len(points)}" if points else "Continuum empty")  # noqa: T201
        for point, node in points:
            print(f"{node} ({point})")  # noqa: T201

    def range(
        self,
        key: object,
        size: int | None = None,
        unique: bool = True,  # noqa: FBT001, FBT002 - uhashring's signature
    ) -> Iterator[_Conf]:
        """The configurations of the nodes for a key, its own first, in the order of the ring.

        At most size of them; each once, or with unique=False once for each point.
        """
        placed = self._placed
        if unique:
            names = placed.walk(key)
        elif placed.points:
            first = self._position(placed, key)
            points = placed.points
            names = (points[place % len(points)][1] for place in _turn(first, len(points)))
        else:
            names = iter(())
        if not size:
            size = len(self._nodes) if unique else len(placed.points)
        for _, name in zip(_turn(0, size), names, strict=False):
            yield self._conf_of(placed, name)

    def iterate_nodes(self, key: object, distinct: bool = True) -> Iterator[Any]:  # noqa: FBT001, FBT002
        """The names of the nodes that range() gives; one None if there is no node."""
        if not self._placed.points:
            yield None
        for conf in self.range(key, unique=distinct):
            yield conf["nodename"]

    def hashi(self, key: object, replica: int = 0) -> int:
        """The hash of a key, as in get_points(); with ketama one of the four words of MD5."""
        digest = md5(str(key).encode("utf-8"), usedforsecurity=False).digest()
        if self._layout == "uhashring-ketama":
            return int.from_bytes(digest[4 * replica : 4 * replica + 4], "little")
        if replica:
            msg = "only ketama's hash has replicas"
            raise TypeError(msg)
        return int.from_bytes(digest, "big")

    def get_key(self, key: object) -> int:
        """The hash of a key: hashi() by another name."""
        return self.hashi(key)

    @property
    def conf(self) -> dict[Any, _Conf]:
        """The nodes and their configurations; regenerate() takes up what is changed here."""
        return self._nodes

    @property
    def nodes(self) -> dict[Any, _Conf]:
        """The same as conf."""
        return self._nodes

    @property
    def ring(self) -> dict[int, Any]:
        """The name of each point's node."""
        return dict(self._placed.points)

    @property
    def continuum(self) -> dict[int, Any]:
        """The same as ring."""
        return self.ring

    @property
    def distribution(self) -> Counter[Any]:
        """How many points each node has."""
        return Counter(name for _, name in self._placed.points)

    @property
    def size(self) -> int:
        """How many points there are."""
        return len(self._placed.points)

    @property
    def table(self) -> Table:
        """The ringway.Table of this ring: for many keys at once, moved keys, snapshots.

        Its nodes are named str(name), and its keys are texts: for a key that is no str, ask it
        for str(key).
        """
        return self._placed.table


class _Placed:
    """A table and the names of its nodes as they were given: what a lookup sees, whole."""

    def __init__(self, table: Table, confs: dict[Any, _Conf]) -> None:
        self.table = table
        self.confs = confs
        self.names = list(confs)
        self._by_text = {str(name): name for name in confs}

    def index(self, key: object) -> int | None:
        """The index of the key's node; None if there is none."""
        return self.table.index(key if type(key) is str else str(key))

    def walk(self, key: object) -> Iterator[Any]:
        return (self._by_text[str(text)] for text in self.table.walk(str(key)))

    # Made when first asked for: lookups need none of it.
    @cached_property
    def points(self) -> list[tuple[int, Any]]:
        points = _ring_points(self.table) or []
        return [(position, self.names[index]) for position, index in points]

    @cached_property
    def positions(self) -> list[int]:
        return [position for position, _ in self.points]


def _turn(first: int, count: int) -> range:
    """Places on the ring, once around."""
    return range(first, first + count)


def _layout_of(hash_fn: object) -> str:
    if hash_fn == "ketama":
        return "uhashring-ketama"
    if not hash_fn:
        return "uhashring"
    if callable(hash_fn):
        msg = (
            "hash_fn cannot be a function here: Ringway hashes keys outside Python. Use "
            "hash_fn='ketama', or leave it out for MD5; a ring with a hash function of its own "
            "stays with uhashring, or its keys move once to another layout (ringway.LAYOUTS)"
        )
        raise TypeError(msg)
    msg = f"hash_fn should be None or 'ketama', not {hash_fn!r}"
    raise TypeError(msg)


def _node(name: object, weight: object, vnodes: object) -> Node:
    for what, value in (("weight", weight), ("vnodes", vnodes)):
        if not isinstance(value, int):
            msg = f"the {what} of node {name!r} must be a whole number, not {value!r}"
            raise RingwayError(msg)
    return Node(str(name), weight=int(weight), vnodes=int(vnodes))  # type: ignore[call-overload]
