//! Stops training once a metric is good enough: the callback that the course has its students write by hand.
//!
//! At the end of each epoch the monitored value is compared with the threshold: `≥` where more is better, `≤` where less is.
//! Training metrics are running means over the epoch, as in Keras, so `accuracy` lags behind what the final weights reach.
//!
//! ```toml
//! [[callbacks]]
//! type = "StopAt"
//! monitor = "accuracy"
//! threshold = 0.995
//! ```
//!
//! **Errors**: a threshold that is no number, or outside of 0…1 for an accuracy (99.5 instead of 0.995).
//!
//! **Source**: TensorFlow's course "Introduction to TensorFlow", week 3, `EarlyStoppingCallback`; no Keras class.

use super::BuildContext;
use crate::{Callback, CallbackError, Control, EpochEnd, Mode, Monitor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stop when `monitor` reaches `threshold`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopAt {
    /// Name of the metric. Default `accuracy`, that of the training data; `val_accuracy` needs validation data.
    #[serde(default = "accuracy")]
    pub monitor: String,
    /// The value that is good enough, in the metric's unit: accuracies are fractions, 0…1. No default.
    pub threshold: f64,
    /// Which way is better. Default `auto`: losses down, accuracies up.
    #[serde(default)]
    pub mode: Mode,
    /// What to say then. Default: the course's sentence, `\nReached 99.5% accuracy so cancelling training!`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

fn accuracy() -> String {
    "accuracy".to_owned()
}

impl StopAt {
    /// Stops at this training accuracy, a fraction.
    pub fn accuracy(threshold: f64) -> Self {
        Self { monitor: accuracy(), threshold, mode: Mode::Auto, message: None }
    }

    /// Checks every value and returns the callback.
    pub fn build(&self, _context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        let monitor = Monitor::new(&self.monitor, self.mode);
        let t = self.threshold;
        let wrong = |expected, hint| CallbackError::Value {
            callback: "StopAt",
            key: "threshold",
            expected,
            got: t.to_string(),
            hint,
        };
        if !t.is_finite() {
            return Err(wrong("a finite number", "0.995 stops at 99.5 %".to_owned()));
        }
        if monitor.is_fraction() && !(0.0..=1.0).contains(&t) {
            let hint = if (1.0..=100.0).contains(&t) {
                format!("write {} for {t} %", tidy(t / 100.0))
            } else {
                "0.995 stops at 99.5 %".to_owned()
            };
            return Err(wrong("a fraction in [0, 1]", hint));
        }
        Ok(Box::new(Watch { monitor, threshold: t, message: self.message.clone() }))
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let val_loss =
            Self { monitor: "val_loss".to_owned(), mode: Mode::Min, ..Self::accuracy(0.3) };
        vec![Self::accuracy(0.995), Self { message: Some("Good enough.".to_owned()), ..val_loss }]
    }
}

struct Watch {
    monitor: Monitor,
    threshold: f64,
    message: Option<String>,
}

impl Watch {
    fn message(&self) -> String {
        self.message.clone().unwrap_or_else(|| {
            let (name, t) = (self.monitor.name(), self.threshold);
            let reached = if self.monitor.is_fraction() {
                format!("{}%", tidy(t * 100.0))
            } else {
                t.to_string()
            };
            format!("\nReached {reached} {name} so cancelling training!")
        })
    }
}

/// Rounds away what scaling by 100 adds in the sixteenth digit: 0.07 is 7 %, not 7.000000000000001 %.
fn tidy(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "StopAt"
    }

    fn monitors(&mut self) -> Vec<&mut Monitor> {
        vec![&mut self.monitor]
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        if self.monitor.value(event.logs).is_some_and(|x| self.monitor.reaches(x, self.threshold)) {
            control.stop(self.name(), self.message());
        }
    }
}
