"""The functions of the module."""

import sys
from typing import Any

import pytest
import ringway
from hypothesis import given, settings
from hypothesis import strategies as st
from ringway import RingwayError, Table
from support import ROOT, bytes_of, cases

sys.path.insert(0, str(ROOT / "spec"))

import placements

hashes = st.integers(0, 2**64 - 1)
# Ertl's bits end at powers of two, so these come often.
counts = st.integers(1, 2**32 - 1) | st.integers(0, 31).map(lambda bits: 1 << bits)


@settings(deadline=None, max_examples=300, print_blob=True)
@given(hash_=hashes, n=counts)
def test_buckets_are_those_of_the_reference(hash_: int, n: int) -> None:
    assert ringway.jump(hash_, n) == placements.jump(hash_, n)
    assert ringway.jumpback(hash_, n) == placements.jumpback(hash_, n)


def test_buckets_are_the_owners_of_the_layouts() -> None:
    for n in (1, 2, 3, 10, 1_000):
        names = [f"n{i}" for i in range(n)]
        for layout, function in (("jump-v1", ringway.jump), ("jumpback-v1", ringway.jumpback)):
            table = Table(names, layout=layout)
            for i in range(100):
                assert table.index(f"k{i}") == function(ringway.key_hash(f"k{i}"), n)


def test_key_hash_is_xxh3() -> None:
    for case in cases("xxh3.json"):
        key = bytes_of({"key_length": case["length"]}, "key")
        assert key is not None
        assert ringway.key_hash(key) == int(case["hash"], 16)
    table = Table([])
    for text in ("", "user:1", "caf\u00e9"):
        assert ringway.key_hash(text) == ringway.key_hash(text.encode()) == table.key_hash(text)
        assert ringway.key_hash(bytearray(text.encode())) == ringway.key_hash(text)


@pytest.mark.parametrize("function", [ringway.jump, ringway.jumpback])
def test_wrong_arguments(function: Any) -> None:
    for n in (0, -1, 1 << 32, 1 << 80):
        with pytest.raises(RingwayError, match=f"^n must be 1 to 4294967295, not {n}$"):
            function(1, n)
    for hash_ in (-1, 1 << 64):
        with pytest.raises(RingwayError, match=f"^a hash must be 0 to {2**64 - 1}, not {hash_}$"):
            function(hash_, 1)
    for wrong, name in (("1", "str"), (1.0, "float"), (True, "bool"), (None, "None")):
        with pytest.raises(TypeError, match=f"^n must be int, not {name}$"):
            function(1, wrong)
        with pytest.raises(TypeError, match=f"^a hash must be int, not {name}$"):
            function(wrong, 1)
    with pytest.raises(TypeError, match="positional"):
        function(hash=1, n=2)
