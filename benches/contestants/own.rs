//! Ringway's layouts.

use std::net::SocketAddr;

use ringway::{Layout, SipKey, Table};
use ringway_bench::table_of;

use super::Map;

/// A table, and the addresses that belong to its indices.
struct Own {
    table: Table,
    nodes: Vec<SocketAddr>,
}

impl Own {
    fn new(layout: &Layout, nodes: &[SocketAddr]) -> Self {
        Self { table: table_of(layout, nodes), nodes: nodes.to_vec() }
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.nodes.get(self.table.owner(key)?.as_usize()).copied()
    }
}

macro_rules! layouts {
    ($($name:ident = $layout:expr;)*) => {$(
        pub(super) struct $name(Own);

        impl Map for $name {
            fn build(nodes: &[SocketAddr]) -> Self {
                Self(Own::new(&$layout, nodes))
            }

            #[inline(always)]
            fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
                self.0.owner(key)
            }

            #[inline(always)]
            fn look_up(&self, key: &[u8]) -> u64 {
                self.0.table.owner(key).map_or(0, |node| u64::from(node.get()))
            }
        }
    )*};
}

/// With the address looked up in the user's list.
pub(super) struct RingwayV1Address(RingwayV1);

impl Map for RingwayV1Address {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self(RingwayV1::build(nodes))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.owner(key)
    }
}

layouts! {
    RingwayV1 = Layout::ringway_v1();
    RingwayKeyedV1 = Layout::ringway_keyed_v1(SipKey::new([7; 16]));
    MaglevV1 = Layout::maglev_v1();
    BalancedV1 = Layout::balanced_v1();
    JumpV1 = Layout::jump_v1();
    JumpbackV1 = Layout::jumpback_v1();
    RendezvousV1 = Layout::rendezvous_v1();
}
