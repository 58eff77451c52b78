"""The hash functions of real programs, as known answers for tests.

    python3 spec/record/hashes.py

twemproxy and HAProxy show a hash only modulo their number of servers: with pools of 97, 101, 103,
107 and 109 servers of weight 1, whose product is above 2^32, the remainders give it whole.
libmemcached tells its hashes itself. Prints a row for each function: program, name, and the hash of
each of KEYS.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import haproxy
from backends import Backends, cache_backend, http_backend
from clients import Client
from processes import Server, folder, output

KEYS = [b"a", b"foobar", b"user:1234567890abcdef", bytes(range(0xF0, 0xFB)), b"\x80\xff"]
SIZES = [97, 101, 103, 107, 109]
HOSTS = [f"127.0.30.{number}:22600" for number in range(1, 1 + max(SIZES))]
TWEMPROXY = (
    "one_at_a_time md5 crc16 crc32 crc32a fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 hsieh murmur jenkins"
)
LIBMEMCACHED = "default md5 crc fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 hsieh murmur jenkins murmur3"
SOURCE = r"""
#include <libmemcached/memcached.h>
#include <stdio.h>
int main(int count, char **words) {
    for (int at = 1; at < count; at++) {
        char key[256];
        size_t length = 0;
        for (unsigned byte; sscanf(words[at] + 2 * length, "%2x", &byte) == 1; length++)
            key[length] = (char)byte;
        for (int hash = 0; hash <= MEMCACHED_HASH_MURMUR3; hash++)
            printf("%u\n", memcached_generate_hash_value(key, length, (memcached_hash_t)hash));
    }
}
"""


def whole(remainders: list[int]) -> int:
    """The number that has these remainders."""
    number, step = 0, 1
    for remainder, size in zip(remainders, SIZES, strict=True):
        while number % size != remainder:
            number += step
        step *= size
    return number


def twemproxy(place: Path) -> dict[str, list[int]]:
    """The hashes of twemproxy."""
    # twemproxy sorts its servers by the length of their names, then by name: all have one length.
    names = [f"s{number:03}" for number in range(len(HOSTS))]
    pools = [(name, size) for name in TWEMPROXY.split() for size in SIZES]
    lines = []
    for port, (name, size) in enumerate(pools, 21_000):
        lines += [f"p{port}:", f"  listen: 127.0.0.1:{port}", "  distribution: modula"]
        lines += [f"  hash: {name}", "  servers:"]
        servers = zip(HOSTS[:size], names, strict=False)
        lines += [f"    - {host}:1 {server}" for host, server in servers]
    config = place / "nutcracker.yml"
    config.write_text("".join(f"{line}\n" for line in lines))
    command = ["nutcracker", "-c", str(config), "-s", "20999", "-a", "127.0.0.1"]
    found: dict[str, list[list[int]]] = {name: [] for name in TWEMPROXY.split()}
    with Backends(HOSTS, cache_backend), Server(command, [21_000], place):
        for port, (name, _) in enumerate(pools, 21_000):
            with Client(port) as client:
                found[name].append([HOSTS.index(client.memcached(key)) for key in KEYS])
    return {
        name: [whole(list(of)) for of in zip(*rows, strict=True)] for name, rows in found.items()
    }


def haproxy_hashes(place: Path) -> dict[str, list[int]]:
    """The hashes of HAProxy, and what `avalanche` makes of one."""
    names = ["sdbm", "djb2", "wt6", "crc32", "sdbm avalanche"]
    pools = [(name, size) for name in names for size in SIZES]
    sections = []
    for name, size in pools:
        nodes = [{"name": f"s{at}", "weight": 1, "address": HOSTS[at]} for at in range(size)]
        kind = [haproxy.balance({}), f"hash-type map-based {name}"]
        sections.append(kind + haproxy.server_lines(nodes, {}))
    ports = list(range(21_000, 21_000 + len(pools)))
    config = place / "haproxy.cfg"
    config.write_text(haproxy.configuration(sections, ports))
    found: dict[str, list[list[int]]] = {name: [] for name in names}
    with Backends(HOSTS, http_backend), Server(haproxy.command(config), ports, place):
        for port, (name, _) in zip(ports, pools, strict=True):
            with Client(port) as client:
                found[name].append([HOSTS.index(client.http(key)) for key in KEYS])
    return {
        name: [whole(list(of)) for of in zip(*rows, strict=True)] for name, rows in found.items()
    }


def libmemcached(place: Path) -> dict[str, list[int]]:
    """The hashes of libmemcached; Debian leaves `hsieh` out."""
    source, program = place / "hashes.c", place / "hashes"
    source.write_text(SOURCE)
    flags = output(["pkg-config", "--cflags", "--libs", "libmemcached"]).split()
    subprocess.run(["cc", "-o", str(program), str(source), *flags], check=True)
    numbers = [int(line) for line in output([str(program), *(key.hex() for key in KEYS)]).split()]
    names = LIBMEMCACHED.split()
    assert len(numbers) == len(names) * len(KEYS)
    return {name: numbers[at :: len(names)] for at, name in enumerate(names)}


def main() -> int:
    """Print the hashes of all three."""
    with folder() as name:
        place = Path(name)
        for program, hashes in [
            ("libmemcached", libmemcached(place)),
            ("twemproxy", twemproxy(place)),
            ("HAProxy", haproxy_hashes(place)),
        ]:
            for function, values in hashes.items():
                print(program, function, *(f"0x{value:08x}" for value in values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
