//! Many lookups in one ring.
//!
//! A lookup in a ring that is not in the caches waits for memory twice: for its guide, then for
//! its points. One after the other, lookups overlap as far as the processor looks ahead, which is
//! about a dozen. Here a group goes through each of the two accesses together, so that its waiting
//! is done at once. (Prefetching the guides of a group before that gained nothing more.)

use super::{Point, Ring, WINDOW, bucket_of};
use crate::{NodeIndex, Placement, hash::position, placement::fill};

/// So many lookups go together.
const GROUP: usize = 64;

/// A smaller ring is in the caches, where lookups wait for nothing: 64 KiB.
const POINTS_MIN: usize = 8_192;

impl<S: AsRef<[Point]>> Ring<S> {
    /// The owners of keys that `hash` hashes; returns how many.
    pub(crate) fn owners_of_keys<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        hash: impl Fn(&[u8]) -> u64,
        out: &mut [Option<NodeIndex>],
    ) -> usize {
        if self.len < POINTS_MIN {
            return fill(out, keys, |key| self.owner_by_hash(hash(key.as_ref())));
        }
        let mut keys = keys.into_iter();
        let mut answered = 0;
        for out in out.chunks_mut(GROUP) {
            let mut hashes = [0; GROUP];
            let places = hashes.get_mut(..out.len()).unwrap_or_default();
            let count = fill(places, &mut keys, |key| hash(key.as_ref()));
            self.owners_of_group(places.get(..count).unwrap_or_default(), out);
            answered += count;
            if count < out.len() {
                break;
            }
        }
        answered
    }

    /// The owners of hashes; returns how many.
    pub(crate) fn owners_of_hashes(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) -> usize {
        if self.len < POINTS_MIN {
            return fill(out, hashes, |&hash| self.owner_by_hash(hash));
        }
        for (hashes, out) in hashes.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
            self.owners_of_group(hashes, out);
        }
        hashes.len().min(out.len())
    }

    /// The owners of at most [`GROUP`] hashes.
    #[inline]
    fn owners_of_group(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) {
        let points = self.storage.as_ref();
        let mut starts = [0; GROUP];
        for (start, &hash) in starts.iter_mut().zip(hashes) {
            let bucket = bucket_of(Point::bound(position(hash)), self.buckets);
            // Without points every start is beyond them.
            *start = points.get(bucket as usize).map_or(u32::MAX, |point| point.start(bucket));
        }
        for ((place, &hash), start) in out.iter_mut().zip(hashes).zip(starts) {
            let bound = Point::bound(position(hash));
            let owner = points.get(start as usize..).and_then(|from| {
                let window = from.first_chunk::<WINDOW>()?;
                let count: usize =
                    window.iter().map(|point| usize::from(point.is_below(bound))).sum();
                window.get(count).map(|point| point.owner())
            });
            // What the window does not answer, one lookup in 230, is looked up from the start.
            *place = owner.or_else(|| self.owner_by_hash(hash));
        }
    }
}
