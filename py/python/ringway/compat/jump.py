"""The function of jump-consistent-hash 3.6.0 (module jump): the same buckets and errors.

    from ringway.compat import jump

    jump.hash(key, num_buckets)

key is any whole number, of which the lower 64 bits count; num_buckets is 1 to 2^31 - 1.
"""

from ringway._ringway import _jump_hash

__all__ = ["hash"]

hash = _jump_hash  # noqa: A001 - the package's name

# The package has these names for its two ways to compute one function.
py_hash = c_hash = hash
