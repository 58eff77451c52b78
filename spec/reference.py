#!/usr/bin/env python3
"""The slow twin of ringway: SPEC.md as plain Python, standard library only.

    python3 spec/reference.py vectors            write spec/vectors/*.json anew
    python3 spec/reference.py vectors --check    exit 1 if a committed file differs
    python3 spec/reference.py selftest           XXH3 against its published answers

It is written to be read beside SPEC.md, whose sections the headings name; section
9 is in cluster_file.py. What the vectors ask is chosen in cases.py and the files it
imports; the answers come from here.
"""

import re
import sys
from dataclasses import dataclass

MASK32 = (1 << 32) - 1
MASK64 = (1 << 64) - 1

# ------------------------------------------------ SPEC 2: XXH3-64 with seed 0

PRIME32_1 = 0x9E3779B1
PRIME32_2 = 0x85EBCA77
PRIME32_3 = 0xC2B2AE3D
PRIME64_1 = 0x9E3779B185EBCA87
PRIME64_2 = 0xC2B2AE3D27D4EB4F
PRIME64_3 = 0x165667B19E3779F9
PRIME64_4 = 0x85EBCA77C2B2AE63
PRIME64_5 = 0x27D4EB2F165667C5
PRIME_MX1 = 0x165667919E3779F9
PRIME_MX2 = 0x9FB21C651E98DF25

# XXH3's default secret, 192 bytes.
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)

STRIPE = 64  # bytes one accumulation step reads
STRIPES_PER_BLOCK = 16  # (192 - 64) / 8: the secret advances 8 bytes a stripe
BLOCK = STRIPE * STRIPES_PER_BLOCK


def le32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def le64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def rotate_left(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK64


def byte_swap(value: int) -> int:
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def fold(a: int, b: int) -> int:
    """The 128-bit product's two halves, xored."""
    product = a * b
    return (product & MASK64) ^ (product >> 64)


def avalanche_xxh64(h: int) -> int:
    h = ((h ^ h >> 33) * PRIME64_2) & MASK64
    h = ((h ^ h >> 29) * PRIME64_3) & MASK64
    return h ^ h >> 32


def avalanche(h: int) -> int:
    h = ((h ^ h >> 37) * PRIME_MX1) & MASK64
    return h ^ h >> 32


def xxh3_64(data: bytes) -> int:
    """XXH3_64bits(data): seed 0, default secret."""
    if len(data) <= 16:
        return xxh3_up_to_16(data)
    if len(data) <= 128:
        return xxh3_17_to_128(data)
    if len(data) <= 240:
        return xxh3_129_to_240(data)
    return xxh3_over_240(data)


def xxh3_up_to_16(data: bytes) -> int:
    length = len(data)
    if length == 0:
        return avalanche_xxh64(le64(SECRET, 56) ^ le64(SECRET, 64))
    if length <= 3:
        combined = data[0] << 16 | data[length >> 1] << 24 | data[-1] | length << 8
        return avalanche_xxh64(combined ^ le32(SECRET, 0) ^ le32(SECRET, 4))
    if length <= 8:
        both = le32(data, length - 4) + (le32(data, 0) << 32)
        h = both ^ le64(SECRET, 8) ^ le64(SECRET, 16)
        h ^= rotate_left(h, 49) ^ rotate_left(h, 24)
        h = h * PRIME_MX2 & MASK64
        h ^= (h >> 35) + length
        h = h * PRIME_MX2 & MASK64
        return h ^ h >> 28
    low = le64(data, 0) ^ le64(SECRET, 24) ^ le64(SECRET, 32)
    high = le64(data, length - 8) ^ le64(SECRET, 40) ^ le64(SECRET, 48)
    return avalanche((length + byte_swap(low) + high + fold(low, high)) & MASK64)


def mix16(data: bytes, at: int, secret_at: int) -> int:
    return fold(
        le64(data, at) ^ le64(SECRET, secret_at),
        le64(data, at + 8) ^ le64(SECRET, secret_at + 8),
    )


def xxh3_17_to_128(data: bytes) -> int:
    length = len(data)
    h = length * PRIME64_1
    for pair in range((length - 1) // 32 + 1):  # from both ends towards the middle
        h += mix16(data, 16 * pair, 32 * pair)
        h += mix16(data, length - 16 * (pair + 1), 32 * pair + 16)
    return avalanche(h & MASK64)


def xxh3_129_to_240(data: bytes) -> int:
    length = len(data)
    h = length * PRIME64_1
    for i in range(8):
        h += mix16(data, 16 * i, 16 * i)
    h = avalanche(h & MASK64)
    for i in range(8, length // 16):
        h += mix16(data, 16 * i, 16 * (i - 8) + 3)
    h += mix16(data, length - 16, 136 - 17)
    return avalanche(h & MASK64)


def accumulate(lanes: list[int], data: bytes, at: int, secret_at: int) -> None:
    for i in range(8):
        value = le64(data, at + 8 * i)
        keyed = value ^ le64(SECRET, secret_at + 8 * i)
        lanes[i ^ 1] = (lanes[i ^ 1] + value) & MASK64
        lanes[i] = (lanes[i] + (keyed & MASK32) * (keyed >> 32)) & MASK64


def scramble(lanes: list[int]) -> None:
    for i in range(8):
        lane = lanes[i] ^ lanes[i] >> 47 ^ le64(SECRET, 128 + 8 * i)
        lanes[i] = lane * PRIME32_1 & MASK64


def xxh3_over_240(data: bytes) -> int:
    length = len(data)
    lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]
    for stripe in range((length - 1) // STRIPE):
        within = stripe % STRIPES_PER_BLOCK
        accumulate(lanes, data, STRIPE * stripe, 8 * within)
        if within == STRIPES_PER_BLOCK - 1:
            scramble(lanes)
    accumulate(lanes, data, length - STRIPE, 192 - STRIPE - 7)
    h = length * PRIME64_1
    for i in range(4):
        h += fold(lanes[2 * i] ^ le64(SECRET, 11 + 16 * i), lanes[2 * i + 1] ^ le64(SECRET, 19 + 16 * i))
    return avalanche(h & MASK64)


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
    vnodes: int = VNODES_DEFAULT
    hash_tag: bytes | None = None


def read_options(layout: str, given: list[list]) -> Options:
    """Pairs of an option's name and its value, checked in the order given."""
    if layout != "ringway-v1":
        raise BuildError("unknown-layout")
    read: dict = {}
    for name, value in given:
        if name == "vnodes":
            # A bool is an int in Python, but not a whole number here.
            if type(value) is not int or not 1 <= value <= VNODES_MAX:
                raise BuildError("bad-option")
            read[name] = value
        elif name == "hash_tag":
            if type(value) is not str or not re.fullmatch("[!-~]{2}", value):
                raise BuildError("bad-option")
            read[name] = value.encode("ascii")
        else:
            raise BuildError("unknown-option")
    return Options(**read)


def check_nodes(nodes: list[Node], vnodes: int) -> int:
    """Every limit on the nodes, in the order of SPEC 8.4; gives the number of points."""
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
    points = sum(vnodes * node.eligible_weight() for node in nodes)
    assert points <= MASK64
    if points > POINTS_MAX:
        raise BuildError("too-many-points")
    return points


# ------------------------------- SPEC 4-7: ringway-v1, walk, replicas, segments


class Table:
    """Nodes under the layout ringway-v1; answers are indices into `nodes`."""

    def __init__(self, layout: str, options: list[list], nodes: list[Node]):
        self.options = read_options(layout, options)
        check_nodes(nodes, self.options.vnodes)
        self.nodes = nodes
        self.eligible = sum(node.eligible_weight() > 0 for node in nodes)
        # Sorted by point, then by name, bytewise: SPEC 4.3.
        self.points: list[tuple[int, bytes, int]] = sorted(
            (position_of_hash(xxh3_64(node.name + i.to_bytes(4, "little"))), node.name, index)
            for index, node in enumerate(nodes)
            for i in range(self.options.vnodes * node.eligible_weight())
        )

    def hash(self, key: bytes) -> int:
        return xxh3_64(hashed_part(key, self.options.hash_tag))

    def position(self, key: bytes) -> int:
        return position_of_hash(self.hash(key))

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

    def owner_at(self, position: int) -> int | None:
        return self.points[self.first_point(position)][2] if self.points else None

    def walk_at(self, position: int, at_most: int | None = None) -> list[int]:
        """The distinct nodes in the order their points come from `position` on."""
        at_most = self.eligible if at_most is None else min(at_most, self.eligible)
        found: list[int] = []
        at = self.first_point(position)
        while len(found) < at_most:
            node = self.points[at][2]
            if node not in found:
                found.append(node)
            at = (at + 1) % len(self.points)
        return found

    def owners_at(self, position: int, k: int) -> list[int]:
        """The first k nodes: one of each zone first, then the others, in walk order."""
        zones, first, skipped = set(), [], []
        for node in self.walk_at(position):
            zone = self.nodes[node].zone
            if zone is not None and zone in zones:
                skipped.append(node)
            else:
                first.append(node)
                zones.add(zone)
        return (first + skipped)[:k]

    def segments(self) -> list[tuple[int, int, int]]:
        """[(lo, hi, owner)], both ends inclusive, ascending, neighbours of one owner merged."""
        if not self.points:
            return []
        found: list[tuple[int, int, int]] = []

        def add(low: int, high: int, owner: int) -> None:
            if found and found[-1][2] == owner:
                low = found.pop()[0]
            found.append((low, high, owner))

        low = 0
        for point, _, owner in self.points:
            if point < low:  # equal to the point before it, which has the smaller name
                continue
            add(low, point, owner)
            low = point + 1
        if low <= MASK32:  # beyond the last point: wraps to the first
            add(low, MASK32, self.points[0][2])
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
