//! What can be wrong with a picture that was asked for.

use thiserror::Error;

/// Why a picture cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VizError {
    /// The PNG would be too large or empty.
    #[error(
        "a picture of {width}×{height} pixels cannot be drawn: each side must be 1 to {max}\n  hint: show fewer or smaller cells, or lower the scale"
    )]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Largest side.
        max: u32,
    },
    /// A chart's numbers do not fit each other.
    #[error("{what}: expected {expected} values, got {got}\n  hint: {hint}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// How many were expected.
        expected: usize,
        /// How many came.
        got: usize,
        /// What would work.
        hint: &'static str,
    },
    /// The PNG encoder refused.
    #[error("PNG encoding failed: {message}")]
    Encode {
        /// The encoder's words.
        message: String,
    },
}
