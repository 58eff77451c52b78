#!/usr/bin/env python3
"""The slow twin of ringway: SPEC.md as plain Python, standard library only.

    python3 spec/reference.py vectors            write spec/vectors/*.json anew
    python3 spec/reference.py vectors --check    exit 1 if a committed file differs
    python3 spec/reference.py selftest           XXH3 against its published answers

It is written to be read beside SPEC.md, whose sections the headings name; XXH3 is in
xxh3.py, section 9 in cluster_file.py, the layouts of sections 10 and on in placements.py. What the vectors ask is chosen in cases.py and the files it
imports; the answers come from here.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import placements
from xxh3 import MASK32, MASK64, PRIME32_1, xxh3_64

# ----------------------------------------------- SPEC 2, 3: position, hash tag


def hashed_part(key: bytes, hash_tag: bytes | None) -> bytes:
    """The bytes of `key` that are hashed: what stands between the two tag bytes, or all."""
    if hash_tag is None:
        return key
    start = key.find(hash_tag[0:1])
    if start < 0:
        return key
    end = key.find(hash_tag[1:2], start + 1)
    if end < 0 or end == start + 1:
        return key
    return key[start + 1 : end]


def position_of_hash(h: int) -> int:
    return h >> 32


# ------------------------------------------- SPEC 8: options, limits, errors

NAME_BYTES_MAX = 1024
ZONE_BYTES_MAX = 1024
NODES_MAX = 65_536
POINTS_MAX = 1 << 24
VNODES_DEFAULT = 160
VNODES_MAX = 65_536
WEIGHT_MAX = MASK32


@dataclass(frozen=True)
class Node:
    name: bytes
    weight: int = 1
    zone: bytes | None = None
    state: str = "up"

    def eligible_weight(self) -> int:
        return 0 if self.state == "drain" else self.weight


class BuildError(Exception):
    """`error` is the machine name; `node` the index of the offending node, if it is one."""

    def __init__(self, error: str, node: int | None = None):
        super().__init__(error)
        self.error = error
        self.node = node


@dataclass(frozen=True)
class Options:
    layout: str = "ringway-v1"
    vnodes: int = VNODES_DEFAULT
    hash_tag: bytes | None = None
    key: bytes | None = None
    table_size: int = 65_537
    slots: int = 65_536
    room_permille: int = 1050
    removed: tuple[int, ...] = ()


# The options of each layout.
LAYOUTS = {
    "ringway-v1": ("vnodes", "hash_tag"),
    "jump-v1": ("hash_tag",),
    "jumpback-v1": ("hash_tag",),
    "rendezvous-v1": ("hash_tag",),
    "maglev-v1": ("table_size", "hash_tag"),
    "balanced-v1": ("slots", "room_permille", "hash_tag"),
    "ringway-keyed-v1": ("vnodes", "key", "hash_tag"),
    "memento-v1": ("removed", "hash_tag"),
}


def read_options(layout: str, given: list[list]) -> Options:
    """Pairs of an option's name and its value, checked in the order given."""
    if layout not in LAYOUTS:
        raise BuildError("unknown-layout")
    read: dict = {}
    for name, value in given:
        if name not in LAYOUTS[layout]:
            raise BuildError("unknown-option")
        read[name] = READERS[name](value)
    return Options(layout, **read)


def whole_number(value, low: int, high: int) -> int:
    # A bool is an int in Python, but not a whole number here.
    if type(value) is not int or not low <= value <= high:
        raise BuildError("bad-option")
    return value


def read_hash_tag(value) -> bytes:
    if type(value) is not str or not re.fullmatch("[!-~]{2}", value):
        raise BuildError("bad-option")
    return value.encode("ascii")


def read_table_size(value) -> int:
    size = whole_number(value, 2, 1 << 24)
    if any(size % divisor == 0 for divisor in range(2, math.isqrt(size) + 1)):
        raise BuildError("bad-option")
    return size


def read_slots(value) -> int:
    slots = whole_number(value, 1 << 8, 1 << 24)
    if slots.bit_count() != 1:
        raise BuildError("bad-option")
    return slots


def read_key(value) -> bytes:
    if type(value) is not str or not re.fullmatch("[0-9A-Fa-f]{32}", value):
        raise BuildError("bad-option")
    return bytes.fromhex(value)


def read_removed(value) -> tuple[int, ...]:
    if type(value) is not list:
        raise BuildError("bad-option")
    places = tuple(whole_number(place, 0, NODES_MAX - 1) for place in value)
    if len(set(places)) < len(places):
        raise BuildError("bad-option")
    return places


READERS = {
    "vnodes": lambda value: whole_number(value, 1, VNODES_MAX),
    "hash_tag": read_hash_tag,
    "key": read_key,
    "table_size": read_table_size,
    "slots": read_slots,
    "room_permille": lambda value: whole_number(value, 1000, 65_535),
    "removed": read_removed,
}


def check_nodes(nodes: list[Node], options: Options) -> int | None:
    """Every limit on the nodes, in the order of SPEC 8.4; gives a ring's number of points."""
    if options.layout == "ringway-keyed-v1" and options.key is None:
        raise BuildError("missing-option")
    if len(nodes) > NODES_MAX:
        raise BuildError("too-many-nodes")
    for index, node in enumerate(nodes):
        if len(node.name) == 0:
            raise BuildError("name-empty", index)
        if len(node.name) > NAME_BYTES_MAX:
            raise BuildError("name-too-long", index)
        if node.zone is not None and len(node.zone) == 0:
            raise BuildError("zone-empty", index)
        if node.zone is not None and len(node.zone) > ZONE_BYTES_MAX:
            raise BuildError("zone-too-long", index)
    names = set()
    for index, node in enumerate(nodes):
        if node.name in names:
            raise BuildError("duplicate-name", index)
        names.add(node.name)
    if options.layout in ("jump-v1", "jumpback-v1", "memento-v1"):
        check_unweighted(nodes)
    if any(place >= len(nodes) for place in options.removed):
        raise BuildError("bad-option")
    if options.layout == "maglev-v1":
        if sum(node.eligible_weight() > 0 for node in nodes) > options.table_size:
            raise BuildError("table-too-small")
    if options.layout not in ("ringway-v1", "ringway-keyed-v1"):
        return None
    points = sum(options.vnodes * node.eligible_weight() for node in nodes)
    assert points <= MASK64
    if points > POINTS_MAX:
        raise BuildError("too-many-points")
    return points


def check_unweighted(nodes: list[Node]) -> None:
    """SPEC 10.3: the place in the list is the identity."""
    for index, node in enumerate(nodes):
        if node.weight != 1:
            raise BuildError("weight-unsupported", index)
        if node.state == "drain":
            raise BuildError("drain-unsupported", index)


# ------------------------------- SPEC 4-7: ringway-v1, walk, replicas, segments


class Ring:
    """SPEC 4: the points in ascending order."""

    def __init__(self, nodes: list[Node], vnodes: int, hash_of: Callable[[bytes], int]):
        # Sorted by point, then by name, bytewise: SPEC 4.3.
        self.points: list[tuple[int, bytes, int]] = sorted(
            (position_of_hash(hash_of(node.name + i.to_bytes(4, "little"))), node.name, index)
            for index, node in enumerate(nodes)
            for i in range(vnodes * node.eligible_weight())
        )

    def first_point(self, position: int) -> int:
        """The index of the first point at or after `position`; 0 when it wraps."""
        low, high = 0, len(self.points)
        while low < high:
            middle = (low + high) // 2
            if self.points[middle][0] < position:
                low = middle + 1
            else:
                high = middle
        return 0 if low == len(self.points) else low

    def candidates(self, h: int) -> Iterator[int]:
        """The nodes of the points from the hash's position on; one may come more than once."""
        first = self.first_point(position_of_hash(h))
        for step in range(len(self.points)):
            yield self.points[(first + step) % len(self.points)][2]

    def runs(self) -> Iterator[tuple[int, int]]:
        """(last position, owner) of each arc, in order."""
        for point, _, owner in self.points:
            yield point, owner
        if self.points:  # beyond the last point: wraps to the first
            yield MASK32, self.points[0][2]


class Table:
    """Nodes under a layout; answers are indices into `nodes`."""

    def __init__(self, layout: str, options: list[list], nodes: list[Node]):
        self.options = read_options(layout, options)
        self.point_count = check_nodes(nodes, self.options)
        self.nodes = nodes
        # A removed node has weight 1: SPEC 17.2.
        self.eligible = sum(node.eligible_weight() > 0 for node in nodes) - len(self.options.removed)
        self.placement = self.make_placement()

    def make_placement(self):
        """What has `candidates(hash)`: finite, every eligible node in it, some perhaps twice."""
        match self.options.layout:
            case "jump-v1":
                return placements.Buckets(placements.jump, len(self.nodes))
            case "jumpback-v1":
                return placements.Buckets(placements.jumpback, len(self.nodes))
            case "memento-v1":
                return placements.Memento(len(self.nodes), self.options.removed)
            case "rendezvous-v1":
                return placements.Rendezvous(self.contenders())
            case "maglev-v1":
                return placements.Maglev(self.contenders(), self.options.table_size)
            case "balanced-v1":
                slots, room_permille = self.options.slots, self.options.room_permille
                return placements.Balanced(self.contenders(), slots, room_permille)
            case _:
                return Ring(self.nodes, self.options.vnodes, self.hash_of)

    def contenders(self) -> list[tuple[int, bytes, int]]:
        """(index, name, weight) of each eligible node."""
        weighted = ((index, node.name, node.eligible_weight()) for index, node in enumerate(self.nodes))
        return [row for row in weighted if row[2] > 0]

    @property
    def points(self) -> list[tuple[int, bytes, int]]:
        """The points of a ring; other layouts have none."""
        return getattr(self.placement, "points", [])

    @property
    def has_positions(self) -> bool:
        return hasattr(self.placement, "runs")

    def hash(self, key: bytes) -> int:
        return self.hash_of(hashed_part(key, self.options.hash_tag))

    def hash_of(self, data: bytes) -> int:
        if self.options.key is None:
            return xxh3_64(data)
        return placements.siphash(1, 3, self.options.key, data)

    def position(self, key: bytes) -> int | None:
        return position_of_hash(self.hash(key)) if self.has_positions else None

    def owner_of(self, h: int) -> int | None:
        return next(iter(self.placement.candidates(h)), None)

    def walk_of(self, h: int, at_most: int | None = None) -> list[int]:
        """The distinct nodes in the order of preference."""
        at_most = self.eligible if at_most is None else min(at_most, self.eligible)
        found: list[int] = []
        candidates = iter(self.placement.candidates(h))
        while len(found) < at_most:
            node = next(candidates)
            if node not in found:
                found.append(node)
        return found

    def owners_of(self, h: int, k: int) -> list[int]:
        """The first k nodes: one of each zone first, then the others, in walk order."""
        zones, first, skipped = set(), [], []
        for node in self.walk_of(h):
            zone = self.nodes[node].zone
            if zone is not None and zone in zones:
                skipped.append(node)
            else:
                first.append(node)
                zones.add(zone)
        return (first + skipped)[:k]

    def effective_weight(self, index: int) -> int:
        """SPEC 4.2; 0 for a node that may not own keys."""
        return self.nodes[index].eligible_weight()

    def capacity(self, index: int, factor_permille: int, total: int) -> int:
        """SPEC 18.2."""
        weight = self.effective_weight(index)
        if weight == 0:
            return 0
        weights = sum(self.effective_weight(other) for other in range(len(self.nodes)))
        return min(-(-factor_permille * (total + 1) * weight // (1000 * weights)), MASK64)

    def owner_bounded(self, h: int, factor_permille: int, total: int, loads: list[int]) -> int | None:
        """SPEC 18.3."""
        assert 1000 <= factor_permille <= 1_000_000
        for node in self.walk_of(h):
            if loads[node] < self.capacity(node, factor_permille, total):
                return node
        return None

    # A position stands for the least hash that has it; the lower half decides nothing.
    def owner_at(self, position: int) -> int | None:
        return self.owner_of(position << 32)

    def walk_at(self, position: int, at_most: int | None = None) -> list[int]:
        return self.walk_of(position << 32, at_most)

    def owners_at(self, position: int, k: int) -> list[int]:
        return self.owners_of(position << 32, k)

    def segments(self) -> list[tuple[int, int, int]]:
        """[(lo, hi, owner)], both ends inclusive, ascending, neighbours of one owner merged."""
        found: list[tuple[int, int, int]] = []
        low = 0
        for high, owner in self.placement.runs():
            if high < low:  # a point equal to the one before it, which has the smaller name
                continue
            if found and found[-1][2] == owner:
                found[-1] = (found[-1][0], high, owner)
            else:
                found.append((low, high, owner))
            low = high + 1
        return found


# -------------------------------------------------------------- command line

# The sanity buffer and answers that XXH3's author publishes with the algorithm.
PUBLISHED_XXH3 = {
    0: 0x2D06800538D394C2,
    1: 0xC44BDFF4074EECDB,
    6: 0x27B56A84CD2D7325,
    12: 0xA713DAF0DFBB77E7,
    24: 0xA3FE70BF9D3510EB,
    48: 0x397DA259ECBA1F11,
    80: 0xBCDEFBBB2C47C90A,
    195: 0xCD94217EE362EC3A,
    403: 0xCDEB804D65C6DEA4,
    512: 0x617E49599013CB6B,
    2048: 0xDD59E2C3A5F038E0,
    2240: 0x6E73A90539CF2948,
    2367: 0xCB37AEB9E5D361ED,
}


def sanity_buffer(length: int) -> bytes:
    generator, out = PRIME32_1, bytearray()
    for _ in range(length):
        out.append(generator >> 56)
        generator = generator * 0x9E3779B185EBCA8D & MASK64
    return bytes(out)


def selftest() -> int:
    """The number of published answers that XXH3 here does not give."""
    wrong = 0
    for length, expected in PUBLISHED_XXH3.items():
        found = xxh3_64(sanity_buffer(length))
        if found != expected:
            print(f"XXH3 of {length} bytes: {found:016x}, published {expected:016x}", file=sys.stderr)
            wrong += 1
    print(f"selftest: {len(PUBLISHED_XXH3) - wrong} of {len(PUBLISHED_XXH3)} published answers")
    return wrong


def main(arguments: list[str]) -> int:
    if arguments == ["selftest"]:
        return 1 if selftest() else 0
    if arguments in (["vectors"], ["vectors", "--check"]):
        import cases

        return cases.write(check="--check" in arguments)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
