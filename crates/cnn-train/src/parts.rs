//! Which images a run learns from and which it keeps for validation.
//!
//! | `[fit]` | validation |
//! |---|---|
//! | `validation_split = 0.1` | the last tenth of the images, as Keras: n − ⌊n·(1 − share)⌋ |
//! | `validation_split = 0.1`, `stratified = true` | as many, of every class its share |
//! | `fold = "2/5"` | the second of five parts, of every class a fifth in each |
//!
//! Keras takes the last images; where the data set is sorted by class, these are all of one class. The other two draw with
//! counted random numbers: the seed and the labels decide, nothing else, and the five parts of one seed have every image once.

use crate::config::FitSpec;
use crate::error::TrainError;
use cnn_tensor::random::{Purpose, shuffled, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Parts, at most.
const MOST_FOLDS: usize = 1000;

/// One part of several of equal size: `2/5` is the second of five. Written as text, `fold = "2/5"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Fold {
    number: usize,
    of: usize,
}

impl Fold {
    /// The part `number`, from 1, of `of`, 2 to 1000; `None` if there is no such part.
    pub fn new(number: usize, of: usize) -> Option<Self> {
        ((2..=MOST_FOLDS).contains(&of) && (1..=of).contains(&number))
            .then_some(Self { number, of })
    }

    /// Which part, from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// How many parts there are.
    pub fn of(self) -> usize {
        self.of
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Fold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            Fold::new(number.trim().parse().ok()?, of.trim().parse().ok()?)
        });
        let shown: String = text.chars().take(40).collect();
        numbers.ok_or_else(|| {
            format!("{shown:?} is no fold: 2/5 is the second of five, from 1/5 to 5/5; at most {MOST_FOLDS}")
        })
    }
}

impl TryFrom<String> for Fold {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fold> for String {
    fn from(fold: Fold) -> Self {
        fold.to_string()
    }
}

/// Positions of images, both in the order of the data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What a run learns from.
    pub train: Vec<u32>,
    /// What it keeps for validation; empty if nothing is kept.
    pub validation: Vec<u32>,
}

/// The parts of a data set with these labels, as `fit` says.
///
/// # Errors
/// A split that leaves nothing on one side.
pub fn parts(labels: &[u32], fit: &FitSpec) -> Result<Parts, TrainError> {
    if let Some(fold) = fit.fold {
        if fold.of > labels.len() {
            return Err(TrainError::Folds { folds: fold.of, samples: labels.len() });
        }
        let folds = folds(labels, fold.of, fit.seed);
        return Ok(parted(labels.len(), |i| folds[i] as usize + 1 == fold.number));
    }
    let cut = split_at(labels.len(), fit.validation_split)?;
    if fit.stratified && cut < labels.len() {
        let held = held_out(labels, labels.len() - cut, fit.seed);
        return Ok(parted(labels.len(), |i| held[i]));
    }
    Ok(parted(labels.len(), |i| i >= cut))
}

fn parted(samples: usize, kept: impl Fn(usize) -> bool) -> Parts {
    let (validation, train) = (0..samples as u32).partition(|&i| kept(i as usize));
    Parts { train, validation }
}

/// The first image of Keras's validation part: ⌊n·(1 − share)⌋; n without a share.
fn split_at(samples: usize, share: f64) -> Result<usize, TrainError> {
    if share <= 0.0 {
        return Ok(samples);
    }
    let train = (samples as f64 * (1.0 - share)).floor() as usize;
    if train == 0 || train >= samples {
        return Err(TrainError::Split { share, samples, train: train.min(samples) });
    }
    Ok(train)
}

/// The positions of each class, classes in the order in which they first appear.
fn by_class(labels: &[u32]) -> Vec<(u32, Vec<usize>)> {
    let mut place = std::collections::HashMap::new();
    let mut classes: Vec<(u32, Vec<usize>)> = Vec::new();
    for (i, &label) in labels.iter().enumerate() {
        let at = *place.entry(label).or_insert_with(|| {
            classes.push((label, Vec::new()));
            classes.len() - 1
        });
        classes[at].1.push(i);
    }
    classes
}

/// An order of a class's images, drawn.
fn drawn(seed: u64, label: u32, use_of: u64, n: usize) -> Vec<u32> {
    let mut order = vec![0; n];
    shuffled(&mut stream(seed, Purpose::Split, u64::from(label), use_of), &mut order);
    order
}

/// Whether each image is among `held` that are kept: of every class its share, rounded down, and one more where the largest
/// remainders are (of equal ones, in the class that appears first). These are the numbers of scikit-learn's `train_test_split`
/// with `stratify`, which draws between equal remainders.
fn held_out(labels: &[u32], held: usize, seed: u64) -> Vec<bool> {
    let (classes, n) = (by_class(labels), labels.len() as u128);
    // In whole numbers: rounding never decides.
    let share = |members: &[usize]| members.len() as u128 * held as u128;
    let mut quota: Vec<usize> =
        classes.iter().map(|(_, members)| (share(members) / n) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..classes.len()).collect();
    by_remainder.sort_by_key(|&k| std::cmp::Reverse(share(&classes[k].1) % n));
    let missing = held - quota.iter().sum::<usize>();
    for &k in by_remainder.iter().take(missing) {
        quota[k] += 1;
    }
    let mut kept = vec![false; labels.len()];
    for ((label, members), quota) in classes.iter().zip(quota) {
        let order = drawn(seed, *label, 0, members.len());
        for (&i, place) in members.iter().zip(order) {
            kept[i] = (place as usize) < quota;
        }
    }
    kept
}

/// The fold of each image, from 0. Of every class each fold has as many as in scikit-learn's `StratifiedKFold`: the images
/// sorted by class (classes as they first appear) are dealt round by round, so that neither a class nor the whole differs by
/// more than one between folds. Which images of a class go where is drawn.
fn folds(labels: &[u32], of: usize, seed: u64) -> Vec<u32> {
    let mut fold = vec![0; labels.len()];
    let mut dealt = 0;
    for (label, members) in by_class(labels) {
        let order = drawn(seed, label, 1, members.len());
        for (&i, place) in members.iter().zip(order) {
            fold[i] = ((dealt + place as usize) % of) as u32;
        }
        dealt += members.len();
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(fold: &str, seed: u64) -> FitSpec {
        FitSpec {
            fold: Some(fold.parse().unwrap_or_else(|e| panic!("{e}"))),
            seed,
            ..FitSpec::default()
        }
    }

    #[test]
    fn folds_are_written_as_they_are_read() {
        for text in ["1/2", "2/5", "1000/1000"] {
            assert_eq!(text.parse::<Fold>().map(|fold| fold.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", "2", "0/5", "6/5", "1/1", "1/1001", "-1/5", "2/5/6", "a/b", "2.0/5"] {
            assert!(wrong.parse::<Fold>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn seven_images_by_hand() {
        // Class 4 appears first: dealt 0 1 2 0; class 1 goes on: 1 2 0.
        let labels = [4, 1, 4, 4, 1, 4, 1];
        let of = folds(&labels, 3, 9);
        let count = |label, fold| {
            labels.iter().zip(&of).filter(|&(&l, &f)| l == label && f == fold).count()
        };
        assert_eq!([0, 1, 2].map(|fold| count(4, fold)), [2, 1, 1]);
        assert_eq!([0, 1, 2].map(|fold| count(1, fold)), [1, 1, 1]);
        // Three of seven: 12/7 of class 4 and 9/7 of class 1; the larger remainder is that of class 4.
        let held = held_out(&labels, 3, 9);
        let kept = |label| labels.iter().zip(&held).filter(|&(&l, &h)| l == label && h).count();
        assert_eq!((kept(4), kept(1)), (2, 1));
    }

    #[test]
    fn every_image_is_validated_once_and_the_seed_decides() {
        let labels: Vec<u32> = (0..97).map(|i| i * i % 7).collect();
        let mut seen = vec![0; labels.len()];
        for number in 1..=5 {
            let parts = parts(&labels, &fit(&format!("{number}/5"), 3)).unwrap_or_default();
            assert_eq!(parts.train.len() + parts.validation.len(), labels.len());
            assert!(parts.validation.is_sorted() && parts.train.is_sorted());
            parts.validation.iter().for_each(|&i| seen[i as usize] += 1);
        }
        assert!(seen.iter().all(|&n| n == 1));
        let of = |seed| parts(&labels, &fit("1/5", seed)).unwrap_or_default();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }

    #[test]
    fn more_folds_than_images_are_refused() {
        let error = parts(&[0, 1, 0], &fit("1/4", 1)).map_err(|e| e.to_string());
        assert_eq!(error, Err("4 folds of 3 images: some would be empty".into()));
    }
}
