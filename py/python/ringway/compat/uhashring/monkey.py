"""python-memcached over a HashRing, as uhashring's monkey does it.

import memcache
from ringway.compat.uhashring import monkey

monkey.patch_memcache()
client = memcache.Client(["node1:11211", "node2:11211"])
"""

from __future__ import annotations

import importlib
from typing import Any

from ringway.compat.uhashring import HashRing

__all__ = ["patch_memcache"]


def patch_memcache() -> None:
    """Let every memcache.Client made from now on choose servers by a HashRing of their hosts.

    As in uhashring, a server is named by its host alone, so that of two ports of one host the
    last takes the keys of both. A second call does nothing. Raises ImportError with the remedy if
    python-memcached is not installed.
    """
    try:
        memcache: Any = importlib.import_module("memcache")
    except ImportError as error:
        msg = "patch_memcache needs python-memcached: pip install python-memcached"
        raise ImportError(msg) from error
    client = memcache.Client
    if hasattr(client, "_old_get_server"):
        return

    def init(self: Any, servers: Any, *arguments: Any, **options: Any) -> None:
        self._old_init(servers, *arguments, **options)
        self.uhashring = HashRing(
            {
                server.ip: {
                    "hostname": server.ip,
                    "instance": server,
                    "port": server.port,
                    "weight": server.weight,
                }
                for server in self.servers
            }
        )

    def get_server(self: Any, key: Any) -> tuple[Any, Any]:
        if isinstance(key, tuple):
            found: tuple[Any, Any] = self._old_get_server(key)
            return found
        for _ in range(self._SERVER_RETRIES):
            for node in self.uhashring.range(key):
                if node["instance"].connect():
                    return node["instance"], key
        return None, None

    client._old_get_server = client._get_server  # noqa: SLF001 - what is replaced
    client._old_init = client.__init__  # noqa: SLF001
    client.__init__ = init
    client._get_server = get_server  # noqa: SLF001
