//! What the model answers to the test images: right, wrong, and how sure.

use super::Args;
use crate::failure::{Exit, Failure};
use crate::{output, runs};
use cnn_data::Dataset;
use cnn_train::{
    Answer, CALIBRATION_BINS, Calibration, CalibrationBin, ClassScore, Deterministic, Evaluation,
    MixedPair, SavedRun, TestScore, Trainer, most_confident_mistakes,
};
use cnn_viz::Bitmap;
use cnn_viz::charts::ReliabilityBin;
use cnn_viz::report::{self, Calibrated, ClassRow, Example, Mistake, MixedUp, Section, Strip};

/// Mistakes that are shown, the surest first.
const MISTAKES: usize = 12;
/// Pairs of classes that are shown.
const PAIRS: usize = 5;
/// Pictures of each side of a pair.
const OF_EACH: usize = 7;
/// Pixels of a small picture's side, at most.
const SMALL: usize = 96;
/// From this many multiply-adds on, measuring takes long enough to be announced.
const LONG: u64 = 5_000_000_000;

/// A model that was measured on test images.
pub(super) struct Measured<'a> {
    pub(super) saved: &'a SavedRun,
    pub(super) trainer: Trainer,
    pub(super) data: Dataset,
    pub(super) evaluation: Evaluation,
    answers: Vec<Answer>,
}

impl<'a> Measured<'a> {
    /// Loads the data and carries every test image through the model.
    pub(super) fn new(args: &Args, saved: &'a SavedRun) -> Result<Self, Failure> {
        let mut trainer = runs::trainer(saved, args.threads, Deterministic::Fastest)?;
        let mut data = runs::data(&args.run, &saved.model, args.data.as_deref())?;
        if let Some(limit) = args.limit {
            data.test = data.test.take(limit as usize);
        }
        check_images(&args.images, &data)?;
        if saved.model.macs().saturating_mul(data.test.len() as u64) > LONG {
            output::note(&format!("measuring {} test images of {}\n", data.test.len(), data.name));
        }
        let (evaluation, answers) = trainer.evaluate_each(&data.test)?;
        Ok(Self { saved, trainer, data, evaluation, answers })
    }

    /// Whether a score is what was measured here, rounding of other kernels aside.
    pub(super) fn agrees_with(&self, score: TestScore) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * a.abs().max(b.abs());
        near(self.evaluation.accuracy, score.accuracy) && near(self.evaluation.loss, score.loss)
    }

    /// The images whose way through the layers is shown: those asked for, or else the first right answer and the two surest mistakes.
    pub(super) fn images(&self, asked: &[usize]) -> Vec<usize> {
        if !asked.is_empty() {
            return asked.to_vec();
        }
        let right = self.answers.iter().find(|answer| answer.is_right());
        let wrong = most_confident_mistakes(&self.answers, 2);
        right.into_iter().chain(&wrong).map(|answer| answer.index).collect()
    }

    /// The name of a class.
    pub(super) fn class(&self, class: usize) -> String {
        self.saved.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// The sections about answers.
    pub(super) fn sections(&self) -> Result<Vec<Section>, Failure> {
        let names: Vec<String> = (0..self.evaluation.classes).map(|c| self.class(c)).collect();
        let confusion = report::confusion(&names, &self.evaluation.confusion)
            .map_err(|error| Failure::new(Exit::Data, "", &error.to_string(), "", &[], &[]))?;
        let pairs: Vec<MixedUp> =
            self.evaluation.most_mixed_up(PAIRS).iter().map(|pair| self.pair(pair)).collect();
        let mistakes: Vec<Mistake> = most_confident_mistakes(&self.answers, MISTAKES)
            .iter()
            .map(|answer| self.mistake(answer))
            .collect();
        Ok(vec![
            confusion,
            self.classes(&names),
            report::mixed_up(&names, &pairs, 56),
            report::mistakes(&mistakes),
            self.calibration(),
        ])
    }

    fn classes(&self, names: &[String]) -> Section {
        let scores = self.evaluation.report(names);
        let row = |name: &str, score: &ClassScore| ClassRow {
            name: name.to_owned(),
            precision: score.precision,
            recall: score.recall,
            f1: score.f1,
            support: score.support,
        };
        let rows: Vec<ClassRow> =
            scores.classes.iter().map(|(name, score)| row(name, score)).collect();
        let means = [
            row("macro avg", &scores.macro_average),
            row("weighted avg", &scores.weighted_average),
        ];
        report::classes(&rows, &means)
    }

    fn pair(&self, pair: &MixedPair) -> MixedUp {
        let [a, b] = pair.classes;
        let other = match pair.counts[1] {
            0 => self.strip(b, b, self.evaluation.confusion[b * self.evaluation.classes + b]),
            count => self.strip(b, a, count),
        };
        MixedUp { count: pair.total(), strips: [self.strip(a, b, pair.counts[0]), other] }
    }

    /// Some images of a class that got that answer, the surest first.
    fn strip(&self, truth: usize, predicted: usize, count: u64) -> Strip {
        let of = |answer: &&Answer| answer.truth == truth && answer.predicted == predicted;
        let mut found: Vec<&Answer> = self.answers.iter().filter(of).collect();
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let examples = found.into_iter().take(OF_EACH).map(|a| self.example(a.index)).collect();
        Strip { truth, predicted, count, examples }
    }

    fn example(&self, index: usize) -> Example {
        let (picture, _) = self.picture(index);
        Example { picture: report::shrink(&picture, SMALL), index }
    }

    /// A test image as a picture, and its pixels as the model sees them.
    pub(super) fn picture(&self, index: usize) -> (Bitmap, Vec<f32>) {
        let split = &self.data.test;
        let (mut pixels, mut label) = (vec![0.0; split.shape().iter().product()], [0]);
        split.fill(&[index as u32], &mut pixels, &mut label);
        (Bitmap::from_pixels(&pixels, split.shape()), pixels)
    }

    fn mistake(&self, answer: &Answer) -> Mistake {
        Mistake {
            example: self.example(answer.index),
            truth: self.class(answer.truth),
            predicted: self.class(answer.predicted),
            confidence: f64::from(answer.confidence),
            truth_probability: f64::from(answer.truth_probability),
        }
    }

    fn calibration(&self) -> Section {
        let found = Calibration::new(&self.answers, CALIBRATION_BINS);
        let bin = |bin: &CalibrationBin| ReliabilityBin {
            low: bin.low,
            high: bin.high,
            count: bin.count,
            confidence: bin.confidence.unwrap_or(0.0),
            accuracy: bin.accuracy.unwrap_or(0.0),
        };
        let bins: Vec<ReliabilityBin> = found.bins.iter().map(bin).collect();
        report::calibration(&Calibrated {
            bins: &bins,
            ece: found.ece,
            confidence: found.confidence,
            accuracy: self.evaluation.accuracy,
        })
    }

    /// The most probable classes of an image, the first first.
    pub(super) fn ranked(&mut self, pixels: &[f32]) -> Result<Vec<(String, f64)>, Failure> {
        let mut row: Vec<(usize, f32)> =
            self.trainer.probabilities(pixels)?.into_iter().enumerate().collect();
        row.sort_by(|a, b| b.1.total_cmp(&a.1));
        row.truncate(3);
        Ok(row.into_iter().map(|(class, p)| (self.class(class), f64::from(p))).collect())
    }

    /// The class of a test image.
    pub(super) fn truth(&self, index: usize) -> String {
        self.class(self.data.test.labels[index] as usize)
    }
}

/// The images that were asked for are there.
fn check_images(asked: &[usize], data: &Dataset) -> Result<(), Failure> {
    asked.iter().try_for_each(|&at| crate::pictures::of_test_split(data, at).map(|_| ()))
}
