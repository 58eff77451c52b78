//! Addresses for servers that a test starts as processes or by their address.

use std::{
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

/// An address of the loopback that nobody else will take until its server has it.
///
/// Ports below those that the system gives to outgoing connections, each given out once: a port
/// found free by asking for any would be taken by the next connection of another test.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() * 131;
        let port = 10_000 + u16::try_from(number % 20_000).expect("below 20,000");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
