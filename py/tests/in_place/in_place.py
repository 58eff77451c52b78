"""A plugin for pytest: the originals' own tests meet Ringway where they expect the original."""

import sys

import ringway.compat.jump
from pymemcache.client import hash as hash_client
from pymemcache.client import rendezvous
from ringway.compat.pymemcache import Hasher

sys.modules["jump"] = ringway.compat.jump

defaults = hash_client.HashClient.__init__.__defaults__
assert defaults is not None
assert defaults[0] is rendezvous.RendezvousHash
hash_client.HashClient.__init__.__defaults__ = (Hasher, *defaults[1:])
rendezvous.RendezvousHash = Hasher
hash_client.RendezvousHash = Hasher
