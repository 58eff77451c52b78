"""What `import ringway` gives names to."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, Self, SupportsIndex, TypeAlias, final

__all__ = [
    "LAYOUTS",
    "Node",
    "RingwayError",
    "Table",
    "Walk",
    "__version__",
    "cassandra_token",
    "redis_slot",
]

_Key: TypeAlias = str | bytes | bytearray | memoryview
_Name: TypeAlias = str | bytes
_State: TypeAlias = Literal["up", "down", "drain"]
_Weight: TypeAlias = int | Decimal | str

__version__: str
# The names of all layouts: Ringway's own, then those of deployed programs.
LAYOUTS: Final[tuple[str, ...]]

def redis_slot(key: _Key, /) -> int:
    """The Redis Cluster slot of key, 0 to 16383: what CLUSTER KEYSLOT answers."""

def cassandra_token(key: _Key, /) -> int:
    """The token of a partition key, as Cassandra's Murmur3 partitioner computes it."""

def _jump_hash(key: SupportsIndex, num_buckets: SupportsIndex) -> int:
    """The bucket of a key, 0 to num_buckets - 1: Lamping and Veach's jump consistent hash.

    key is any whole number, of which the lower 64 bits count; one that is negative is
    taken as two's complement. num_buckets is 1 to 2^31 - 1. Takes O(log num_buckets).

    Raises TypeError if one of them is no whole number, OverflowError if num_buckets is
    outside the signed 32 bits, ValueError if it is not positive.
    """

def _ring_points(table: Table, /) -> list[tuple[int, int]] | None:
    """The points of a table's ring, ascending: positions and indices; None if it is no ring."""

class RingwayError(ValueError):
    """Nodes, a layout, an option or a cluster file that make no table."""

@final
class Node:
    """A node: a name, a weight, a zone and a state.

    The name is the identity and is what is hashed; addresses are the caller's
    business. A weight of 0 owns nothing. Replicas go to different zones first.
    A node in the state "drain" counts as weight 0; one that is "down" keeps its keys.

    The layouts of deployed programs take weights and states as the programs do, and some
    read more. ats-parent and varnish-shard take weights with up to six decimals, written
    "0.5" or Decimal("0.5"), and with spymemcached-ketama they hash hash_text instead of
    the name. haproxy-consistent hashes id, or if its option hash_key says so guid or
    address, "ip:port". npm-hashring, uhashring and uhashring-ketama take vnodes, the
    node's own instead of the layout's, and cassandra-token tokens. What a program does not
    read it passes over; the layouts of Ringway's own refuse all of these but address.
    """

    def __new__(
        cls,
        name: _Name,
        *,
        weight: _Weight = 1,
        zone: _Name | None = None,
        state: _State = "up",
        address: str | None = None,
        hash_text: _Name | None = None,
        id: int | None = None,  # noqa: A002 - HAProxy's word
        guid: _Name | None = None,
        vnodes: int | None = None,
        tokens: Iterable[int] = (),
    ) -> Self: ...
    @property
    def name(self) -> str | bytes:
        """The name: str if it is UTF-8, else bytes."""

    @property
    def weight(self) -> int | Decimal:
        """How many shares of the keys it takes: an int, or a Decimal if it is not whole."""

    @property
    def zone(self) -> str | bytes | None:
        """The zone, or None: a zone of its own."""

    @property
    def state(self) -> _State:
        """One of "up", "down" and "drain"."""

    @property
    def address(self) -> str | None:
        """The address, ip:port, or None."""

    @property
    def hash_text(self) -> str | bytes | None:
        """The text that is hashed instead of the name, or None."""

    @property
    def id(self) -> int | None:
        """HAProxy's id of the server, or None."""

    @property
    def guid(self) -> str | bytes | None:
        """HAProxy's guid of the server, or None."""

    @property
    def vnodes(self) -> int | None:
        """The node's own number of points, or None."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens of a host of Cassandra; none unless given."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str | bytes], dict[str, Any]]: ...

@final
class Table:
    """Which node owns which key: an immutable snapshot of nodes under a layout.

    nodes is an iterable of names (str or bytes) and Node objects, or a mapping from
    names to weights. layout is the name of a mapping that never changes, and options
    are the layout's own: all have hash_tag (two characters such as "{}": keys are hashed
    by what stands between), ringway-v1 has vnodes (points for each unit of weight, 160),
    maglev-v1 table_size (a prime, 65,537), balanced-v1 slots (a power of two, 65,536)
    and room_permille (how much of its share a node has room for, 1,050).
    ringway-keyed-v1 has vnodes and needs key, 32 hexadecimal digits, which repr hides.
    In jump-v1 and jumpback-v1 the place in the list is the identity of a node, and in
    memento-v1, which has removed: the places of removed nodes, in the order of removal.

    The layouts of deployed programs, such as nginx, haproxy-consistent or envoy-ring, have
    options named after those of the programs; LAYOUTS has the names of all layouts.

    Keys are str (hashed as UTF-8), bytes, bytearray or memoryview of bytes. Nodes come
    back by name: str if the name is UTF-8, else bytes. Any number of threads may use a
    table; a change is a new table.

    Raises RingwayError, a ValueError, if the nodes or options make no table.
    """

    def __new__(
        cls,
        nodes: Iterable[_Name | Node] | Mapping[str, _Weight] | Mapping[bytes, _Weight],
        *,
        layout: str = "ringway-v1",
        **options: int | str | list[int],
    ) -> Self: ...
    @classmethod
    def load(cls, path: str | os.PathLike[str], /) -> Table:
        """The table that the cluster file at path describes.

        A relative key_file in it starts at its folder. Raises OSError if it cannot be
        read, RingwayError naming line and field if it is no cluster file.
        """

    @classmethod
    def loads(cls, text: str | bytes, /) -> Table:
        """The table that the text of a cluster file describes.

        The text stands in no folder: a relative key_file is an error. Raises RingwayError
        naming line and field if it is no cluster file.
        """

    def owner(self, key: _Key, /) -> str | bytes | None:
        """The name of the node that owns key; None if none may, or the program cannot read key."""

    def index(self, key: _Key, /) -> int | None:
        """The index of the node that owns key, in the order of nodes; None if none may."""

    def owners(self, key: _Key, /, k: int) -> list[str | bytes]:
        """The names of the first k nodes that should hold key, its owner first.

        One of each zone comes first, then others in the order of the walk. There are
        fewer than k if fewer nodes may own keys.
        """

    def owner_many(self, keys: Iterable[_Key], /) -> list[str | bytes | None]:
        """The name of each key's owner, as [table.owner(key) for key in keys], but faster."""

    def bounded(
        self,
        key: _Key,
        /,
        loads: Sequence[int | None] | Mapping[str, int | None] | Mapping[bytes, int | None],
        *,
        factor_permille: int = 1250,
        total: int | None = None,
    ) -> str | bytes | None:
        """The first node of key's walk whose load is below its capacity; None if none is.

        loads has the load of each node: a sequence in the order of nodes, or a mapping
        from names, where a node that is absent has 0. A load of None is that of a node
        that is not to be asked now. total is the load of all, by default the sum of
        loads. A node takes factor_permille thousandths of its share, rounded up: see
        capacity(). The caller adds what it assigns. Zones play no part.
        """

    def capacity(self, name: _Name, /, total: int, *, factor_permille: int = 1250) -> int:
        """How much load the node of that name takes while the load of all is total.

        This is factor_permille / 1000 * (total + 1) * weight / the sum of the weights of
        all nodes that may own keys, rounded up; 0 for a node that may not.

        Raises RingwayError if there is no such node.
        """

    def walk(self, key: _Key, /) -> Walk:
        """The candidates for key in order of preference, its owner first, one at a time.

        Each node that may own keys comes once; zones play no part. For failover:
        next((node for node in table.walk(key) if is_up(node)), None).
        """

    def candidates(self, key: _Key, /) -> Walk:
        """The nodes that the layout's program itself tries for key, in its order.

        It is walk(), except where the program has an order of its own: nginx goes from
        point to point, so that a node may come again, and gives up after 21; nginx-modulo
        hashes anew, as often; varnish-shard and ats-parent go from point to point all
        around. Nodes that are down are left out.
        """

    def owner_under_load(
        self, key: _Key, /, active: Sequence[int] | Mapping[str, int] | Mapping[bytes, int]
    ) -> str | bytes | None:
        """The node that the layout's program picks for key while requests are in progress.

        active has how many there are on each node: a sequence in the order of nodes, or a
        mapping from names, where a node that is absent has 0. The caller adds the request
        that it assigns. This is the option hash_balance_factor of envoy-ring, envoy-maglev
        and haproxy-consistent, as these programs do it, which is not what bounded() does;
        elsewhere, and without the option, it is owner().
        """

    @property
    def fingerprint(self) -> int:
        """64 bits that tables have in common if they answer alike: layout, options and nodes."""

    def to_bytes(self) -> bytes:
        """Layout, options and nodes as bytes, for from_bytes() in any language."""

    @classmethod
    def from_bytes(cls, data: bytes, /) -> Table:
        """The table whose to_bytes() these are.

        Raises RingwayError if they are not exactly such bytes.
        """

    def with_node(self, node: _Name | Node, /) -> Table:
        """The table with one node more, at the end: a name or a Node.

        It is the table of the longer list, for a small part of the time that building it
        takes. In memento-v1 the node takes the place of the one that was removed last, if
        any was. Raises RingwayError as the constructor does.
        """

    def without_node(self, name: _Name, /) -> Table:
        """The table without the node of that name; those after it have an index less.

        In memento-v1 the node keeps its place, which is added to the option removed.
        Raises RingwayError if there is no such node.
        """

    def with_weight(self, name: _Name, weight: int, /) -> Table:
        """The table where the node of that name has another weight, a whole one.

        Raises RingwayError if there is no such node, or there would be too many points.
        """

    def with_state(self, name: _Name, state: _State, /) -> Table:
        """The table where the node of that name is in another state: "up", "down" or "drain".

        Raises RingwayError if there is no such node, or there would be too many points.
        """

    def moved(
        self, other: Table, /
    ) -> list[tuple[int, int, str | bytes | None, str | bytes | None]]:
        """What changes owner from this table to another, ascending, both ends included.

        Each range of positions is (lo, hi, old owner, new owner); None is nobody. A
        position is key_hash(key) >> 32. Raises RingwayError if the two
        tables give a key different positions.
        """

    def key_hash(self, key: _Key, /) -> int | None:
        """The layout's hash of key; None if it is not one of 32 or 64 bits, or cannot read key."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in the order they were given, which is that of their indices.

        Of what only some layouts read, they have what this layout reads.
        """

    @property
    def layout(self) -> str:
        """The layout's name."""

    @property
    def options(self) -> dict[str, int | str | list[int]]:
        """The options that differ from the layout's defaults."""

    def __len__(self) -> int: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str | bytes]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[tuple[Node, ...]], dict[str, Any]]: ...

@final
class Walk:
    """The candidates for a key in order of preference, found as they are asked for."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> str | bytes: ...
