//! Loss, accuracy and the per-class report of a trained model.

use crate::answers::Answer;
use crate::calibration::{Z95, wilson};
use crate::error::TrainError;
use crate::history::TestScore;
use crate::metrics::MetricSpec;
use crate::trainer::Trainer;
use cnn_data::Split;
use cnn_nn::engine::BatchMetrics;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

/// How a model does on a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean loss, the penalty of regularised weights included, as Keras reports it.
    pub loss: f64,
    /// Mean loss of the images alone.
    pub data_loss: f64,
    /// The penalty of regularised weights; 0 for a model without regularisers.
    pub penalty: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Number of images.
    pub samples: usize,
    /// Number of classes, k.
    pub classes: usize,
    /// k·k counts, row-major: rows are the true classes, columns the predicted ones, as in scikit-learn.
    pub confusion: Vec<u64>,
    /// Negative log likelihood: the mean of −ln p with p the probability of the right class, in nats. A probability that rounds to
    /// 0 counts as 1.2e-38, the smallest `f32`, so that one image adds at most 87.3; scikit-learn's `log_loss` stops at 2.2e-16.
    pub nll: f64,
    /// Brier score: the mean of Σ (p − t)² over the classes, t being 1 for the right class and 0 for the others; 0 to 2. For two
    /// classes it is twice scikit-learn's `brier_score_loss`, which looks at one of them. Source: G. W. Brier, "Verification of
    /// forecasts expressed in terms of probability", Monthly Weather Review 78 (1950).
    pub brier: f64,
    /// The top-k metrics of `[compile]`.
    pub top_k: Vec<TopKScore>,
}

/// How often the right class is among the k largest outputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopKScore {
    /// The metric's name.
    pub name: String,
    /// Its k.
    pub k: usize,
    /// Images whose class is among them, as a share.
    pub accuracy: f64,
    /// [`wilson`]'s 95 % interval of it.
    pub accuracy_95: [f64; 2],
}

/// Precision, recall and F1 of one class, or their mean over classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ClassScore {
    /// Of the images that were given this class, the share that has it; 0 if there were none.
    pub precision: f64,
    /// Of the images of this class, the share that was given it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of the two.
    #[serde(rename = "f1-score")]
    pub f1: f64,
    /// Images of this class.
    pub support: u64,
}

/// The per-class report. Displays as scikit-learn's `classification_report` to the character, and serialises as its dict form.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Name and scores of each class.
    pub classes: Vec<(String, ClassScore)>,
    /// Share of right answers.
    pub accuracy: f64,
    /// Plain mean over the classes.
    pub macro_average: ClassScore,
    /// Mean over the classes, weighted by their support.
    pub weighted_average: ClassScore,
}

impl Trainer {
    /// Loss, accuracy and confusion matrix over a data set, in inference mode. Of equal probabilities the first class counts.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn evaluate(&mut self, split: &Split) -> Result<Evaluation, TrainError> {
        Ok(self.evaluate_each(split)?.0)
    }

    /// The same, and the answer to every image that it was counted from, in the order of the data set.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn evaluate_each(
        &mut self,
        split: &Split,
    ) -> Result<(Evaluation, Vec<Answer>), TrainError> {
        let answers = self.answers(split)?;
        let indices: Vec<u32> = (0..split.len() as u32).collect();
        let measured = self.measure(split, &indices);
        let k = self.classes();
        let mut confusion = vec![0u64; k * k];
        for answer in &answers {
            confusion[answer.truth * k + answer.predicted] += 1;
        }
        let mut evaluation = Evaluation {
            loss: measured.loss(),
            data_loss: measured.data_loss(),
            penalty: measured.penalty(),
            accuracy: 0.0,
            samples: split.len(),
            classes: k,
            confusion,
            nll: mean_of(&answers, |answer| {
                -f64::from(answer.truth_probability.max(f32::MIN_POSITIVE)).ln()
            }),
            brier: mean_of(&answers, |answer| f64::from(answer.squared_error)),
            top_k: self.top_k(&measured),
        };
        evaluation.accuracy = evaluation.correct() as f64 / split.len() as f64;
        Ok((evaluation, answers))
    }
}

impl Trainer {
    fn top_k(&self, measured: &BatchMetrics) -> Vec<TopKScore> {
        let tops = self.compile.metrics.iter().filter_map(|metric| Some((metric, metric.k()?)));
        let score = |(i, (metric, k)): (usize, (&MetricSpec, usize))| {
            let (low, high) = wilson(measured.in_top[i] as u64, measured.count as u64, Z95);
            let (name, accuracy) = (metric.name().to_owned(), measured.top_accuracy(i));
            TopKScore { name, k, accuracy, accuracy_95: [low, high] }
        };
        tops.enumerate().map(score).collect()
    }
}

fn mean_of(answers: &[Answer], value: impl Fn(&Answer) -> f64) -> f64 {
    answers.iter().map(value).sum::<f64>() / answers.len() as f64
}

impl Evaluation {
    /// Loss and accuracy alone.
    pub fn score(&self) -> TestScore {
        TestScore::new(self.loss, self.correct(), self.samples as u64)
    }

    /// Right answers.
    pub fn correct(&self) -> u64 {
        (0..self.classes).map(|i| self.confusion[i * self.classes + i]).sum()
    }

    /// Where the accuracy on other images of the same kind lies with 95 % confidence: [`wilson`]'s interval.
    pub fn accuracy_interval(&self) -> (f64, f64) {
        wilson(self.correct(), self.samples as u64, Z95)
    }

    /// Precision, recall and F1 of each class. Classes beyond `names` are called by their number.
    pub fn report(&self, names: &[String]) -> Report {
        let k = self.classes;
        let score = |i: usize| {
            let hit = self.confusion[i * k + i];
            let support: u64 = self.confusion[i * k..(i + 1) * k].iter().sum();
            let given: u64 = (0..k).map(|row| self.confusion[row * k + i]).sum();
            let (precision, recall) = (share(hit, given), share(hit, support));
            ClassScore { precision, recall, f1: share(2 * hit, support + given), support }
        };
        let scores: Vec<ClassScore> = (0..k).map(score).collect();
        let name = |i: usize| names.get(i).cloned().unwrap_or_else(|| i.to_string());
        Report {
            accuracy: self.accuracy,
            macro_average: mean(&scores, |_| 1.0),
            weighted_average: mean(&scores, |s| s.support as f64),
            classes: scores.into_iter().enumerate().map(|(i, score)| (name(i), score)).collect(),
        }
    }

    /// The pairs of classes that are mixed up most: (true, predicted, count), the largest count first.
    pub fn most_confused(&self, count: usize) -> Vec<(usize, usize, u64)> {
        let k = self.classes;
        let mut pairs: Vec<_> = (0..k * k)
            .map(|i| (i / k, i % k, self.confusion[i]))
            .filter(|p| p.0 != p.1 && p.2 > 0)
            .collect();
        pairs.sort_by_key(|p| std::cmp::Reverse(p.2));
        pairs.truncate(count);
        pairs
    }

    /// The pairs of classes with the most mistakes between them in both directions together, the largest sum first; pairs
    /// without mistakes are left out.
    pub fn most_mixed_up(&self, count: usize) -> Vec<MixedPair> {
        let k = self.classes;
        let taken_for = |a: usize, b: usize| self.confusion[a * k + b];
        let pair = |(a, b): (usize, usize)| {
            let (a, b) = if taken_for(a, b) >= taken_for(b, a) { (a, b) } else { (b, a) };
            MixedPair { classes: [a, b], counts: [taken_for(a, b), taken_for(b, a)] }
        };
        let all = (0..k).flat_map(|a| (a + 1..k).map(move |b| (a, b)));
        let mut pairs: Vec<MixedPair> = all.map(pair).filter(|pair| pair.total() > 0).collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.total()));
        pairs.truncate(count);
        pairs
    }
}

/// Two classes that are mixed up, and how often each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MixedPair {
    /// The two classes; the first is the one whose images are taken for the other more often.
    pub classes: [usize; 2],
    /// Images of the first taken for the second, and of the second taken for the first.
    pub counts: [u64; 2],
}

impl MixedPair {
    /// Mistakes in both directions.
    pub fn total(&self) -> u64 {
        self.counts[0] + self.counts[1]
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(scores: &[ClassScore], weight: impl Fn(&ClassScore) -> f64) -> ClassScore {
    let total: f64 = scores.iter().map(&weight).sum();
    let over = |pick: fn(&ClassScore) -> f64| {
        if total > 0.0 {
            scores.iter().map(|s| pick(s) * weight(s)).sum::<f64>() / total
        } else {
            0.0
        }
    };
    ClassScore {
        precision: over(|s| s.precision),
        recall: over(|s| s.recall),
        f1: over(|s| s.f1),
        support: scores.iter().map(|s| s.support).sum(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.classes.iter().map(|(name, _)| name.chars().count());
        let width = names.max().unwrap_or(0).max("weighted avg".len());
        let mut text = format!(
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n\n",
            "", "precision", "recall", "f1-score", "support"
        );
        let row = |text: &mut String, name: &str, s: &ClassScore| {
            writeln!(
                text,
                "{name:>width$}  {:>9.2} {:>9.2} {:>9.2} {:>9}",
                s.precision, s.recall, s.f1, s.support
            )
        };
        for (name, score) in &self.classes {
            row(&mut text, name, score)?;
        }
        let support = self.macro_average.support;
        writeln!(
            text,
            "\n{:>width$}  {:>9} {:>9} {:>9.2} {support:>9}",
            "accuracy", "", "", self.accuracy
        )?;
        row(&mut text, "macro avg", &self.macro_average)?;
        row(&mut text, "weighted avg", &self.weighted_average)?;
        f.write_str(&text)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.classes.len() + 3))?;
        for (name, score) in &self.classes {
            map.serialize_entry(name, score)?;
        }
        map.serialize_entry("accuracy", &self.accuracy)?;
        map.serialize_entry("macro avg", &self.macro_average)?;
        map.serialize_entry("weighted avg", &self.weighted_average)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Evaluation {
        // scikit-learn's own example: y_true = [0, 1, 2, 2, 2], y_pred = [0, 0, 2, 2, 1].
        Evaluation {
            loss: 1.0,
            data_loss: 1.0,
            penalty: 0.0,
            accuracy: 0.6,
            samples: 5,
            classes: 3,
            confusion: vec![1, 0, 0, 1, 0, 0, 0, 1, 2],
            nll: 1.0,
            brier: 0.5,
            top_k: Vec::new(),
        }
    }

    #[test]
    fn the_report_is_that_of_scikit_learns_documentation() {
        let names = ["class 0", "class 1", "class 2"].map(String::from);
        // Source: scikit-learn, docstring of sklearn.metrics.classification_report.
        let expected = "              precision    recall  f1-score   support

     class 0       0.50      1.00      0.67         1
     class 1       0.00      0.00      0.00         1
     class 2       1.00      0.67      0.80         3

    accuracy                           0.60         5
   macro avg       0.50      0.56      0.49         5
weighted avg       0.70      0.60      0.61         5
";
        assert_eq!(example().report(&names).to_string(), expected);
    }

    /// Every number of the report against its definition, from lists of classes and answers. scikit-learn's definitions, with its
    /// `zero_division=0`.
    #[test]
    fn the_report_is_that_of_its_definitions() {
        let truth = |i: usize| (i * i + i / 3) % 4;
        let answer = |i: usize| if i.is_multiple_of(3) { (i / 2) % 3 } else { truth(i) };
        let all = || 0..97usize;
        let mut evaluation = Evaluation { classes: 5, samples: 97, ..example() };
        evaluation.confusion = vec![0; 25];
        all().for_each(|i| evaluation.confusion[truth(i) * 5 + answer(i)] += 1);
        evaluation.accuracy = evaluation.correct() as f64 / 97.0;
        let report = evaluation.report(&[]);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        let (mut sums, mut weighted) = ([0.0; 3], [0.0; 3]);
        for (class, (name, score)) in report.classes.iter().enumerate() {
            assert_eq!(*name, class.to_string());
            let hits = all().filter(|&i| truth(i) == class && answer(i) == class).count();
            let has = all().filter(|&i| truth(i) == class).count();
            let given = all().filter(|&i| answer(i) == class).count();
            let (p, r) = (ratio(hits, given), ratio(hits, has));
            let f1 = if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) };
            near(score.precision, p);
            near(score.recall, r);
            near(score.f1, f1);
            assert_eq!(score.support, has as u64);
            for (j, x) in [p, r, f1].into_iter().enumerate() {
                sums[j] += x / 5.0;
                weighted[j] += x * has as f64 / 97.0;
            }
        }
        for (mean, expected) in [(report.macro_average, sums), (report.weighted_average, weighted)]
        {
            near(mean.precision, expected[0]);
            near(mean.recall, expected[1]);
            near(mean.f1, expected[2]);
            assert_eq!(mean.support, 97);
        }
    }

    #[test]
    fn the_json_form_has_scikit_learns_keys() {
        let json = serde_json::to_string(&example().report(&["a".into()])).unwrap();
        assert!(json.starts_with(r#"{"a":{"precision":0.5,"recall":1.0,"f1-score":0.6666666666666666,"support":1},"1":"#), "{json}");
        assert!(json.contains(r#""accuracy":0.6,"macro avg":{"precision":0.5,"#), "{json}");
    }

    #[test]
    fn the_worst_pairs_come_first() {
        assert_eq!(example().most_confused(1), [(1, 0, 1)]);
        assert_eq!(example().most_confused(9).len(), 2);
        let mut both = example();
        both.confusion = vec![5, 1, 3, 2, 5, 0, 1, 0, 5];
        let pairs = both.most_mixed_up(9);
        let of = |pair: &MixedPair| (pair.classes, pair.counts);
        assert_eq!(pairs.iter().map(of).collect::<Vec<_>>(), [([0, 2], [3, 1]), ([1, 0], [2, 1])]);
        assert_eq!(both.most_mixed_up(1).len(), 1);
    }
}
