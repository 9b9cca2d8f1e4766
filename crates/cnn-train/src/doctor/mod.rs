//! Why a training does not learn: examines a run, its model and its data, and says what it finds, likely root causes first.
//!
//! Every check measures something, names the threshold that it compares with, and costs little: all of it works on a sample of
//! some thousand images at most, with a few hundred optimizer steps. What was found in order is said too, with its numbers.
//!
//! | check | what is measured |
//! |---|---|
//! | labels | range, classes without images, imbalance, what a validation split leaves, order |
//! | labels and images | whether anybody guesses labels from pixels better than chance: class means, neighbours, fresh networks |
//! | duplicates | equal images with different labels |
//! | input, test images | size and spread of the pixels at the first layer with parameters |
//! | dead relus, gradients | with the initial weights and with the trained ones |
//! | learning rate | a range test and short trainings, compared with how the run ended |
//! | loss, better than guessing, other images | the history, and the trained network measured |
//!
//! ```
//! # use cnn_train::{Config, doctor::{Case, Exam, Code, examine}};
//! # use cnn_data::{Images, Split};
//! # let toml = "input = [4, 4, 1]\nlayers = [\"Flatten\", { type = \"Dense\", units = 2, activation = \"softmax\" }]";
//! # let (config, _) = Config::from_toml("model.toml", toml).unwrap();
//! # let images = ndarray::Array4::from_shape_fn((64, 4, 4, 1), |(i, ..)| (i % 2 * 255) as u8);
//! # let train = Split { images: Images::U8(images), labels: (0..64).map(|i| i % 3).collect() };
//! let model = config.model.build()?;
//! let diagnosis = examine(&Case::new(&config, &model, &train), &Exam::default())?;
//! assert_eq!(diagnosis.findings[0].code, Code::LabelOutOfRange);
//! println!("{}: {}", diagnosis.findings[0].seen, diagnosis.findings[0].cure);
//! # Ok::<(), cnn_train::TrainError>(())
//! ```

mod course;
mod data;
mod finding;
mod rate;
mod signals;
mod witness;

pub use finding::{Check, Code, Finding, Outcome, Place, Severity};

use crate::config::Config;
use crate::error::TrainError;
use crate::history::RunHistory;
use crate::parts::{Parts, parts};
use crate::trainer::{TrainOptions, Trainer};
use cnn_data::Split;
use cnn_nn::Model;
use cnn_tensor::random::permutation;
use course::{Course, Score};
use data::Prior;
use finding::Notes;
use rate::Rates;
use serde::Serialize;
use signals::Signals;
use witness::Testimony;

/// What is examined: a run as far as it is there.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// How the model was trained, or is to be.
    pub config: &'a Config,
    /// The model that `config.model.build()` gives.
    pub model: &'a Model,
    /// The images that training was given; what its `[fit]` keeps for validation is kept here as there.
    pub train: &'a Split,
    /// Images that it was not given.
    pub test: Option<&'a Split>,
    /// Names of the classes; those beyond are called by their number.
    pub classes: &'a [String],
    /// The weights that training began with; `None` for those of the configuration's seed.
    pub initial: Option<&'a [f32]>,
    /// The weights that it ended with; `None` where there are none, as after a divergence.
    pub trained: Option<&'a [f32]>,
    /// What every epoch reported; `None` where training did not come to its end, or has not begun.
    pub history: Option<&'a RunHistory>,
}

impl<'a> Case<'a> {
    /// A model before its training.
    pub fn new(config: &'a Config, model: &'a Model, train: &'a Split) -> Self {
        let (test, initial, trained, history) = (None, None, None, None);
        Self { config, model, train, test, classes: &[], initial, trained, history }
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exam {
    /// Training images to look at, 20 or more; default 2000. Labels and duplicates are looked at in all of them.
    pub images: usize,
    /// Threads and instruction set. The findings do not depend on the threads.
    pub options: TrainOptions,
}

impl Default for Exam {
    fn default() -> Self {
        Self { images: 2000, options: TrainOptions::default() }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What was found, likely root causes first; empty for a healthy training.
    pub findings: Vec<Finding>,
    /// Everything that was looked at, in order, with its numbers.
    pub checks: Vec<Check>,
    /// Training images that were looked at.
    pub images: usize,
}

/// Fewest images of a sample.
const FEWEST: usize = 20;

/// Images, most at once, that witnesses and networks are asked about.
const ASKED: usize = 500;

/// Examines a run, or a model before its training.
///
/// # Errors
/// Images of another shape than the model's input, no images at all, a split that leaves nothing, a loss that does not fit the
/// model, weights of another length: what keeps the examination itself from being made.
pub fn examine(case: &Case<'_>, exam: &Exam) -> Result<Diagnosis, TrainError> {
    let mut notes = Notes::default();
    let mut trainer = trainer(case, exam)?;
    for (split, what) in std::iter::once((case.train, "training data"))
        .chain(case.test.map(|test| (test, "test data")))
    {
        match trainer.check_split(split, what) {
            Ok(()) | Err(TrainError::Label { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let parts = parts(&case.train.labels, &case.config.fit)?;
    let prior = data::labels(case, &parts, trainer.classes(), &mut notes);
    data::duplicates(case.train, &parts.train, &mut notes);
    let course = case.history.map(Course::new);
    if let Some(course) = &course {
        course.judge(&mut notes);
    }
    let sample = Sample::drawn(case, &parts, exam.images.max(FEWEST), trainer.classes());
    let images =
        sample.as_ref().map_or(0, |sample| sample.learn.split.len() + sample.ask.split.len());
    match &sample {
        None => notes.skip(
            "input",
            "fewer than four training images have a label that the model has an output for",
        ),
        Some(sample) if data::pictures(case, sample, exam.options.isa, &mut notes) => {
            network(case, &mut trainer, sample, &prior, course.as_ref(), &mut notes)?;
        }
        Some(_) => notes.skip("network", "no network can be tried on pixels that are no numbers"),
    }
    let (findings, checks) = notes.into_order();
    Ok(Diagnosis { findings, checks, images })
}

/// A trainer with the initial weights, which trains on all that it is given.
fn trainer(case: &Case<'_>, exam: &Exam) -> Result<Trainer, TrainError> {
    let mut config = case.config.clone();
    config.fit = config.fit.learning_from_all();
    config.fit.eval_train = false;
    let mut trainer = Trainer::new(&config, case.model.clone(), exam.options)?;
    if let Some(weights) = case.initial {
        trainer.set_weights(weights)?;
    }
    Ok(trainer)
}

/// What only a network can tell: with its initial weights, with its trained ones, and trained for a moment.
fn network(
    case: &Case<'_>,
    trainer: &mut Trainer,
    sample: &Sample,
    prior: &Prior,
    course: Option<&Course<'_>>,
    notes: &mut Notes,
) -> Result<(), TrainError> {
    if trainer.weights.is_empty() {
        notes.skip("network", "the model has no parameters: there is nothing to train");
        return Ok(());
    }
    let before = Signals::of(trainer, sample)?;
    let rates = Rates::tried(trainer, sample, prior)?;
    let initial = trainer.weights.clone();
    let mut trained = None;
    if let Some(weights) = case.trained {
        trainer.set_weights(weights)?;
        let signals = Signals::of(trainer, sample)?;
        let score = measure(trainer, &sample.learn);
        let unseen = sample.unseen().map(|(part, what)| (measure(trainer, part), what));
        trained = Some((signals, score, unseen));
        trainer.set_weights(&initial)?;
    }
    signals::judge(&before, trained.as_ref().map(|trained| &trained.0), case, notes);
    let score = trained
        .as_ref()
        .map(|trained| trained.1.clone())
        .or_else(|| course.and_then(Course::score));
    let unseen = trained
        .as_ref()
        .and_then(|(_, _, unseen)| unseen.as_ref().map(|(score, what)| (score, *what)));

    let simple = witness::simple(sample, prior);
    let mut witnesses: Vec<Testimony> = simple.iter().cloned().chain(rates.witnesses()).collect();
    witnesses.extend(unseen.map(|(score, what)| {
        Testimony::new(format!("the trained network on {what}"), score.right, score.images, prior)
    }));
    witness::judge(&witnesses, prior, notes);

    let diverged = course.and_then(Course::last_loss).is_some_and(|loss| !loss.is_finite());
    let ended = if diverged { Some(f64::NAN) } else { score.as_ref().map(|score| score.loss) };
    rates.judge(course, ended, prior, notes);
    let Some(score) = score.filter(|score| score.loss.is_finite()) else {
        notes.skip("better than guessing", "there are no weights and no history of a whole epoch");
        return Ok(());
    };
    let learned = course::at_chance(&score, prior, notes);
    if let Some(course) = course {
        course.judge_plan(learned, notes);
    }
    if learned && trained.is_some() {
        course::fit(&score, unseen, &simple, course, notes);
    }
    Ok(())
}

fn measure(trainer: &mut Trainer, part: &Part) -> Score {
    let measured = trainer.measure(&part.split, &part.indices);
    Score {
        loss: measured.data_loss(),
        right: measured.correct as u64,
        images: measured.count as u64,
    }
}

/// Some images as a split of their own, and all of its positions.
#[derive(Clone, Debug)]
struct Part {
    split: Split,
    indices: Vec<u32>,
}

impl Part {
    /// The first `n` images of `from` at these places.
    fn new(from: &Split, places: &[u32]) -> Option<Self> {
        let indices = (0..places.len() as u32).collect();
        (!places.is_empty()).then(|| Self { split: from.select(places), indices })
    }

    /// All pixels as the network sees them.
    fn floats(&self) -> Vec<f32> {
        let mut x = vec![0.0; self.split.len() * self.split.shape().iter().product::<usize>()];
        self.split.fill(&self.indices, &mut x, &mut vec![0; self.split.len()]);
        x
    }
}

/// The images that are looked at, all with labels that the model has an output for.
#[derive(Clone, Debug)]
struct Sample {
    /// Of the training part: what witnesses and fresh networks learn from.
    learn: Part,
    /// Of the training part, and not in `learn`.
    ask: Part,
    /// Of the validation part.
    validation: Option<Part>,
    /// Of the test data.
    test: Option<Part>,
}

impl Sample {
    /// Draws `n` images of the training part, the seed deciding which; `None` if there are too few.
    fn drawn(case: &Case<'_>, parts: &Parts, n: usize, classes: usize) -> Option<Self> {
        let known = |split: &Split, of: &[u32]| -> Vec<u32> {
            let fits = |&place: &u32| (split.labels[place as usize] as usize) < classes;
            let places: Vec<u32> = of.iter().copied().filter(fits).collect();
            let mut order: Vec<u32> = (0..places.len() as u32).collect();
            // An epoch that no training reaches: an order of its own.
            permutation(case.config.fit.seed, u64::MAX, &mut order);
            order.into_iter().map(|at| places[at as usize]).collect()
        };
        let mut places = known(case.train, &parts.train);
        places.truncate(n);
        let asked = (places.len() / 4).min(ASKED);
        let (ask, learn) = places.split_at(asked);
        let some = |split: &Split, of: &[u32]| {
            let mut places = known(split, of);
            places.truncate(n);
            Part::new(split, &places)
        };
        Some(Self {
            learn: Part::new(case.train, learn)?,
            ask: Part::new(case.train, ask)?,
            validation: some(case.train, &parts.validation),
            test: case
                .test
                .and_then(|test| some(test, &(0..test.len() as u32).collect::<Vec<_>>())),
        })
    }

    /// Images that the run did not train on, and what they are called.
    fn unseen(&self) -> Option<(&Part, &'static str)> {
        let validation = self.validation.as_ref().map(|part| (part, "validation images"));
        validation.or_else(|| self.test.as_ref().map(|part| (part, "test images")))
    }
}
