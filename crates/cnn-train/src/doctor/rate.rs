//! The learning rate, by trying others: a range test on the run's own model and data, then short trainings at the run's rate
//! and at the one that the test suggests.

use super::Sample;
use super::course::Course;
use super::data::Prior;
use super::finding::{Code, Notes, Severity};
use super::witness::Testimony;
use crate::error::TrainError;
use crate::lr_range::{LrRange, rate_text};
use crate::trainer::Trainer;
use cnn_callbacks::{BatchEnd, Callback, Control, TrainBegin};

/// Steps of a short training.
const STEPS: usize = 100;

/// A run of fewer steps than this cannot show whether its rate is good.
const FEW_STEPS: usize = 100;

/// The run's rate is suspected above so many times the suggested one: those in between usually train, if less well.
const HIGH: f64 = 3.0;

/// And below so many times it.
const LOW: f64 = 0.1;

/// At a rate that is too low the loss falls by less than this share of what it falls at the suggested one.
const HARDLY: f64 = 0.1;

/// Losses closer than this share of the loss of guessing count as equal: the measured sample is small.
const EQUAL: f64 = 0.05;

/// One short training from the initial weights.
#[derive(Clone, Debug)]
struct Trial {
    rate: f64,
    /// Measured after it on the images that it learned from.
    loss: f64,
    /// Its answers to images that it did not see.
    testimony: Testimony,
}

/// What was tried.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    own: f64,
    /// The loss before training.
    start: f64,
    with_own: Trial,
    with_suggested: Option<Trial>,
    /// The rate at which the range test ended because the loss blew up.
    blew_up: Option<f64>,
}

impl Rates {
    /// Tries rates, from the weights that the trainer has.
    pub(super) fn tried(
        trainer: &mut Trainer,
        sample: &Sample,
        prior: &Prior,
    ) -> Result<Self, TrainError> {
        let range = LrRange { from: 1e-6, ..LrRange::default() };
        let curve = trainer.lr_range_test(&sample.learn.split, &range)?;
        let own = f64::from(trainer.learning_rate);
        Ok(Self {
            own,
            start: trainer.measure(&sample.learn.split, &sample.learn.indices).loss(),
            with_own: trial(trainer, sample, own, prior)?,
            with_suggested: curve
                .suggestion()
                .map(|rate| trial(trainer, sample, rate, prior))
                .transpose()?,
            blew_up: curve.points.last().filter(|_| curve.blew_up).map(|last| last.rate),
        })
    }

    /// The fresh networks' answers to images that they had not seen.
    pub(super) fn witnesses(&self) -> impl Iterator<Item = Testimony> {
        let trials = [Some(&self.with_own), self.with_suggested.as_ref()];
        trials.into_iter().flatten().map(|trial| trial.testimony.clone())
    }

    /// The suggested rate and its loss, where that shows that the network can learn at all.
    fn good(&self, prior: &Prior) -> Option<&Trial> {
        self.with_suggested.as_ref().filter(|trial| trial.loss < (1.0 - EQUAL) * prior.entropy())
    }

    /// Compares the run with what was tried. `ended` is the loss that the run ended with, NaN where it diverged, `None` where
    /// it is not known.
    pub(super) fn judge(
        &self,
        course: Option<&Course<'_>>,
        ended: Option<f64>,
        prior: &Prior,
        notes: &mut Notes,
    ) {
        let margin = EQUAL * prior.entropy();
        let run = Run { rates: self, good: self.good(prior), ended, margin };
        let seen =
            format!("learning_rate = {}: {}; {}", rate_text(self.own), run.ended(), self.tells());
        let try_this = run.good.map(|trial| format!("learning_rate = {}", rate_text(trial.rate)));
        let before = notes.findings.len();
        if run.is_too_high() {
            let other = || "a learning rate far smaller; `cnn lr-find` draws the curve".to_owned();
            let cure = try_this.unwrap_or_else(other);
            notes.find(Code::RateTooHigh, Severity::Critical, seen, cure, &run.numbers());
        } else if run.is_too_low() {
            let cure =
                try_this.unwrap_or_else(|| "learning_rate = 0.001 is usual for Adam".to_owned());
            let cure = format!("{cure}; `cnn lr-find` draws the curve");
            notes.find(Code::RateTooLow, Severity::Critical, seen, cure, &run.numbers());
        } else if let Some(steps) =
            course.map(Course::steps).filter(|&steps| run.is_too_short(steps))
        {
            let seen = format!("the run took {steps} steps in all; {seen}");
            let cure = "more epochs, or smaller batches: steps = images / batch_size × epochs";
            let numbers = [("steps", steps as f64), ("threshold", FEW_STEPS as f64)];
            notes.find(Code::TooFewSteps, Severity::Warning, seen, cure, &numbers);
        }
        let found = notes.findings.len() > before;
        notes.check(
            "learning rate",
            found,
            format!("{} in the model; {}", rate_text(self.own), self.tells()),
        );
    }

    /// What was tried, in words.
    fn tells(&self) -> String {
        let own = &self.with_own;
        let own =
            format!("{STEPS} steps at {} reach a loss of {:.3}", rate_text(own.rate), own.loss);
        let suggested = match &self.with_suggested {
            Some(trial) => {
                format!("at the suggested {} {:.3}", rate_text(trial.rate), trial.loss)
            }
            None => "the range test finds no rate at which it falls".to_owned(),
        };
        let blew_up = self.blew_up.map(|rate| format!("; it blows up at {}", rate_text(rate)));
        format!("{own}, {suggested}{}", blew_up.unwrap_or_default())
    }
}

/// A run's end beside what was tried.
struct Run<'a> {
    rates: &'a Rates,
    /// The suggested rate, where it shows that the network can learn.
    good: Option<&'a Trial>,
    ended: Option<f64>,
    /// Losses closer than this count as equal.
    margin: f64,
}

impl Run<'_> {
    /// Whether a loss is clearly above another, or no number.
    fn above(&self, loss: f64, other: f64) -> bool {
        !loss.is_finite() || loss > other + self.margin
    }

    /// Whether the run ended above this loss, as far as that is known.
    fn ended_above(&self, other: f64) -> bool {
        self.ended.is_none_or(|ended| self.above(ended, other))
    }

    fn is_too_high(&self) -> bool {
        let (own, tried) = (self.rates.own, self.rates.with_own.loss);
        let beyond = self.rates.blew_up.is_some_and(|rate| own > rate);
        match self.good {
            Some(good) => {
                let higher = own > HIGH * good.rate && self.above(tried, good.loss);
                (beyond || higher) && self.ended_above(good.loss)
            }
            None => {
                beyond && (!tried.is_finite() || self.ended.is_some_and(|ended| !ended.is_finite()))
            }
        }
    }

    fn is_too_low(&self) -> bool {
        let (own, start) = (self.rates.own, self.rates.start);
        let hardly = |good: &Trial| start - self.rates.with_own.loss < HARDLY * (start - good.loss);
        let lower =
            |good: &Trial| own < LOW * good.rate && hardly(good) && self.ended_above(good.loss);
        own == 0.0 || self.good.is_some_and(lower)
    }

    /// Whether more steps at the run's own rate would have helped.
    fn is_too_short(&self, steps: usize) -> bool {
        let more = self.rates.with_own.loss;
        steps < FEW_STEPS && self.ended.is_some_and(|ended| self.above(ended, more))
    }

    fn ended(&self) -> String {
        self.ended.map_or_else(
            || "the run left no weights".to_owned(),
            |loss| format!("the run ended at {loss:.3}"),
        )
    }

    fn numbers(&self) -> [(&'static str, f64); 4] {
        [
            ("learning_rate", self.rates.own),
            ("suggested", self.good.map_or(f64::NAN, |trial| trial.rate)),
            ("loss_at_suggested", self.good.map_or(f64::NAN, |trial| trial.loss)),
            ("loss_of_run", self.ended.unwrap_or(f64::NAN)),
        ]
    }
}

/// A short training at this rate.
fn trial(
    trainer: &mut Trainer,
    sample: &Sample,
    rate: f64,
    prior: &Prior,
) -> Result<Trial, TrainError> {
    let callback = At { rate: rate as f32, left: STEPS };
    let weights = trainer.short_fit(&sample.learn.split, STEPS, Box::new(callback))?;
    let before = std::mem::replace(&mut trainer.weights, weights);
    let learned = trainer.measure(&sample.learn.split, &sample.learn.indices);
    let asked = trainer.measure(&sample.ask.split, &sample.ask.indices);
    trainer.weights = before;
    let who = format!("{STEPS} steps of a fresh network at {}", rate_text(rate));
    let testimony = Testimony::new(who, asked.correct as u64, asked.count as u64, prior);
    Ok(Trial { rate, loss: learned.loss(), testimony })
}

/// Sets a learning rate and ends training after so many steps, or when the loss is no number.
struct At {
    rate: f32,
    left: usize,
}

impl Callback for At {
    fn name(&self) -> &'static str {
        "Trial"
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, control: &mut Control) {
        control.set_learning_rate(self.rate);
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || event.logs.get("loss").is_some_and(|loss| !loss.is_finite()) {
            control.stop(self.name(), "");
        }
    }
}
