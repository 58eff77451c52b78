//! The states of nodes.

use ringway::State;

use crate::status::{RINGWAY_STATUS_INVALID_ARGUMENT, ringway_status};

/// A node that owns keys and answers.
pub const RINGWAY_STATE_UP: u32 = 0;
/// A node that owns keys but does not answer; in the ringway-* layouts its keys stay with it.
pub const RINGWAY_STATE_DOWN: u32 = 1;
/// A node that counts as weight 0: it owns nothing.
pub const RINGWAY_STATE_DRAIN: u32 = 2;

/// The state of that number.
pub(crate) const fn state_of(state: u32) -> Result<State, ringway_status> {
    match state {
        RINGWAY_STATE_UP => Ok(State::Up),
        RINGWAY_STATE_DOWN => Ok(State::Down),
        RINGWAY_STATE_DRAIN => Ok(State::Drain),
        _ => Err(RINGWAY_STATUS_INVALID_ARGUMENT),
    }
}
