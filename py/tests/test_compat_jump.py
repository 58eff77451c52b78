"""ringway.compat.jump beside the package jump-consistent-hash: the same buckets and errors."""

import random
from typing import Any

import jump as package
import pytest
from ringway.compat import jump


def test_every_key_has_the_packages_bucket() -> None:
    source = random.Random(7)  # noqa: S311 - it repeats
    for _ in range(20_000):
        key = source.getrandbits(source.choice([1, 8, 32, 63, 64, 65, 160]))
        key *= source.choice([1, 1, -1])
        buckets = source.randint(1, 2 ** source.randint(1, 31) - 1)
        assert jump.hash(key, buckets) == package.hash(key, buckets), (key, buckets)


class Number:
    """What is an int to operator.index()."""

    def __index__(self) -> int:
        return 42


@pytest.mark.parametrize(
    ("key", "buckets"),
    [
        *((42, buckets) for buckets in (0, -1, 2**31, -(2**31), -(2**31) - 1, 2**31 - 1)),
        (42, 5.0),
        (1.5, 5),
        ("42", 5),
        (b"42", 5),
        (None, 5),
        (42, None),
        (True, 3),
        (Number(), 57),
        (42, Number()),
        (1.5, 2**31),
    ],
    ids=str,
)
def test_errors_are_the_packages(key: Any, buckets: Any) -> None:
    outcomes: list[Any] = []
    for function in (jump.hash, package.py_hash):
        try:
            outcomes.append(function(key, buckets))
        except (TypeError, ValueError, OverflowError) as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


def test_keywords_are_the_packages() -> None:
    assert jump.hash(key=42, num_buckets=57) == 43
    assert jump.c_hash is jump.py_hash is jump.hash
