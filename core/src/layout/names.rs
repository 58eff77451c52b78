//! What layouts are called.

use core::fmt;

/// The native layouts, in the order of the SPEC.
pub(super) const NAMES: &[&str] = &[
    "ringway-v1",
    "jump-v1",
    "jumpback-v1",
    "rendezvous-v1",
    "maglev-v1",
    "balanced-v1",
    "ringway-keyed-v1",
    #[cfg(feature = "alloc")]
    "memento-v1",
];

/// Deployed programs' layouts, in the order of `docs/layouts.md`.
pub(super) const COMPAT_NAMES: [&str; 30] = [
    "nginx",
    "nginx-modulo",
    "libmemcached-ketama",
    "libmemcached-ketama-weighted",
    "libmemcached-modula",
    "libmemcached-spy",
    "twemproxy-ketama",
    "twemproxy-modula",
    "envoy-ring",
    "envoy-maglev",
    "haproxy-consistent",
    "haproxy-map",
    "uhashring",
    "uhashring-ketama",
    "npm-hashring",
    "npm-memcached",
    "pymemcache",
    "python-memcached",
    "spymemcached-ketama",
    "spymemcached-modulo",
    "redis-cluster",
    "groupcache",
    "stathat",
    "serialx",
    "pingora",
    "jump",
    "guava",
    "varnish-shard",
    "ats-parent",
    "cassandra-token",
];

pub(crate) fn write_names(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, name) in NAMES.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        f.write_str(name)?;
    }
    if cfg!(feature = "compat") {
        f.write_str(" and those of deployed programs (docs/layouts.md)")?;
    }
    Ok(())
}
