//! Addresses as a cluster file takes them.

use ringway_cluster::normal_address;

/// The address, if a cluster file takes it.
pub(super) fn plausible(address: String) -> Option<String> {
    normal_address(&address).is_ok().then_some(address)
}

/// Whether a cluster file takes the two addresses for one.
pub(super) fn same(a: Option<&str>, b: Option<&str>) -> bool {
    let normal = |text: Option<&str>| normal_address(text?).ok();
    a.is_some() && normal(a) == normal(b)
}
