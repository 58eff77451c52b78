//! Why a request has no answer, whose fault that is, and whether a retry is safe.

use std::fmt;

/// Whether a request may be executed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It may: `GET`, `HEAD`, `OPTIONS`.
    Safe,
    /// Its `Idempotency-Key` keeps it from being executed twice, where nodes keep answers.
    Keyed,
    /// It may not.
    Never,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The store has not been read yet.
    NoMap,
    /// The operator has marked the owner as down.
    Down {
        /// The owner.
        node: String,
    },
    /// The store knows no address of the owner.
    NoAddress {
        /// The owner.
        node: String,
    },
    /// No connection to the owner could be opened: nothing was sent.
    Unreachable {
        /// The owner.
        node: String,
        /// What the system said.
        reason: String,
    },
    /// The owner changed for longer than a request waits: nothing was executed.
    Moving {
        /// The owner that refused last.
        node: String,
    },
    /// Too many requests wait already: nothing was executed.
    ParkedFull,
    /// The connection broke or no answer came, after a byte may have reached the node.
    Unknown {
        /// The owner.
        node: String,
        /// What happened.
        reason: String,
        /// Whether the request may be sent again as it is.
        repeat: Repeat,
        /// Whether it was the time that ran out.
        timed_out: bool,
    },
    /// What came back is no answer.
    BadAnswer {
        /// The owner.
        node: String,
        /// What is wrong with it.
        reason: String,
        /// Whether the request may be sent again as it is.
        repeat: Repeat,
    },
}

impl SendError {
    /// Takes back that the request may be sent again with its `Idempotency-Key`.
    pub(crate) const fn never_repeat(&mut self) {
        if let Self::Unknown { repeat, .. } | Self::BadAnswer { repeat, .. } = self {
            *repeat = Repeat::Never;
        }
    }

    /// The machine name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMap => "no-map",
            Self::Down { .. } => "node-down",
            Self::NoAddress { .. } => "node-unknown",
            Self::Unreachable { .. } => "node-unreachable",
            Self::Moving { .. } => "moving",
            Self::ParkedFull => "parked-full",
            Self::Unknown { repeat: Repeat::Safe, timed_out: true, .. } => "answer-timeout",
            Self::Unknown { repeat: Repeat::Safe, timed_out: false, .. } => "answer-lost",
            Self::Unknown { .. } => "outcome-unknown",
            Self::BadAnswer { .. } => "bad-answer",
        }
    }

    /// The HTTP status that says it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoMap
            | Self::Down { .. }
            | Self::NoAddress { .. }
            | Self::Unreachable { .. }
            | Self::Moving { .. }
            | Self::ParkedFull => 503,
            Self::Unknown { repeat: Repeat::Safe, timed_out: false, .. } => 502,
            Self::Unknown { .. } => 504,
            Self::BadAnswer { .. } => 502,
        }
    }

    /// Whether a retry, with the same `Idempotency-Key` if there is one, can't execute a write twice.
    #[must_use]
    pub const fn retry_is_safe(&self) -> bool {
        match self {
            Self::Unknown { repeat, .. } | Self::BadAnswer { repeat, .. } => {
                !matches!(repeat, Repeat::Never)
            }
            _ => true,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMap => f.write_str("the proxy has not read the map yet")?,
            Self::Down { node } => write!(f, "node {node} is marked as down")?,
            Self::NoAddress { node } => write!(f, "the store knows no address of node {node}")?,
            Self::Unreachable { node, reason } => {
                write!(f, "node {node} can't be reached: {reason}")?;
            }
            Self::Moving { node } => {
                write!(f, "the key is moving and node {node} did not take the request in time")?;
            }
            Self::ParkedFull => {
                f.write_str("too many requests wait for moving keys")?;
            }
            Self::Unknown { node, reason, repeat: Repeat::Safe, .. } => {
                write!(f, "node {node} gave no answer: {reason}")?;
            }
            Self::Unknown { node, reason, .. } => {
                write!(f, "outcome unknown: node {node} gave no answer: {reason}")?;
            }
            Self::BadAnswer { node, reason, .. } => {
                write!(f, "node {node} gave an answer that can't be read: {reason}")?;
            }
        }
        f.write_str(match self {
            Self::Unknown { repeat: Repeat::Never, .. }
            | Self::BadAnswer { repeat: Repeat::Never, .. } => {
                "; the request may have been executed, and a retry may execute it twice"
            }
            Self::Unknown { repeat: Repeat::Keyed, .. }
            | Self::BadAnswer { repeat: Repeat::Keyed, .. } => {
                "; the request may have been executed; a retry with the same Idempotency-Key is safe"
            }
            Self::Unknown { .. } | Self::BadAnswer { .. } => "; a retry is safe",
            _ => "; nothing was executed, a retry is safe",
        })
    }
}

impl std::error::Error for SendError {}
