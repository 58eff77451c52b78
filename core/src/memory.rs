//! The caller's memory.

use crate::BuildError;

/// The first `needed` elements.
pub(crate) fn at_least<T>(needed: usize, memory: &mut [T]) -> Result<&mut [T], BuildError> {
    let available = memory.len();
    memory.get_mut(..needed).ok_or(BuildError::StorageTooSmall { needed, available })
}
