"""reference.py against an independent XXH3, a naive ring, and its own vectors.

Needs pytest and xxhash (bindings of the C implementation).
"""

import random
import sys
from pathlib import Path

import pytest
import xxhash

sys.path.insert(0, str(Path(__file__).parent))

import reference  # noqa: E402
from reference import MASK32, Node, Table  # noqa: E402

SEED = 20261122


def rule_bytes(length: int) -> bytes:
    return bytes((i * 7 + length) % 251 for i in range(length))


@pytest.mark.parametrize("start", range(0, 2101, 100))
def test_xxh3_equals_the_c_implementation_at_every_length(start):
    for length in range(start, min(start + 100, 2101)):
        data = rule_bytes(length)
        assert reference.xxh3_64(data) == xxhash.xxh3_64_intdigest(data), f"length {length}"


def test_xxh3_equals_the_c_implementation_on_random_bytes():
    randomness = random.Random(SEED)
    lengths = [randomness.randrange(0, 300) for _ in range(2000)]
    lengths += [randomness.randrange(300, 20_000) for _ in range(30)] + [65_536, 100_001]
    for length in lengths:
        data = randomness.randbytes(length)
        expected = xxhash.xxh3_64_intdigest(data)
        assert reference.xxh3_64(data) == expected, f"seed {SEED}, {length} bytes: {data.hex()[:80]}"


def test_xxh3_gives_the_published_answers():
    assert reference.selftest() == 0
