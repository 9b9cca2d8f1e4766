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
    /// A word in the settings means no variable of the model.
    #[error("{optimizer}: `{key}`: `{word}` means no parameter; {hint}")]
    NoVariable {
        /// Keras name of the optimizer.
        optimizer: &'static str,
        /// The key in model.toml.
        key: &'static str,
        /// Its key or position under that one.
        at: String,
        /// The word.
        word: String,
        /// What was probably meant, or the variables that there are.
        hint: String,
    },
    /// Something in a table of the optimizer's is wrong.
    #[error("{error}")]
    Inside {
        /// The table's key: `learning_rate`, `lookahead`.
        table: &'static str,
        /// What is wrong in it.
        error: Box<OptimError>,
    },
}

impl OptimError {
    /// The key that is wrong.
    pub fn key(&self) -> &'static str {
        match self {
            Self::OutOfRange { key, .. }
            | Self::Conflict { key, .. }
            | Self::NoVariable { key, .. } => key,
            Self::Inside { error, .. } => error.key(),
        }
    }

    /// Whether a number lies outside of its range: then the value is what is wrong.
    pub fn is_out_of_range(&self) -> bool {
        match self {
            Self::Inside { error, .. } => error.is_out_of_range(),
            _ => matches!(self, Self::OutOfRange { .. }),
        }
    }

    /// Where the key stands in the optimizer's table of model.toml, for a caret under it: `epsilon`, `learning_rate.decay_steps`.
    pub fn path(&self) -> String {
        match self {
            Self::Inside { table, error } => format!("{table}.{}", error.path()),
            Self::NoVariable { key, at, .. } => format!("{key}.{at}"),
            _ => self.key().to_owned(),
        }
    }
}
