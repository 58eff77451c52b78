"""Drop-in replacements for other packages, and routers for their clients.

Each keeps a key where the package it stands in for has put it: placement comes from the
layouts of deployed programs (docs/layouts.md), not from Python.

uhashring: HashRing, as uhashring 2.5 has it.
jump: hash, as the package jump-consistent-hash has it.
pymemcache: Hasher, for HashClient's argument hasher.
redis: Router and Pipeline, over the clients of redis-py.

Nothing but ringway is imported until a client is made.
"""
