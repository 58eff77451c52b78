"""SPEC 10 and on: the layouts that are no ring, slowly. Part of reference.py.

Each class has `candidates(hash)`: the indices of nodes in the order of preference, finite.
"""

from collections.abc import Callable, Iterator

from xxh3 import MASK64

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
