//! What can be wrong with an optimizer's settings. Nothing fails after `build`.

/// Why an optimizer cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// A number lies outside of its range.
    #[error("{optimizer}: `{key}` must be {expected}, got {got}; {hint}")]
    OutOfRange {
        /// Keras name of the optimizer, such as `Adam`.
        optimizer: &'static str,
        /// The key in model.toml.
        key: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// The value that was given.
        got: f64,
        /// A value that would work.
        hint: &'static str,
    },
    /// Two settings contradict each other.
    #[error("{optimizer}: `{key}` {problem}; {hint}")]
    Conflict {
        /// Keras name of the optimizer.
        optimizer: &'static str,
        /// The key in model.toml that should change.
        key: &'static str,
        /// What does not fit together.
        problem: &'static str,
        /// What would work.
        hint: &'static str,
    },
}

impl OptimError {
    /// The key in model.toml that is wrong, for a caret under it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::OutOfRange { key, .. } | Self::Conflict { key, .. } => key,
        }
    }
}
