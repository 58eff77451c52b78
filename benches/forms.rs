//! Which structure finds the owner fastest, hash given? One run, minima; prints a table.
//!
//! Dimensions: form × nodes. The forms: `core`, the ring as shipped (guide inside the points);
//! `packed`, the guide as a second array of `u32`; `split`, positions and owners in two arrays
//! and one guide slot for four points; `bisect`, a binary search over all points.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation, reason = "a bench")]

use ringway::{Placement, Ring};
use ringway_bench::{BLOCK_KEYS, Contestant, Keys, NODE_COUNTS, Row, minima, names, record};

fn main() {
    let hashes = Keys::new(16).hashes();
    let mut rows = Vec::new();
    println!("ns per lookup, hash given; bytes per point");
    println!("{:>7} {:>14} {:>14} {:>14} {:>14}", "nodes", "core", "packed", "split", "bisect");
    for count in NODE_COUNTS {
        let names = names(count);
        let nodes: Vec<_> = names.iter().map(|name| ringway::Node::new(name)).collect();
        let ring = Ring::new(&nodes).expect("distinct names");
        let points: Vec<(u32, u16)> = ring
            .points()
            .iter()
            .map(|point| (point.position(), point.owner().as_usize() as u16))
            .collect();
        let (packed, split, bisect) =
            (Packed::new(&points), Split::new(&points), Bisect::new(&points));
        for &hash in hashes.iter() {
            let owner = ring.owner_by_hash(hash).expect("an owner").as_usize() as u16;
            let others = [packed.owner(hash), split.owner(hash), bisect.owner(hash)];
            assert_eq!(others, [owner; 3], "hash {hash:#x}, {count} nodes");
        }
        let bytes = [
            8.0,
            packed.bytes() as f64 / points.len() as f64,
            split.bytes() as f64 / points.len() as f64,
            6.0,
        ];
        let mut contestants: [Contestant<'_>; 4] = [
            ("core", pass(&hashes, |hash| ring.owner_by_hash(hash).map_or(0, |o| o.get() as u16))),
            ("packed", pass(&hashes, |hash| packed.owner(hash))),
            ("split", pass(&hashes, |hash| split.owner(hash))),
            ("bisect", pass(&hashes, |hash| bisect.owner(hash))),
        ];
        let best = minima(&mut contestants, 100);
        print!("{count:>7}");
        for (((name, _), &ns), bytes) in contestants.iter().zip(&best).zip(bytes) {
            print!(" {ns:>7.2} {bytes:>6.2}");
            for (figure, unit) in [(ns, "ns/lookup"), (bytes, "bytes/point")] {
                rows.push(Row { what: (*name).to_owned(), nodes: count, figure, unit });
            }
        }
        println!();
    }
    record("forms", &rows);
}

fn pass<'a>(
    hashes: &'a [u64],
    owner: impl Fn(u64) -> u16 + 'a,
) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    Box::new(move |block| {
        let hashes = &hashes[block * BLOCK_KEYS..][..BLOCK_KEYS];
        hashes.iter().map(|&hash| u64::from(owner(hash))).sum()
    })
}

/// Points of position 32 | owner 16 | 16 unused bits, and one `u32` a bucket.
struct Packed {
    points: Vec<u64>,
    index: Vec<u32>,
    shift: u32,
}

impl Packed {
    fn new(points: &[(u32, u16)]) -> Self {
        let bits = (usize::BITS - points.len().leading_zeros()).min(30);
        let shift = 32 - bits;
        let index = (0..=1u64 << bits)
            .map(|b| points.partition_point(|p| u64::from(p.0) < b << shift) as u32)
            .collect();
        let mut packed: Vec<u64> =
            points.iter().map(|&(p, o)| u64::from(p) << 32 | u64::from(o) << 16).collect();
        let first = packed[0] & 0xffff_0000;
        packed.extend([0xffff_ffff_0000_0000 | first; 5]);
        Self { points: packed, index, shift }
    }

    #[inline]
    fn owner(&self, hash: u64) -> u16 {
        let position = (hash >> 32) as u32;
        let below = u64::from(position) << 32;
        let bucket = (position >> self.shift) as usize;
        let Some(&start) = self.index.get(bucket) else { return 0 };
        let Some(window) = self.points.get(start as usize..).and_then(|p| p.first_chunk::<5>())
        else {
            return 0;
        };
        let count = window[..4].iter().map(|&p| usize::from(p < below)).sum::<usize>();
        if count == 4 {
            return self.far(bucket, below);
        }
        (window[count] >> 16) as u16
    }

    #[cold]
    #[inline(never)]
    fn far(&self, bucket: usize, below: u64) -> u16 {
        let (start, end) = (self.index[bucket] as usize, self.index[bucket + 1] as usize);
        let at = start + self.points[start..end].partition_point(|&p| p < below);
        (self.points[at] >> 16) as u16
    }

    fn bytes(&self) -> usize {
        self.points.len() * 8 + self.index.len() * 4
    }
}

/// Positions and owners apart; a bucket holds four points on average and eight are counted.
struct Split {
    positions: Vec<u32>,
    owners: Vec<u16>,
    index: Vec<u32>,
    len: usize,
}

impl Split {
    fn new(points: &[(u32, u16)]) -> Self {
        let buckets = points.len().div_ceil(4) as u64;
        let index = (0..=buckets)
            .map(|b| points.partition_point(|p| ((u64::from(p.0) * buckets) >> 32) < b) as u32)
            .collect();
        let mut positions: Vec<u32> = points.iter().map(|p| p.0).collect();
        positions.extend([u32::MAX; 8]);
        let mut owners: Vec<u16> = points.iter().map(|p| p.1).collect();
        owners.extend([points[0].1; 9]);
        Self { positions, owners, index, len: points.len() }
    }

    #[inline]
    fn owner(&self, hash: u64) -> u16 {
        let position = (hash >> 32) as u32;
        let bucket = ((u64::from(position) * (self.index.len() as u64 - 1)) >> 32) as usize;
        let Some(&start) = self.index.get(bucket) else { return 0 };
        let start = start as usize;
        let Some(window) = self.positions.get(start..).and_then(|p| p.first_chunk::<8>()) else {
            return 0;
        };
        let count = window.iter().map(|&p| u32::from(p < position)).sum::<u32>() as usize;
        if count == 8 {
            return self.far(bucket, position);
        }
        self.owners.get(start + count).copied().unwrap_or(0)
    }

    #[cold]
    #[inline(never)]
    fn far(&self, bucket: usize, position: u32) -> u16 {
        let (start, end) = (self.index[bucket] as usize, self.index[bucket + 1] as usize);
        self.owners[start + self.positions[start..end].partition_point(|&p| p < position)]
    }

    fn bytes(&self) -> usize {
        self.len * 6 + self.index.len() * 4
    }
}

/// What one would write first.
struct Bisect {
    positions: Vec<u32>,
    owners: Vec<u16>,
}

impl Bisect {
    fn new(points: &[(u32, u16)]) -> Self {
        Self {
            positions: points.iter().map(|p| p.0).collect(),
            owners: points.iter().map(|p| p.1).chain([points[0].1]).collect(),
        }
    }

    #[inline]
    fn owner(&self, hash: u64) -> u16 {
        let position = (hash >> 32) as u32;
        self.owners[self.positions.partition_point(|&p| p < position)]
    }
}
