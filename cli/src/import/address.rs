//! Addresses as a cluster file takes them.

use ringway_cluster::normal_address;

/// The address, if a cluster file takes it.
pub(super) fn plausible(address: String) -> Option<String> {
    normal_address(&address).is_ok().then_some(address)
}
