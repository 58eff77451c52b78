//! Addresses as a cluster file takes them.

use ringway::Layout;
use ringway_cluster::{ClusterFile, NodeEntry};

/// The address, if a cluster file takes it.
pub(super) fn plausible(address: String) -> Option<String> {
    let mut node = NodeEntry::new("node");
    node.address = Some(address);
    let nodes = vec![node];
    ClusterFile::new(Layout::ringway_v1(), nodes.clone()).ok()?;
    nodes.into_iter().next().and_then(|node| node.address)
}

/// Whether a cluster file takes the two addresses for one.
pub(super) fn same(a: &Option<String>, b: &Option<String>) -> bool {
    let (mut first, mut second) = (NodeEntry::new("a"), NodeEntry::new("b"));
    if a.is_none() || b.is_none() {
        return false;
    }
    (first.address, second.address) = (a.clone(), b.clone());
    ClusterFile::new(Layout::ringway_v1(), vec![first, second]).is_err()
}
