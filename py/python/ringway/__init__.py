"""Consistent hashing: one key-to-node map, the same bits in every language.

>>> from ringway import Table
>>> table = Table(["db1", "db2", "db3"])
>>> table.owner("user:42") in table
True
"""

from collections.abc import Sequence as _Sequence

from ringway._ringway import (
    LAYOUTS,
    Balance,
    Moved,
    Node,
    Owners,
    RingwayError,
    Table,
    __version__,
    cassandra_token,
    jump,
    jumpback,
    key_hash,
    redis_slot,
)

__all__ = [
    "LAYOUTS",
    "Balance",
    "Moved",
    "Node",
    "Owners",
    "RingwayError",
    "Table",
    "__version__",
    "cassandra_token",
    "jump",
    "jumpback",
    "key_hash",
    "redis_slot",
]

_Sequence.register(Owners)
_Sequence.register(Moved)
