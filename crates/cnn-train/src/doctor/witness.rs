//! Witnesses: simple ways to guess labels from images, each compared with chance. If none can, labels and images have
//! nothing to do with each other.

use super::data::Prior;
use super::finding::{Code, Notes, Severity};
use super::{Part, Sample};
use crate::calibration::{Z95, wilson};
use crate::experiment::binomial_tail;
use crate::history::TestScore;

/// A witness must be this unlikely by chance. Each of at most five witnesses is tried once.
const ALPHA: f64 = 0.001;

/// Fewer images than this cannot clear the labels or condemn them.
const FEWEST: usize = 100;

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;

/// Numbers per image that the witnesses compare, at most: larger images are made smaller by means over stripes.
const NUMBERS: usize = 1024;

/// What a witness, or a network, answered to images that it had not seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Testimony {
    pub(super) who: String,
    pub(super) right: u64,
    pub(super) images: u64,
    /// The probability of so many right answers by always answering the largest class.
    pub(super) p: f64,
}

impl Testimony {
    pub(super) fn new(who: impl Into<String>, right: u64, images: u64, prior: &Prior) -> Self {
        Self { who: who.into(), right, images, p: binomial_tail(right, images, prior.share()) }
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }

    /// The accuracy with its interval.
    pub(super) fn score(&self) -> TestScore {
        TestScore::new(f64::NAN, self.right, self.images)
    }

    pub(super) fn above_chance(&self) -> bool {
        self.p <= ALPHA
    }
}

/// The nearest class mean and the nearest neighbours: taught with one part of the sample, asked about the other.
pub(super) fn simple(sample: &Sample, prior: &Prior) -> Vec<Testimony> {
    let (learn, ask) = (Table::of(&sample.learn), Table::of(&sample.ask));
    let count = |answer: &dyn Fn(&[f32]) -> u32| -> u64 {
        (0..ask.labels.len()).filter(|&i| answer(ask.row(i)) == ask.labels[i]).count() as u64
    };
    let images = ask.labels.len() as u64;
    let means = learn.means(prior.counts.len());
    let mean = count(&|row| nearest_mean(&means, row));
    let neighbours = count(&|row| learn.vote(row, prior.counts.len()));
    vec![
        Testimony::new("nearest class mean", mean, images, prior),
        Testimony::new(format!("{NEIGHBOURS} nearest neighbours"), neighbours, images, prior),
    ]
}

/// What the witnesses say together.
pub(super) fn judge(witnesses: &[Testimony], prior: &Prior, notes: &mut Notes) {
    let said: Vec<String> = witnesses
        .iter()
        .map(|w| {
            let (low, high) = wilson(w.right, w.images, Z95);
            let [share, low, high] = [w.accuracy(), low, high].map(|share| 100.0 * share);
            format!("{} {share:.1} % ({low:.1} to {high:.1}) of {}", w.who, w.images)
        })
        .collect();
    let seen = format!(
        "guessed from the pixels, with 95 % intervals: {}; the largest class is {:.1} %",
        said.join(", "),
        100.0 * prior.share()
    );
    let most = witnesses.iter().map(|w| w.images).max().unwrap_or(0);
    let any = witnesses.iter().any(Testimony::above_chance);
    if !any && (most as usize) < FEWEST {
        return notes.skip(
            "labels and images",
            format!("{seen}; {most} images are too few to tell (at least {FEWEST})"),
        );
    }
    notes.check("labels and images", !any, seen.clone());
    if any {
        return;
    }
    let Some(best) = witnesses.iter().min_by(|a, b| a.p.total_cmp(&b.p)) else { return };
    notes.find(
        Code::LabelsUnrelated,
        Severity::Critical,
        format!("{seen}: nobody is above chance (the best, {}, has p = {:.2})", best.who, best.p),
        "look at images with their labels (`cnn augment preview`): were they shuffled apart, or read from two files in another order?",
        &[("accuracy", best.accuracy()), ("chance", prior.share()), ("p", best.p), ("threshold", ALPHA)],
    );
}

/// Images as rows of at most [`NUMBERS`] numbers.
struct Table {
    rows: Vec<f32>,
    width: usize,
    labels: Vec<u32>,
}

impl Table {
    fn of(part: &Part) -> Self {
        let pixels = part.floats();
        let size = pixels.len() / part.split.len().max(1);
        let step = size.div_ceil(NUMBERS).max(1);
        let mean = |stripe: &[f32]| stripe.iter().sum::<f32>() / stripe.len() as f32;
        let rows = pixels
            .chunks_exact(size.max(1))
            .flat_map(|image| image.chunks(step).map(mean))
            .collect();
        Self { rows, width: size.div_ceil(step), labels: part.split.labels.clone() }
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.rows[i * self.width..(i + 1) * self.width]
    }

    /// The mean image of each class that there is.
    fn means(&self, classes: usize) -> Vec<Option<Vec<f32>>> {
        let mut sums = vec![(0usize, vec![0.0f32; self.width]); classes];
        for (i, &label) in self.labels.iter().enumerate() {
            let (count, sum) = &mut sums[label as usize];
            *count += 1;
            sum.iter_mut().zip(self.row(i)).for_each(|(sum, x)| *sum += x);
        }
        let mean = |(count, sum): (usize, Vec<f32>)| {
            (count > 0).then(|| sum.into_iter().map(|sum| sum / count as f32).collect())
        };
        sums.into_iter().map(mean).collect()
    }

    /// The label that most of the nearest rows have; of equally many the nearest's.
    fn vote(&self, row: &[f32], classes: usize) -> u32 {
        let mut nearest: Vec<(f32, u32)> = Vec::with_capacity(NEIGHBOURS + 1);
        for (i, &label) in self.labels.iter().enumerate() {
            let far = distance(self.row(i), row);
            let at = nearest.partition_point(|&(other, _)| other <= far);
            if at < NEIGHBOURS {
                nearest.insert(at, (far, label));
                nearest.truncate(NEIGHBOURS);
            }
        }
        let mut votes = vec![0; classes];
        for &(_, label) in &nearest {
            votes[label as usize] += 1;
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        nearest
            .iter()
            .find(|&&(_, label)| votes[label as usize] == most)
            .map_or(0, |&(_, label)| label)
    }
}

fn nearest_mean(means: &[Option<Vec<f32>>], row: &[f32]) -> u32 {
    let far =
        |mean: &Option<Vec<f32>>| mean.as_ref().map_or(f32::INFINITY, |mean| distance(mean, row));
    let nearest = (0..means.len()).min_by(|&a, &b| far(&means[a]).total_cmp(&far(&means[b])));
    nearest.unwrap_or(0) as u32
}

/// Squared Euclidean distance, in lanes that the compiler can put side by side.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 =
        left.remainder().iter().zip(right.remainder()).map(|(a, b)| (a - b).powi(2)).sum();
    for (a, b) in left.zip(right) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b) * (a - b);
        }
    }
    lanes.iter().sum::<f32>() + rest
}
