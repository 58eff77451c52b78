"""The function of jump-consistent-hash 3.6.0 (module jump): the same buckets and errors.

from ringway.compat import jump
"""

from __future__ import annotations

from operator import index
from typing import Final

from ringway._ringway import _jump

__all__ = ["hash"]

_INT32_MAX: Final = 2**31 - 1
_INT32_MIN: Final = -(2**31)
_UINT64_MAX: Final = 2**64 - 1


def hash(key: int, num_buckets: int) -> int:  # noqa: A001 - the package's name
    """The bucket of a key, 0 to num_buckets - 1: Lamping and Veach's jump consistent hash.

    key is any whole number, of which the lower 64 bits count; one that is negative is
    taken as two's complement. num_buckets is 1 to 2^31 - 1. Takes O(log num_buckets).

    Raises TypeError if one of them is no whole number, OverflowError if num_buckets is
    outside the signed 32 bits, ValueError if it is not positive.
    """
    key, num_buckets = index(key), index(num_buckets)
    if num_buckets > _INT32_MAX:
        msg = "signed integer is greater than maximum"
        raise OverflowError(msg)
    if num_buckets < _INT32_MIN:
        msg = "signed integer is less than minimum"
        raise OverflowError(msg)
    if num_buckets < 1:
        msg = f"'num_buckets' must be a positive number, got {num_buckets}"
        raise ValueError(msg)
    return _jump(key & _UINT64_MAX, num_buckets)


# The package has both names for its two ways to compute one function.
py_hash = c_hash = hash
