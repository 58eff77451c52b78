//! Ringway on a Cortex-M4: no operating system, no heap, no atomics.
//!
//! A ring in an array, its nodes in a vector of a fixed capacity. What is printed goes through the
//! debugger's semihosting.
#![no_std]
#![no_main]

use core::{panic::PanicInfo, str};

use cortex_m_rt::entry;
use cortex_m_semihosting::{
    debug::{self, EXIT_FAILURE, EXIT_SUCCESS},
    hprintln,
};
use heapless::Vec;
use ringway::{BuildError, Node, Placement, Point, Ring, RingBuilder};

/// So many nodes there may be, of 160 points each.
const NODES_MAX: usize = 8;

#[entry]
fn main() -> ! {
    // `entry` hands out the only reference that there is. Eight bytes a point: 10,240 in all.
    static mut POINTS: [Point; 160 * NODES_MAX] = [Point::EMPTY; 160 * NODES_MAX];

    let mut nodes: Vec<Node<'_>, NODES_MAX> = Vec::new();
    for name in ["db1", "db2", "db3"] {
        // Where there is room for no more, the node comes back.
        if nodes.push(Node::new(name)).is_err() {
            debug::exit(EXIT_FAILURE);
        }
    }
    let is_shown = show(RingBuilder::new().build_in(&nodes, &mut POINTS[..]), &nodes);
    debug::exit(if is_shown { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {}
}

/// Says who owns some keys; false if there is no ring.
fn show(ring: Result<Ring<&mut [Point]>, BuildError>, nodes: &[Node<'_>]) -> bool {
    let Ok(ring) = ring else { return false };
    for key in ["user:42", "user:43", "user:44", "user:45"] {
        let owner = ring.owner(key.as_bytes()).and_then(|owner| nodes.get(owner.as_usize()));
        let name = owner.and_then(|node| str::from_utf8(node.name()).ok()).unwrap_or("nobody");
        hprintln!("{} {}", key, name);
    }
    true
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(EXIT_FAILURE);
    loop {}
}
