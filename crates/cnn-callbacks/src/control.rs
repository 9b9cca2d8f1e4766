//! What callbacks ask of the trainer.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How bad an early ending is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Somebody had seen enough: the run is good.
    Requested,
    /// The loss is NaN or infinite: the weights are of no use (`cnn` exits 7).
    Diverged,
    /// A callback could not do its work, such as writing to a full disk (`cnn` exits 5).
    Failed,
}

/// A wish to end training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Name of the callback that asked.
    pub by: String,
    /// Why, as shown to people; printed verbatim.
    pub reason: String,
    /// How bad it is.
    pub ending: Ending,
}

/// A wish to replace the model's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Restore {
    /// Name of the callback that asked.
    pub by: String,
    /// All parameters, flat.
    pub weights: Vec<f32>,
    /// What they are, as shown to people.
    pub reason: String,
}

/// What a file is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Everything that is needed to use the model: a `.cnn` file.
    Model,
    /// The weights alone, by name: an `.npz` file.
    Weights,
}

/// A wish to save the model as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Save {
    /// Name of the callback that asked.
    pub by: String,
    /// The file; its folder is there.
    pub path: PathBuf,
    /// What it is to hold.
    pub content: Content,
    /// Whether a file that was there before the run may be replaced. Files of the run itself always are.
    pub replace: bool,
}

/// Something to be shown to people while training runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Name of the callback that said it.
    pub by: String,
    /// A line of text.
    pub text: String,
}

/// The callbacks' answers to one event. Only the trainer acts on them, after every callback has been called: it passes the
/// messages on, saves what is to be saved (the weights of the event), and then sets and restores.
///
/// When several callbacks ask to stop, the worst ending counts, and among equals the callback listed first. When several set
/// the learning rate, the smallest counts. When several restore weights, the one listed last counts.
#[derive(Debug, Default)]
pub struct Control {
    stop: Option<Stop>,
    learning_rate: Option<f32>,
    restore: Option<Restore>,
    saves: Vec<Save>,
    messages: Vec<Message>,
    waited: f64,
}

impl Control {
    /// No wishes yet. One control serves a whole run: a stop stays, the other wishes are taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to end training after this event. `reason` is shown as it is.
    pub fn stop(&mut self, by: &str, reason: impl Into<String>) {
        self.end(by, reason.into(), Ending::Requested);
    }

    /// Asks to end training because the loss is no longer a number.
    pub fn diverged(&mut self, by: &str, reason: impl Into<String>) {
        self.end(by, reason.into(), Ending::Diverged);
    }

    /// Asks to end training because the callback cannot do its work.
    pub fn fail(&mut self, by: &str, reason: impl Into<String>) {
        self.end(by, reason.into(), Ending::Failed);
    }

    fn end(&mut self, by: &str, reason: String, ending: Ending) {
        if self.stop.as_ref().is_none_or(|s| s.ending < ending) {
            self.stop = Some(Stop { by: by.to_owned(), reason, ending });
        }
    }

    /// Asks for another learning rate from the next batch on. Finite, ≥ 0. Has no effect where a schedule sets it in every step.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        let smallest = self.learning_rate.map_or(learning_rate, |other| other.min(learning_rate));
        self.learning_rate = Some(smallest);
    }

    /// Asks to save the model with the weights that it has now. Written whole or not at all; a file that cannot be written ends
    /// training. Of several wishes for one file, one is done.
    pub fn save(&mut self, save: Save) {
        if !self.saves.iter().any(|other| other.path == save.path) {
            self.saves.push(save);
        }
    }

    /// Has a line shown to people, by whoever shows progress ([`crate::Callback::on_message`]).
    pub fn say(&mut self, by: &str, text: impl Into<String>) {
        self.messages.push(Message { by: by.to_owned(), text: text.into() });
    }

    /// Asks to replace the model's weights; `reason` says what these are.
    pub fn restore(&mut self, by: &str, weights: impl Into<Vec<f32>>, reason: impl Into<String>) {
        self.restore =
            Some(Restore { by: by.to_owned(), weights: weights.into(), reason: reason.into() });
    }

    /// Says that the callback has held training up for this many seconds, as for a person who wanted a pause: they are left
    /// out of the epoch's time. Finite, ≥ 0.
    pub fn waited(&mut self, seconds: f64) {
        self.waited += seconds;
    }

    /// Whether somebody asked to stop, and why.
    pub fn stopped_by(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// For the trainer: the seconds that callbacks have held it up, once.
    pub fn take_waited(&mut self) -> f64 {
        std::mem::take(&mut self.waited)
    }

    /// For the trainer: the new learning rate, once.
    pub fn take_learning_rate(&mut self) -> Option<f32> {
        self.learning_rate.take()
    }

    /// For the trainer: the files to save, once.
    pub fn take_saves(&mut self) -> Vec<Save> {
        std::mem::take(&mut self.saves)
    }

    /// For the trainer: what is to be shown, once.
    pub fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }

    /// For the trainer: the weights to restore, once.
    pub fn take_restore(&mut self) -> Option<Restore> {
        self.restore.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_ending_wins_whatever_the_order() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut control = Control::new();
            for i in order {
                match i {
                    0 => control.stop("StopAt", "enough"),
                    1 => control.diverged("TerminateOnNaN", "NaN"),
                    _ => control.fail("CSVLogger", "disk full"),
                }
            }
            assert_eq!(control.stopped_by().unwrap().by, "CSVLogger");
        }
    }

    #[test]
    fn the_smallest_learning_rate_wins_and_a_file_is_saved_once_whatever_the_order() {
        let save = |by: &str, path: &str| Save {
            by: by.to_owned(),
            path: path.into(),
            content: Content::Model,
            replace: false,
        };
        for [a, b] in [["A", "B"], ["B", "A"]] {
            let mut control = Control::new();
            for by in [a, b] {
                control.set_learning_rate(if by == "A" { 0.1 } else { 0.01 });
                control.save(save(by, "best.cnn"));
                control.save(save(by, &format!("{by}.cnn")));
            }
            assert_eq!(control.take_learning_rate(), Some(0.01));
            let mut paths: Vec<PathBuf> =
                control.take_saves().into_iter().map(|save| save.path).collect();
            paths.sort();
            assert_eq!(paths, ["A.cnn", "B.cnn", "best.cnn"].map(PathBuf::from));
            assert!(control.take_saves().is_empty());
        }
    }

    #[test]
    fn wishes_are_taken_once_and_a_stop_stays() {
        let mut control = Control::new();
        control.set_learning_rate(0.1);
        control.waited(1.5);
        control.waited(0.5);
        let waited = [control.take_waited(), control.take_waited()];
        assert_eq!(waited.map(|seconds| seconds as u32), [2, 0]);
        control.stop("A", "first");
        control.stop("B", "second");
        control.restore("A", [1.0, 2.0], "the best");
        assert_eq!((control.take_learning_rate(), control.take_learning_rate()), (Some(0.1), None));
        assert_eq!(control.take_restore().unwrap().weights, [1.0, 2.0]);
        assert!(control.take_restore().is_none());
        assert_eq!(control.stopped_by().unwrap().reason, "first");
    }
}
