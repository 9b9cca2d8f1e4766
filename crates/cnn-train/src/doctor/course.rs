//! What the history tells: how the loss went, when training ended, how far training and validation are apart.

use super::data::Prior;
use super::finding::{Code, Notes, Place, Severity};
use super::witness::Testimony;
use crate::experiment::binomial_tail;
use crate::history::{RunHistory, TestScore};
use std::fmt::Write as _;

/// A loss above this share of the loss of guessing has not left it, if the accuracy has not either. Untrained networks on a
/// few dozen images were seen at 0.97.
const STUCK: f64 = 0.95;

/// The last epoch's loss may be so many times the best epoch's,
const RISEN: f64 = 1.2;

/// and may have lost this share of what the best epoch had gained over the first: low losses waver by more than a fifth of
/// themselves from epoch to epoch.
const UNDONE: f64 = 0.2;

/// The validation loss may end so many times above its lowest value.
const WORSE: f64 = 1.1;

/// Training accuracy may be this much above the accuracy on other images, beyond what the sizes of the two samples leave open
/// (two standard deviations). The course's network is 0.03 apart after 5 epochs.
const GAP: f64 = 0.05;

/// Accuracies are told apart where the difference is so many of its standard deviations.
const SIGMAS: f64 = 3.0;

/// A run that was stopped within so many epochs, of at least [`MANY`], is reported if it has not learned.
const FIRST: usize = 2;

/// See [`FIRST`].
const MANY: usize = 5;

/// A share of right answers and what it was counted over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) right: u64,
    pub(super) images: u64,
}

impl Score {
    pub(super) fn accuracy(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }

    /// The accuracy with its interval.
    fn accuracy_text(&self) -> String {
        TestScore::new(self.loss, self.right, self.images).accuracy_text()
    }

    /// Whether it is no better than always answering the largest class.
    fn at_chance(&self, prior: &Prior) -> bool {
        binomial_tail(self.right, self.images, prior.share()) > 0.001
    }
}

/// Standard deviation of the difference of two shares.
fn deviation(a: (f64, u64), b: (f64, u64)) -> f64 {
    let variance =
        |(p, n): (f64, u64)| (p * (1.0 - p)).max(1.0 / n.max(1) as f64) / n.max(1) as f64;
    (variance(a) + variance(b)).sqrt()
}

/// A run's history, as far as it is needed.
#[derive(Clone, Debug)]
pub(super) struct Course<'a> {
    history: &'a RunHistory,
    /// The training loss that compares best with the validation's, without the final penalty.
    loss: Vec<f64>,
}

impl<'a> Course<'a> {
    pub(super) fn new(history: &'a RunHistory) -> Self {
        let (loss, _, _) = history.training_curves();
        let penalty = if history.penalty.is_finite() { history.penalty } else { 0.0 };
        Self { history, loss: loss.iter().map(|loss| loss - penalty).collect() }
    }

    /// Optimizer steps that the run took, at most.
    pub(super) fn steps(&self) -> usize {
        self.history.params.steps * self.loss.len()
    }

    /// The last epoch's training loss, NaN if the run diverged; `None` if there was no epoch.
    pub(super) fn last_loss(&self) -> Option<f64> {
        self.loss.last().copied()
    }

    /// Whether the last epoch lowered the training loss by more than a hundredth.
    fn still_falls(&self) -> bool {
        matches!(self.loss[..], [.., before, last] if last < 0.99 * before)
    }

    /// The last epoch's score, as far as the history has it.
    pub(super) fn score(&self) -> Option<Score> {
        let (_, accuracy, _) = self.history.training_curves();
        let images = self.history.params.samples as u64;
        let right = (accuracy.last()? * images as f64).round() as u64;
        Some(Score { loss: self.last_loss()?, right, images })
    }

    /// The loss over the epochs.
    pub(super) fn judge(&self, notes: &mut Notes) {
        let (done, asked) = (self.loss.len(), self.history.params.epochs);
        let Some((&first, &last)) = self.loss.first().zip(self.loss.last()) else {
            return notes.skip("loss", format!("the run did none of its {asked} epochs"));
        };
        if let Some(epoch) = self.loss.iter().position(|loss| !loss.is_finite()) {
            let seen = format!("the loss of epoch {} is no finite number", epoch + 1);
            notes.check("loss", true, seen.clone());
            let cure = "see to the causes above; on_nan = \"rollback\" in [fit] goes back and on with a smaller rate";
            notes
                .find(
                    Code::Diverged,
                    Severity::Critical,
                    seen,
                    cure,
                    &[("epoch", (epoch + 1) as f64)],
                )
                .place = Some(Place::Epoch(epoch + 1));
            return;
        }
        let (at, best) =
            self.loss.iter().copied().enumerate().fold((0, f64::INFINITY), |best, (at, loss)| {
                if loss < best.1 { (at, loss) } else { best }
            });
        let risen = last > RISEN * best && last - best > UNDONE * (first - best);
        notes.check(
            "loss",
            risen,
            format!("{first:.4} in epoch 1, {last:.4} in epoch {done} of {asked}"),
        );
        if risen {
            let seen = format!(
                "the training loss was {best:.4} in epoch {} and is {last:.4} in epoch {done}",
                at + 1
            );
            let cure = "see to the causes above; if there are none, a smaller learning rate";
            let numbers = [("best", best), ("last", last), ("threshold", RISEN)];
            notes.find(Code::LossRises, Severity::Critical, seen, cure, &numbers).place =
                Some(Place::Epoch(at + 1));
        }
    }

    /// Training that ended in its first epochs without having learned, and batches that cover the data.
    pub(super) fn judge_plan(&self, learned: bool, notes: &mut Notes) {
        let (done, params) = (self.loss.len(), self.history.params);
        if let Some(stop) = self
            .history
            .stopped_by
            .as_ref()
            .filter(|_| done <= FIRST && params.epochs >= MANY && !learned)
            && self.loss.iter().all(|loss| loss.is_finite())
        {
            let seen = format!(
                "{} stopped training in epoch {done} of {}: {}",
                stop.by,
                params.epochs,
                stop.reason.trim()
            );
            let cure = "more patience, another threshold, or another metric to follow";
            let numbers = [("epoch", done as f64), ("epochs", params.epochs as f64)];
            notes.find(Code::StoppedEarly, Severity::Warning, seen, cure, &numbers).place =
                Some(Place::Epoch(done));
        }
        if params.batch_size >= params.samples && params.samples > 0 {
            let seen = format!(
                "batch_size = {} for {} training images: one step per epoch",
                params.batch_size, params.samples
            );
            let numbers =
                [("batch_size", params.batch_size as f64), ("images", params.samples as f64)];
            notes.find(
                Code::BatchCoversData,
                Severity::Warning,
                seen,
                "batch_size = 32 is Keras's default",
                &numbers,
            );
        }
    }

    /// The epoch, from 1, with the lowest validation loss, where it has risen clearly since while the training loss fell.
    fn turned(&self) -> Option<(usize, f64, f64)> {
        let validation = self.history.get("val_loss");
        let (at, best) =
            validation.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let last = *validation.last()?;
        let falls = self.loss.last()? < self.loss.get(at)?;
        (last > WORSE * best && falls).then_some((at + 1, best, last))
    }
}

/// A network that does no better than guessing. True if it does.
pub(super) fn at_chance(score: &Score, prior: &Prior, notes: &mut Notes) -> bool {
    let (guess, share) = (prior.entropy(), prior.share());
    let stuck = score.loss > STUCK * guess && score.at_chance(prior);
    let seen = format!(
        "training images: loss {:.4}, accuracy {}; guessing has {guess:.4} (ln {} = {:.4}) and {share:.4}",
        score.loss,
        score.accuracy_text(),
        prior.counts.len(),
        (prior.counts.len() as f64).ln()
    );
    notes.check("better than guessing", stuck, seen.clone());
    if stuck {
        let numbers = [
            ("loss", score.loss),
            ("accuracy", score.accuracy()),
            ("loss_of_guessing", guess),
            ("largest_class", share),
        ];
        notes.find(
            Code::StuckAtChance,
            Severity::Critical,
            seen,
            "see to the causes above",
            &numbers,
        );
    }
    !stuck
}

/// Training against images that were not trained on, and against what simple witnesses reach.
pub(super) fn fit(
    train: &Score,
    unseen: Option<(&Score, &str)>,
    witnesses: &[Testimony],
    course: Option<&Course<'_>>,
    notes: &mut Notes,
) {
    let accuracy = (train.accuracy(), train.images);
    if let Some(best) = witnesses.iter().max_by(|a, b| a.accuracy().total_cmp(&b.accuracy())) {
        let other = (best.accuracy(), best.images);
        let behind = other.0 - accuracy.0 > SIGMAS * deviation(other, accuracy);
        let seen = format!(
            "training accuracy {}; {}, asked about other images than those shown: {}",
            train.accuracy_text(),
            best.who,
            best.score().accuracy_text()
        );
        notes.check("fits the training images", behind, seen.clone());
        if behind {
            let cure = if course.is_some_and(Course::still_falls) {
                "more epochs: the loss still falls; then more filters or units, less dropout, smaller penalties"
            } else {
                "more filters or units, less dropout, smaller penalties"
            };
            let numbers =
                [("accuracy", accuracy.0), ("witness", best.accuracy()), ("sigmas", SIGMAS)];
            notes.find(Code::Underfits, Severity::Warning, seen, cure, &numbers);
        }
    }
    let turned = course.and_then(Course::turned);
    let gap = unseen.map(|(score, _)| accuracy.0 - score.accuracy());
    let apart = unseen.is_some_and(|(score, _)| {
        let other = (score.accuracy(), score.images);
        accuracy.0 - other.0 - 2.0 * deviation(accuracy, other) > GAP
    });
    let mut seen = match unseen {
        Some((score, what)) => {
            format!("training accuracy {}, {what} {}", train.accuracy_text(), score.accuracy_text())
        }
        None if turned.is_none() => {
            return notes
                .skip("other images", "there are no validation or test images to compare with");
        }
        None => format!("training accuracy {}", train.accuracy_text()),
    };
    if let Some((epoch, best, last)) = turned {
        let turn = "; the validation loss was lowest, ";
        let _ = write!(seen, "{turn}{best:.4}, in epoch {epoch} and is {last:.4} now");
    }
    let found = apart || turned.is_some();
    notes.check("other images", found, seen.clone());
    if found {
        let cure =
            "docs/overfitting.md: stop in time, L2, dropout, augmentation, mixup, or more images";
        let numbers = [("gap", gap.unwrap_or(f64::NAN)), ("threshold", GAP)];
        let finding = notes.find(Code::Overfits, Severity::Warning, seen, cure, &numbers);
        finding.place = turned.map(|(epoch, _, _)| Place::Epoch(epoch + 1));
    }
}
