//! A metric that a callback follows: its name, which way is better, and whether the run has it at all.

use crate::{Callback, CallbackError, Logs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which way is better, as written in model.toml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From the metric's name: losses and errors down, accuracies up.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smaller is better.
    Down,
    /// Larger is better.
    Up,
}

/// A metric to follow. Its name is checked by [`check_monitors`] before training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    name: String,
    mode: Mode,
}

impl Monitor {
    /// Follows the metric `name`.
    pub fn new(name: &str, mode: Mode) -> Self {
        Self { name: name.to_owned(), mode }
    }

    /// The metric's name; after [`check_monitors`] the one that the logs use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which way is better; `None` where the mode is `auto` and the name tells nothing.
    pub fn direction(&self) -> Option<Direction> {
        match self.mode {
            Mode::Min => Some(Direction::Down),
            Mode::Max => Some(Direction::Up),
            Mode::Auto if self.is_fraction() => Some(Direction::Up),
            Mode::Auto => {
                let name = bare(&self.name);
                let down = name.ends_with("loss") || name.ends_with("error");
                down.then_some(Direction::Down)
            }
        }
    }

    /// Whether the metric is a share of 1, as accuracies are.
    pub fn is_fraction(&self) -> bool {
        let name = bare(&self.name);
        name == "acc"
            || ["accuracy", "precision", "recall", "auc"].iter().any(|end| name.ends_with(end))
    }

    /// The metric's value, if these logs have it.
    pub fn value(&self, logs: &Logs) -> Option<f64> {
        logs.get(&self.name)
    }

    /// Whether `current` is better than `reference` by more than `min_delta`; anything but NaN is better than nothing.
    ///
    /// NaN is never an improvement (in Keras a first NaN stays the best for ever). Compared in f32 as Keras does, so that
    /// .7 → .8 is not "more than .1" by a rounding error in the sixteenth digit.
    pub fn improves(&self, current: f64, reference: Option<f64>, min_delta: f64) -> bool {
        let Some(reference) = reference else { return !current.is_nan() };
        match self.direction() {
            Some(Direction::Up) => (current - min_delta.abs()) as f32 > reference as f32,
            Some(Direction::Down) | None => ((current + min_delta.abs()) as f32) < reference as f32,
        }
    }

    /// Whether `current` is at the threshold or beyond. NaN never is.
    pub fn reaches(&self, current: f64, threshold: f64) -> bool {
        match self.direction() {
            Some(Direction::Up) => current >= threshold,
            Some(Direction::Down) | None => current <= threshold,
        }
    }

    /// Checks the name against the metrics that the run will have. `acc` and `accuracy` stand for each other; where that was
    /// needed, the name is replaced and a note returned.
    pub fn resolve(
        &mut self,
        callback: &str,
        available: &[String],
    ) -> Result<Option<String>, CallbackError> {
        if self.name.starts_with("test_") {
            return Err(CallbackError::TestMonitor {
                callback: callback.to_owned(),
                monitor: self.name.clone(),
            });
        }
        let has = |name: &str| available.iter().any(|a| a == name);
        let mut note = None;
        if !has(&self.name) {
            match other_spelling(&self.name).filter(|name| has(name)) {
                Some(name) => {
                    note = Some(format!("{callback}: `{}` is read as `{name}`", self.name));
                    self.name = name;
                }
                None => return Err(self.unknown(callback, available)),
            }
        }
        if self.direction().is_none() {
            return Err(CallbackError::NoDirection {
                callback: callback.to_owned(),
                monitor: self.name.clone(),
            });
        }
        Ok(note)
    }

    pub(crate) fn unknown(&self, callback: &str, available: &[String]) -> CallbackError {
        let has = |name: &str| {
            available.iter().any(|a| a == name || other_spelling(a).as_deref() == Some(name))
        };
        let hint = if self.name.starts_with("val_") && has(bare(&self.name)) {
            "there is no validation data: set `validation_split` in [fit]".to_owned()
        } else if let Some(name) = closest(&self.name, available) {
            format!("did you mean `{name}`?")
        } else if matches!(bare(&self.name), "acc" | "accuracy") {
            "add `metrics = [\"accuracy\"]` to [compile]".to_owned()
        } else {
            String::new()
        };
        let (callback, monitor) = (callback.to_owned(), self.name.clone());
        CallbackError::UnknownMonitor { callback, monitor, available: available.to_vec(), hint }
    }
}

/// Checks every callback's metric names (its monitors, and [`Callback::check_metrics`]) against those that the logs of an epoch's end will hold. To be called before training.
///
/// Returns notes for people (`acc` read as `accuracy`), or every mistake with its callback's position.
pub fn check_monitors(
    callbacks: &mut [Box<dyn Callback>],
    available: &[String],
) -> Result<Vec<String>, Vec<(usize, CallbackError)>> {
    let (mut notes, mut errors) = (Vec::new(), Vec::new());
    for (i, callback) in callbacks.iter_mut().enumerate() {
        let name = callback.name().to_owned();
        for monitor in callback.monitors() {
            match monitor.resolve(&name, available) {
                Ok(note) => notes.extend(note),
                Err(error) => errors.push((i, error)),
            }
        }
        match callback.check_metrics(available) {
            Ok(more) => notes.extend(more),
            Err(error) => errors.push((i, error)),
        }
    }
    if errors.is_empty() { Ok(notes) } else { Err(errors) }
}

fn bare(name: &str) -> &str {
    name.strip_prefix("val_").unwrap_or(name)
}

/// `acc` for `accuracy` and the other way round, with or without `val_`.
pub(crate) fn other_spelling(name: &str) -> Option<String> {
    let other = match bare(name) {
        "acc" => "accuracy",
        "accuracy" => "acc",
        _ => return None,
    };
    Some(format!("{}{other}", &name[..name.len() - bare(name).len()]))
}

pub(crate) fn closest<'a>(name: &str, available: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (score, best) = available
        .iter()
        .map(|a| (strsim::normalized_damerau_levenshtein(&name, a), a.as_str()))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= 0.6).then_some(best)
}
