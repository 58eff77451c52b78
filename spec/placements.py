"""SPEC 10 and on: the layouts that are no ring, slowly. Part of reference.py.

Each class has `candidates(hash)`: the indices of nodes in the order of preference, finite.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from xxh3 import MASK64, xxh3_64

ATTEMPTS = 64
STRIDE = 0x9E3779B97F4A7C15


def splitmix64(z: int) -> int:
    """SPEC 10.2: the output function of splitmix64."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
    return z ^ z >> 31


# ------------------------------------------------------------ SPEC 11: jump-v1


def jump(h: int, buckets: int) -> int:
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        h = (h * 2862933555777941757 + 1) & MASK64
        # Doubles, each operation rounded; int() truncates.
        following = int((bucket + 1) * (2147483648.0 / float((h >> 33) + 1)))
    return bucket


# -------------------------------------------------------- SPEC 12: jumpback-v1


def jumpback(h: int, buckets: int) -> int:
    if buckets == 1:
        return 0
    state = h

    def draw() -> int:
        nonlocal state
        state = (state + STRIDE) & MASK64
        return splitmix64(state)

    first = draw()
    jumps = (first ^ first >> 32) & ((1 << (buckets - 1).bit_length()) - 1)
    while jumps:
        floor = 1 << (jumps.bit_length() - 1)
        bucket = floor + (first >> (32 * jumps.bit_count() % 64) & (floor - 1))
        while bucket >= buckets:
            number = draw()
            bucket = number & (2 * floor - 1)
            if bucket >= buckets:
                bucket = number >> 32 & (2 * floor - 1)
        if bucket >= floor:
            return bucket
        jumps ^= floor
    return 0


class Buckets:
    """SPEC 10.4: the place in the list is the identity."""

    def __init__(self, bucket_of: Callable[[int, int], int], count: int):
        self.bucket_of = bucket_of
        self.count = count

    def candidates(self, h: int) -> Iterator[int]:
        if self.count == 0:
            return
        owner = self.bucket_of(h, self.count)
        yield owner
        for attempt in range(1, ATTEMPTS):
            yield self.bucket_of(splitmix64((h + attempt * STRIDE) & MASK64), self.count)
        for step in range(1, self.count):
            yield (owner + step) % self.count


# --------------------------------------------------------- SPEC 17: memento-v1


class Memento(Buckets):
    def __init__(self, count: int, removed: tuple[int, ...]):
        super().__init__(lambda h, _: self.owner(h), count)
        self.removed = removed
        self.buckets = count
        self.state: dict[int, tuple[int, int]] = {}  # bucket: (working nodes after it, the one before)
        previous = None
        for step, bucket in enumerate(removed, start=1):
            if not self.state and bucket == self.buckets - 1:
                self.buckets -= 1
            else:
                self.state[bucket] = (count - step, bucket if previous is None else previous)
                previous = bucket

    def owner(self, h: int) -> int:
        bucket = jump(h, self.buckets)
        while bucket in self.state:
            working = self.state[bucket][0]
            drawn = splitmix64(h ^ (bucket + 1) * 0xD1342543DE82EF95 & MASK64) * working >> 64
            while drawn in self.state and self.state[drawn][0] >= working:
                drawn = self.state[drawn][0]
            bucket = drawn
        return bucket

    def candidates(self, h: int) -> Iterator[int]:
        if len(self.removed) < self.count:
            yield from (node for node in super().candidates(h) if node not in self.removed)


# ------------------------------------------------------ SPEC 13: rendezvous-v1


def cost(draw: int) -> int:
    """64 * 2^32 - log2(draw + 1) * 2^32, the logarithm truncated to 32 bits after the point."""
    whole = (draw + 1).bit_length() - 1
    mantissa = (draw + 1) << 63 >> whole  # 1.63: 2^63 to 2^64 - 1
    fraction = 0
    for _ in range(32):
        mantissa = mantissa * mantissa >> 63
        fraction <<= 1
        if mantissa >= 1 << 64:
            mantissa >>= 1
            fraction |= 1
    return (64 - whole) * (1 << 32) - fraction


class Rendezvous:
    def __init__(self, contenders: list[tuple[int, bytes, int]]):
        self.contenders = [(index, name, weight, xxh3_64(name)) for index, name, weight in contenders]
        self.mixed = len({weight for _, _, weight in contenders}) > 1

    def scores(self, h: int) -> list[tuple]:
        """Sorted by what decides, best first; the index comes last."""
        rows = []
        for index, name, weight, name_hash in self.contenders:
            draw = splitmix64(h ^ name_hash)
            # With equal weights the order by cost is that by draw.
            share = Fraction(cost(draw), weight) if self.mixed else 0
            rows.append((share, -draw, name, index))
        return sorted(rows)

    def candidates(self, h: int) -> Iterator[int]:
        for row in self.scores(h):
            yield row[-1]


# ---------------------------------------------------------- SPEC 14: maglev-v1


class Maglev:
    def __init__(self, contenders: list[tuple[int, bytes, int]], size: int):
        self.entries: list[int | None] = [None] * size if contenders else []
        free = len(self.entries)
        heaviest = max((weight for _, _, weight in contenders), default=0)
        by_name = sorted((name, index, weight) for index, name, weight in contenders)
        places = {index: self.permutation(name, size) for name, index, _ in by_name}
        turn = 0
        while free:
            turn += 1
            for _, index, weight in by_name:
                if free and -(-turn * weight // heaviest) > -(-(turn - 1) * weight // heaviest):
                    entry = next(place for place in places[index] if self.entries[place] is None)
                    self.entries[entry] = index
                    free -= 1

    @staticmethod
    def permutation(name: bytes, size: int) -> Iterator[int]:
        offset = xxh3_64(name + bytes(4)) % size
        skip = xxh3_64(name + (1).to_bytes(4, "little")) % (size - 1) + 1
        for step in range(size):
            yield (offset + step * skip) % size

    def candidates(self, h: int) -> Iterator[int]:
        size = len(self.entries)
        first = h * size >> 64
        for step in range(size):
            yield self.entries[(first + step) % size]


# -------------------------------------------------------- SPEC 15: balanced-v1


class Balanced:
    def __init__(self, contenders: list[tuple[int, bytes, int]], slots: int, room_permille: int):
        self.rendezvous = Rendezvous(contenders)
        self.bits = slots.bit_length() - 1
        whole = sum(weight for _, _, weight in contenders)
        room = {
            index: max(-(-slots * weight // whole), slots * weight * room_permille // (1000 * whole))
            for index, _, weight in contenders
        }
        self.owners: list[int] = []
        for slot in range(slots if contenders else 0):
            scores = self.rendezvous.scores(self.slot_hash(slot))
            owner = next(row[-1] for row in scores if room[row[-1]])
            room[owner] -= 1
            self.owners.append(owner)

    @staticmethod
    def slot_hash(slot: int) -> int:
        return xxh3_64(slot.to_bytes(4, "little"))

    def candidates(self, h: int) -> Iterator[int]:
        if not self.owners:
            return
        slot = h >> (64 - self.bits)
        yield self.owners[slot]
        yield from self.rendezvous.candidates(self.slot_hash(slot))

    def runs(self) -> Iterator[tuple[int, int]]:
        for slot, owner in enumerate(self.owners, start=1):
            yield (slot << (32 - self.bits)) - 1, owner


# ----------------------------------------------------- SPEC 16: ringway-keyed-v1


def siphash(c_rounds: int, d_rounds: int, key: bytes, data: bytes) -> int:
    """SipHash-c-d with 64 bits of output."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & MASK64

    def half_round(a: int, b: int, c: int, d: int, s: int, t: int) -> None:
        v[a] = (v[a] + v[b]) & MASK64
        v[c] = (v[c] + v[d]) & MASK64
        v[b] = rotate(v[b], s) ^ v[a]
        v[d] = rotate(v[d], t) ^ v[c]
        v[a] = rotate(v[a], 32)

    def rounds(count: int) -> None:
        for _ in range(count):
            half_round(0, 1, 2, 3, 13, 16)
            half_round(2, 1, 0, 3, 17, 21)

    whole = len(data) // 8 * 8
    last = data[whole:].ljust(7, b"\0") + bytes([len(data) % 256])
    for block in [data[at : at + 8] for at in range(0, whole, 8)] + [last]:
        word = int.from_bytes(block, "little")
        v[3] ^= word
        rounds(c_rounds)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(d_rounds)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
