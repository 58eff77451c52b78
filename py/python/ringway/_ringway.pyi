"""What `import ringway` gives names to."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    Self,
    SupportsIndex,
    TypeAlias,
    final,
    overload,
)

from typing_extensions import Buffer, CapsuleType

__all__ = [
    "LAYOUTS",
    "Balance",
    "Moved",
    "Node",
    "Owners",
    "RingwayError",
    "Table",
    "Walk",
    "__version__",
    "_jump_hash",
    "_ring_points",
    "cassandra_token",
    "jump",
    "jumpback",
    "key_hash",
    "redis_slot",
]

_Key: TypeAlias = str | bytes | bytearray | memoryview
_Name: TypeAlias = str | bytes
_State: TypeAlias = Literal["up", "down", "drain"]
_Weight: TypeAlias = int | Decimal | str
_Owner: TypeAlias = str | bytes | None
_MovedRange: TypeAlias = tuple[int, int, _Owner, _Owner]

class _ArrowArray(Protocol):
    def __arrow_c_array__(self) -> tuple[object, object]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self) -> object: ...

# What owner_many() takes. An array is not typed by what is in it: NumPy's own stubs do not say.
_Keys: TypeAlias = Iterable[_Key] | Buffer | _ArrowArray | _ArrowStream

__version__: str
# The names of all layouts: Ringway's own, then those of deployed programs.
LAYOUTS: Final[tuple[str, ...]]

def key_hash(key: _Key, /) -> int:
    """The hash of key under XXH3 with 64 bits: what ringway-v1 and most own layouts begin with."""

def jump(hash: int, n: int, /) -> int:  # noqa: A002 - what it is
    """The bucket of a hash of 64 bits, 0 to n - 1: jump consistent hash (Lamping and Veach, 2014).

    More buckets take only their share of the keys; it needs no memory. The hash must be
    a good one, as key_hash() is: a number such as an id is none.
    """

def jumpback(hash: int, n: int, /) -> int:  # noqa: A002 - what it is
    """The bucket of a hash of 64 bits, 0 to n - 1: JumpBackHash (Ertl, 2024).

    As jump(), with other buckets, and as fast whatever n is.
    """

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
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

    def owner_many(self, keys: _Keys, /) -> Owners:
        """The owners of many keys, as [table.owner(key) for key in keys], but faster.

        keys is an iterable of keys; a NumPy array of texts, bytes or integers, or what else
        has such a buffer; or Arrow data of strings, binary or integers: an array or a chunked
        one, a Series of polars or pandas. An integer's key is str() of it. What is missing
        (null) is nobody's, and None has no place in a list. Arrays are read where they are,
        and other threads run meanwhile.
        """

    def owner_many_by_hash(self, hashes: Iterable[int] | Buffer, /) -> Owners:
        """The owners of many hashes, each as key_hash() gives it.

        hashes is an iterable of int, or an array of unsigned 64-bit integers. Raises
        RingwayError if the layout has no hashes that callers may compute.
        """

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

    def with_weight(self, name: _Name, weight: _Weight, /) -> Table:
        """The table where the node of that name has another weight: an int, Decimal or str.

        Raises RingwayError if there is no such node, or there would be too many points.
        """

    def with_state(self, name: _Name, state: _State, /) -> Table:
        """The table where the node of that name is in another state: "up", "down" or "drain".

        Raises RingwayError if there is no such node, or there would be too many points.
        """

    def moved(self, other: Table, /) -> Moved:
        """What changes owner from this table to another: ranges of positions, and their shares.

        Nodes are the same if their names are. Raises RingwayError if the two tables give a
        key different positions, or have none: then moved_keys() still tells.
        """

    def moved_keys(self, other: Table, keys: _Keys, /) -> list[tuple[Any, _Owner, _Owner]]:
        """The keys that change owner from this table to another: (key, old owner, new owner).

        The tables may have any layouts. keys is what owner_many() takes; those of an array
        come as str, bytes or int.
        """

    def balance(self, keys: _Keys | None = None, /) -> Balance:
        """How evenly the nodes share all positions, exactly, or keys if they are given.

        keys is what owner_many() takes. Raises RingwayError without them if the layout has
        no positions.
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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __getnewargs_ex__(self) -> tuple[tuple[tuple[Node, ...]], dict[str, Any]]: ...

@final
class Owners(Sequence[_Owner]):
    """The owners of many keys, one for each, in their order: what owner_many() returns.

    It is a sequence of names, with None for a key that nobody owns, and equals the list of
    them. Each is kept as an index of 4 bytes, in the order of table.nodes, -1 for nobody:
    NumPy sees these, np.asarray(owners) without a copy, and so does whatever else reads
    buffers. Arrow, polars and pandas see a dictionary array of the names:
    pyarrow.array(owners), polars.Series(owners).
    """

    @property
    def table(self) -> Table:
        """The table whose nodes these are."""

    @property
    def indices(self) -> memoryview[int]:
        """The indices of the owners in the order of table.nodes, -1 for nobody, not copied.

        A memoryview of the format "i".
        """

    def tolist(self) -> list[_Owner]:
        """The names as a list, None for nobody."""

    def counts(self) -> dict[str | bytes, int]:
        """How many keys each node owns: a dict of all names, in the order of table.nodes.

        Keys of nobody are not among them.
        """

    def count(self, name: object, /) -> int:
        """How many keys the node of that name owns, or nobody does if it is None."""

    def index(self, name: object, start: int = 0, stop: int = ..., /) -> int:
        """The first place of a name, or of None, from start and before stop; ValueError if none."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> _Owner: ...
    @overload
    def __getitem__(self, index: slice, /) -> Owners: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[_Owner]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    if sys.version_info >= (3, 12):
        # Older Pythons have the buffer, but no name for it.
        def __buffer__(self, flags: int, /) -> memoryview: ...

    def __arrow_c_array__(
        self, requested_schema: CapsuleType | None = None
    ) -> tuple[CapsuleType, CapsuleType]: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @staticmethod
    def _restore(table: Table, indices: bytes, /) -> Owners: ...

@final
class Moved(Sequence[_MovedRange]):
    """What changes owner from one table to another: what moved() returns.

    It is a sequence of ranges of positions, (lo, hi, old owner, new owner), ascending, both
    ends included, each as long as can be; None is nobody. A position is key_hash(key) >> 32.
    """

    @property
    def share(self) -> float:
        """The part of all positions that changes owner, 0 to 1."""

    @property
    def shares(self) -> dict[tuple[_Owner, _Owner], float]:
        """The part of all positions that goes from node to node, by (old owner, new owner)."""

    def tolist(self) -> list[_MovedRange]:
        """The ranges as a list of tuples."""

    def count(self, range: object, /) -> int:  # noqa: A002 - what it is
        """How often a range, (lo, hi, old owner, new owner), is among these: once or never."""

    def index(
        self,
        range: object,  # noqa: A002 - what it is
        start: int = 0,
        stop: int = ...,
        /,
    ) -> int:
        """The place of a range, from start and before stop; ValueError if it is not there."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> _MovedRange: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[_MovedRange]: ...
    def __iter__(self) -> Iterator[_MovedRange]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class Balance:
    """Each node's share, beside the share that its weight asks for: what balance() returns.

    Shares are of all positions, exactly, or of the keys that were counted. A node that
    drains has the ideal 0.
    """

    @property
    def table(self) -> Table:
        """The table."""

    @property
    def counts(self) -> dict[str | bytes, int]:
        """How many positions, or keys, each node owns, by name, in the order of table.nodes."""

    @property
    def total(self) -> int:
        """How many positions, or keys, there are; keys of nobody do not count."""

    @property
    def shares(self) -> dict[str | bytes, float]:
        """The part of everything that each node owns, 0 to 1, by name."""

    @property
    def ideals(self) -> dict[str | bytes, float]:
        """The part of everything that each node's weight asks for, 0 to 1, by name."""

    @property
    def ratios(self) -> dict[str | bytes, float | None]:
        """The share by the ideal, 1 being perfect, by name; None for a node without weight."""

    @property
    def ratio_max(self) -> float | None:
        """How much fuller than its ideal the fullest node is: its ratio; None if there is none."""

    @property
    def ratio_min(self) -> float | None:
        """The ratio of the emptiest node that has weight; None if there is none."""

    @property
    def variation(self) -> float | None:
        """The standard deviation of the ratios, by weight; None if nobody owns anything."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class Walk:
    """The candidates for a key in order of preference, found as they are asked for."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> str | bytes: ...
