//! What can be wrong with a callback's settings, all of it found before the first epoch.

/// Why a callback cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// A setting has a value that does not work.
    #[error("{callback}: `{key}` must be {expected}, got {got}; {hint}")]
    Value {
        /// Keras name of the callback.
        callback: &'static str,
        /// The key in model.toml.
        key: &'static str,
        /// What would do, in words.
        expected: &'static str,
        /// What was given.
        got: String,
        /// A value that would work, or why.
        hint: String,
    },
    /// The metric does not exist in this run.
    #[error(
        "{callback}: there is no metric `{monitor}` to monitor; available: {}{}",
        listed(available),
        after(hint)
    )]
    UnknownMonitor {
        /// Name of the callback.
        callback: String,
        /// The name that was given.
        monitor: String,
        /// The names that would work.
        available: Vec<String>,
        /// The likely fix; may be empty.
        hint: String,
    },
    /// The metric would let the test data choose the model.
    #[error(
        "{callback}: `{monitor}` cannot be monitored: test data that decides when to stop is no longer test data; \
         monitor `val_{}` instead, with `validation_split` in [fit]",
        monitor.trim_start_matches("test_")
    )]
    TestMonitor {
        /// Name of the callback.
        callback: String,
        /// The name that was given.
        monitor: String,
    },
    /// There is no running mean of the weights.
    #[error(
        "{callback}: the optimizer keeps no running mean of the weights; set `use_ema = true` in it"
    )]
    NoAverage {
        /// Name of the callback.
        callback: String,
    },
    /// The file's name has a placeholder that nothing fills in.
    #[error(
        "{callback}: nothing is known under the name `{placeholder}` in `filepath`; available: {}{}",
        listed(available),
        after(hint)
    )]
    UnknownPlaceholder {
        /// Name of the callback.
        callback: &'static str,
        /// The name between the braces.
        placeholder: String,
        /// The names that would work.
        available: Vec<String>,
        /// The likely fix; may be empty.
        hint: String,
    },
    /// Callback and optimizer both decide the learning rate.
    #[error(
        "{callback}: the optimizer's `learning_rate` is a schedule, so a callback cannot set it; give a plain number, or leave \
         the callback out"
    )]
    ScheduledRate {
        /// Name of the callback.
        callback: &'static str,
    },
    /// `mode = "auto"` knows no direction for this metric.
    #[error(
        "{callback}: whether a larger `{monitor}` is better is not known; set `mode = \"max\"` or `mode = \"min\"`"
    )]
    NoDirection {
        /// Name of the callback.
        callback: String,
        /// The metric.
        monitor: String,
    },
}

impl CallbackError {
    /// The key in model.toml that is wrong, for a caret under it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Value { key, .. } => key,
            Self::UnknownMonitor { .. } | Self::TestMonitor { .. } => "monitor",
            Self::NoDirection { .. } => "mode",
            Self::UnknownPlaceholder { .. } => "filepath",
            Self::ScheduledRate { .. } | Self::NoAverage { .. } => "type",
        }
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

fn after(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("; {hint}") }
}

/// A setting that does not work.
#[expect(clippy::needless_pass_by_value, reason = "callers hand over texts and numbers")]
pub(crate) fn wrong(
    callback: &'static str,
    key: &'static str,
    expected: &'static str,
    got: impl ToString,
    hint: &str,
) -> CallbackError {
    CallbackError::Value { callback, key, expected, got: got.to_string(), hint: hint.to_owned() }
}

/// An error unless `verbose` is 0 or 1.
pub(crate) fn check_verbose(callback: &'static str, verbose: u8) -> Result<(), CallbackError> {
    if verbose <= 1 {
        return Ok(());
    }
    Err(wrong(callback, "verbose", "0 or 1", verbose, "0 is silent, 1 says what is done"))
}
