"""Consistent hashing: one key-to-node map, the same bits in every language.

>>> from ringway import Table
>>> table = Table(["db1", "db2", "db3"])
>>> table.owner("user:42") in table
True
"""

from ringway._ringway import (
    LAYOUTS,
    Node,
    RingwayError,
    Table,
    __version__,
    cassandra_token,
    redis_slot,
)

__all__ = [
    "LAYOUTS",
    "Node",
    "RingwayError",
    "Table",
    "__version__",
    "cassandra_token",
    "redis_slot",
]
