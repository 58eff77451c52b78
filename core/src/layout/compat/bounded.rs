//! Where a key goes when its node has more than its share of the requests in progress: the option
//! `hash_balance_factor` of Envoy and HAProxy.
//!
//! Envoy 1.40.0 gives each host a number of slots by its weight. If the hashed host has no more
//! requests than slots, it is taken; so a host may have one more than its slots. Else the others are
//! looked at in an order shuffled by the key's hash, not in that of the ring.
//!
//! HAProxy gives each server slots likewise, cut so that they add up, and goes on from point to point
//! to a server with a slot free. It keeps counting a request whose client has left until the
//! server's side ends, so its own counts are not those of a client.

use alloc::{boxed::Box, vec::Vec};

use crate::NodeIndex;

/// The nodes that take keys, in the order of the list, and how much of the load each may have.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    /// In percent of an even share.
    pub(super) factor: u32,
    pub(super) rule: Rule,
}

#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// Each host's share of the weights.
    Envoy(Box<[(NodeIndex, f64)]>),
    /// Each server's number of points.
    Haproxy(Box<[(NodeIndex, u64)]>),
}

impl Bounded {
    /// The node for a hash, of which `first` is the owner and `walk` what follows it on the ring.
    pub(super) fn pick(
        &self,
        hash: u64,
        first: NodeIndex,
        mut walk: impl Iterator<Item = NodeIndex>,
        active: impl Fn(NodeIndex) -> u64,
    ) -> NodeIndex {
        match &self.rule {
            Rule::Envoy(hosts) => self.envoy(hash, first, hosts, active),
            Rule::Haproxy(servers) => {
                let slots = self.haproxy_slots(servers, &active);
                let is_free = |node: NodeIndex| {
                    let slot = slots.binary_search_by_key(&node, |&(node, _)| node);
                    let slots = slot.ok().and_then(|place| slots.get(place));
                    slots.is_some_and(|&(node, slots)| active(node) < slots)
                };
                walk.find(|&node| is_free(node)).unwrap_or(first)
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the seed is the hash's lower half")]
    fn envoy(
        &self,
        hash: u64,
        first: NodeIndex,
        hosts: &[(NodeIndex, f64)],
        active: impl Fn(NodeIndex) -> u64,
    ) -> NodeIndex {
        let total = hosts.iter().fold(0u64, |sum, &(node, _)| sum.saturating_add(active(node)));
        let total = percent(total, self.factor);
        // How full a host is: above 1 it takes no more.
        let fullness = |(node, share): (NodeIndex, f64)| {
            let slots = total as f64 * share;
            let whole = slots as u64 as f64;
            let slots = if whole < slots { whole + 1.0 } else { whole };
            active(node) as f64 / slots.max(1.0)
        };
        let Some(&hashed) = hosts.iter().find(|&&(node, _)| node == first) else { return first };
        let mut least = (fullness(hashed), first);
        if least.0 <= 1.0 {
            return first;
        }
        let mut random = MersenneTwister::new(hash as u32);
        let mut order: Vec<_> = hosts.to_vec();
        for place in 0..order.len() {
            let left = (order.len() - place) as u64;
            let step = (1 << 32) / left;
            let other = loop {
                let drawn = u64::from(random.draw()) / step;
                if drawn < left {
                    break drawn;
                }
            };
            order.swap(place, place + usize::try_from(other).unwrap_or_default());
            let Some(&host) = order.get(place) else { break };
            if host.0 == first {
                continue;
            }
            let fullness = fullness(host);
            if fullness <= 1.0 {
                return host.0;
            }
            if fullness < least.0 {
                least = (fullness, host.0);
            }
        }
        least.1
    }

    fn haproxy_slots(
        &self,
        servers: &[(NodeIndex, u64)],
        active: impl Fn(NodeIndex) -> u64,
    ) -> Vec<(NodeIndex, u64)> {
        let served = servers.iter().fold(0u64, |sum, &(node, _)| sum.saturating_add(active(node)));
        let total = percent(served, self.factor);
        let points: u64 = servers.iter().map(|&(_, points)| points).sum::<u64>().max(1);
        let (each, rest) = (total / points, u128::from(total % points));
        let mut before = 0u64;
        let slots = servers.iter().map(|&(node, count)| {
            // Below 2^24 points, so this is below 2^48.
            let cut = |points_before: u64| {
                u64::try_from(u128::from(points_before) * rest / u128::from(points))
                    .unwrap_or(u64::MAX)
            };
            let slots = count.saturating_mul(each) + cut(before + count) - cut(before);
            before += count;
            (node, slots.max(1))
        });
        slots.collect()
    }
}

/// `factor` percent of one request more, rounded up.
fn percent(active: u64, factor: u32) -> u64 {
    let total = (u128::from(active) + 1) * u128::from(factor) + 99;
    u64::try_from(total / 100).unwrap_or(u64::MAX)
}

/// MT19937 (Matsumoto and Nishimura, 1998), as C++'s `std::mt19937` has it.
struct MersenneTwister {
    state: [u32; Self::SIZE],
    next: usize,
}

impl MersenneTwister {
    const SIZE: usize = 624;
    const SHIFT: usize = 397;

    fn new(seed: u32) -> Self {
        let mut state = [0; Self::SIZE];
        let mut last = seed;
        for (slot, place) in state.iter_mut().zip(0u32..) {
            if place > 0 {
                last = (last ^ last >> 30).wrapping_mul(1_812_433_253).wrapping_add(place);
            }
            *slot = last;
        }
        Self { state, next: Self::SIZE }
    }

    fn draw(&mut self) -> u32 {
        if self.next >= Self::SIZE {
            for place in 0..Self::SIZE {
                let at = |ahead: usize| self.state[(place + ahead) % Self::SIZE];
                let joined = at(0) & 0x8000_0000 | at(1) & 0x7fff_ffff;
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[place] = at(Self::SHIFT) ^ joined >> 1 ^ odd;
            }
            self.next = 0;
        }
        let drawn = self.state[self.next];
        self.next += 1;
        let drawn = drawn ^ drawn >> 11;
        let drawn = drawn ^ drawn << 7 & 0x9d2c_5680;
        let drawn = drawn ^ drawn << 15 & 0xefc6_0000;
        drawn ^ drawn >> 18
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twister_is_the_standards() {
        // C++, [rand.predef]: the 10,000th number of the default seed.
        let mut random = MersenneTwister::new(5_489);
        let drawn = (0..10_000).map(|_| random.draw()).last();
        assert_eq!(drawn, Some(4_123_659_995));
    }
}
