//! What the data says by itself: labels, and pixels as the first layer with parameters sees them.

use super::finding::{Code, Notes, Severity};
use super::{Case, Sample};
use crate::parts::Parts;
use cnn_data::{Images, Split, equal_images};
use cnn_nn::engine::{Engine, Isa, Options};
use cnn_nn::inspect::Statistics;

/// Inputs are too large above this root mean square: 10 times the size that Glorot's initial weights assume (Glorot & Bengio
/// 2010 take inputs of variance 1; `LeCun` et al., "Efficient `BackProp`", 1998, section 4.3, the same). Bytes as 0 to 255 have 90.
const LARGE: f64 = 10.0;

/// Inputs vary too little below this deviation: bytes divided by 255 twice have 0.0014, ordinary pictures 0.1 to 0.4.
const FLAT: f64 = 0.02;

/// A mean beyond so many deviations hides the differences between images behind what they have in common.
const OFFSET: f64 = 10.0;

/// Share of one-coloured images above which they are reported.
const BLANK: f64 = 0.05;

/// The mean of the test pixels may lie so many deviations from that of the training pixels. Inverted Fashion-MNIST: 1.2.
const SHIFT: f64 = 0.5;

/// Times that the largest class may be as large as the smallest. From 10 on Buda, Maki & Mazurowski, "A systematic study of the
/// class imbalance problem in convolutional neural networks" (2018), see accuracy suffer on easy data.
const IMBALANCE: f64 = 10.0;

/// Share of images in groups of equal images with different labels, above which they are reported. Fashion-MNIST: 0.
const DISAGREE: f64 = 0.01;

/// A validation part may hold this share of images whose class training lacks.
const STRAY: f64 = 0.01;

/// Training lacks a class where its share is below this part of its share in the validation part.
const RARER: f64 = 0.1;

/// How often each class occurs, and the loss of the answer that ignores the image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prior {
    /// Images of each class, of those that the model has an output for.
    pub(super) counts: Vec<usize>,
}

impl Prior {
    fn of(labels: &[u32], classes: usize) -> Self {
        let mut counts = vec![0; classes];
        for &label in labels {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        Self { counts }
    }

    /// Share of the largest class: the accuracy of always answering it.
    pub(super) fn share(&self) -> f64 {
        let total: usize = self.counts.iter().sum();
        self.counts.iter().max().map_or(0.0, |&most| most as f64 / total.max(1) as f64)
    }

    /// The entropy of the classes: the loss of giving each its share as probability. ln k for k classes of one size.
    pub(super) fn entropy(&self) -> f64 {
        let total: usize = self.counts.iter().sum();
        let terms = self.counts.iter().filter(|&&count| count > 0).map(|&count| {
            let p = count as f64 / total as f64;
            -p * p.ln()
        });
        terms.sum()
    }
}

/// Looks at the labels of the training part; returns how often each class occurs there.
pub(super) fn labels(case: &Case<'_>, parts: &Parts, classes: usize, notes: &mut Notes) -> Prior {
    let of = |part: &[u32]| -> Vec<u32> {
        part.iter().map(|&image| case.train.labels[image as usize]).collect()
    };
    let (training, validation) = (of(&parts.train), of(&parts.validation));
    let prior = Prior::of(&training, classes);
    let before = notes.findings.len();
    out_of_range(case, classes, notes);
    sizes(case, &prior, notes);
    if !validation.is_empty() {
        strays(&prior, &validation, notes);
    }
    let changes = training.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let present = prior.counts.iter().filter(|&&count| count > 0).count();
    // Mixed labels change at most places; sorted ones once per class.
    if !case.config.fit.shuffle && present > 1 && changes < training.len() / 10 {
        notes.find(
            Code::SortedNotShuffled,
            Severity::Critical,
            format!(
                "shuffle = false, and only {changes} of {} labels differ from the one before",
                training.len()
            ),
            "drop shuffle = false (or --no-shuffle), or mix the data",
            &[("changes", changes as f64), ("images", training.len() as f64)],
        );
    }
    let smallest = prior.counts.iter().min().copied().unwrap_or(0);
    let largest = prior.counts.iter().max().copied().unwrap_or(0);
    let seen = format!(
        "{} training images of {present} classes, {smallest} to {largest} each",
        training.len()
    );
    notes.check("labels", notes.findings.len() > before, seen);
    prior
}

fn out_of_range(case: &Case<'_>, classes: usize, notes: &mut Notes) {
    let beyond: Vec<u32> =
        case.train.labels.iter().copied().filter(|&label| label as usize >= classes).collect();
    let Some(&largest) = beyond.iter().max() else { return };
    notes.find(
        Code::LabelOutOfRange,
        Severity::Critical,
        format!(
            "{} of {} labels are beyond the model's {classes} outputs (0 to {}); the largest is {largest}",
            beyond.len(), case.train.len(), classes - 1
        ),
        format!("give the last layer {} units, or mend the labels: they count from 0", largest + 1),
        &[("labels", beyond.len() as f64), ("outputs", classes as f64), ("largest", f64::from(largest))],
    );
}

fn sizes(case: &Case<'_>, prior: &Prior, notes: &mut Notes) {
    let name = |class: usize| case.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
    let missing: Vec<usize> =
        (0..prior.counts.len()).filter(|&class| prior.counts[class] == 0).collect();
    if !missing.is_empty() {
        let named: Vec<String> = missing.iter().take(5).map(|&class| name(class)).collect();
        let more = if missing.len() > 5 { " and others" } else { "" };
        notes.find(
            Code::ClassesMissing,
            Severity::Warning,
            format!(
                "no training image for {} of {} outputs: {}{more}",
                missing.len(),
                prior.counts.len(),
                named.join(", ")
            ),
            "give the last layer one unit per class that there is, or add images of these",
            &[("missing", missing.len() as f64), ("outputs", prior.counts.len() as f64)],
        );
    }
    let present = || (0..prior.counts.len()).filter(|&class| prior.counts[class] > 0);
    let (Some(least), Some(most)) = (
        present().min_by_key(|&class| prior.counts[class]),
        present().max_by_key(|&class| prior.counts[class]),
    ) else {
        return;
    };
    let ratio = prior.counts[most] as f64 / prior.counts[least] as f64;
    if ratio > IMBALANCE {
        notes.find(
            Code::ClassesImbalanced,
            Severity::Warning,
            format!(
                "{} has {} training images, {} has {}: always answering it is right in {:.1} %",
                name(most), prior.counts[most], name(least), prior.counts[least], 100.0 * prior.share()
            ),
            "look at the recall of each class (`cnn evaluate`), not at accuracy alone; add images of the small classes",
            &[("ratio", ratio), ("threshold", IMBALANCE)],
        );
    }
}

/// Validation images of classes that are far rarer in the training part.
fn strays(prior: &Prior, validation: &[u32], notes: &mut Notes) {
    let there = Prior::of(validation, prior.counts.len());
    let total: usize = prior.counts.iter().sum();
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    let rare = |&class: &usize| {
        share(prior.counts[class], total) < RARER * share(there.counts[class], validation.len())
    };
    let strays: usize = (0..there.counts.len()).filter(rare).map(|class| there.counts[class]).sum();
    let part = share(strays, validation.len());
    if part > STRAY {
        notes.find(
            Code::SplitByClass,
            Severity::Critical,
            format!("{strays} of {} validation images have a class that the training part has hardly or not at all", validation.len()),
            "stratified = true in [fit] takes of every class its share; the validation part is the data's end, as in Keras",
            &[("strays", strays as f64), ("share", part), ("threshold", STRAY)],
        );
    }
}

/// Equal images with different labels, over the whole training part.
pub(super) fn duplicates(train: &Split, learned: &[u32], notes: &mut Notes) {
    let (mut equal, mut disagreeing, mut example) = (0usize, 0usize, None);
    let label = |image: u32| train.labels[image as usize];
    for group in equal_images(&[(train, learned)]) {
        equal += group.len() - 1;
        let first = group[0].image;
        let other =
            group.iter().map(|place| place.image).find(|&image| label(image) != label(first));
        if let Some(other) = other {
            disagreeing += group.len();
            example = example.or(Some((first, other)));
        }
    }
    let cut = learned.len();
    let share = disagreeing as f64 / cut.max(1) as f64;
    let seen = format!(
        "{equal} of {cut} images repeat another one, {disagreeing} are in groups whose labels differ"
    );
    notes.check("duplicates", share > DISAGREE, seen);
    if let Some((first, other)) = example.filter(|_| share > DISAGREE) {
        notes.find(
            Code::DuplicatesDisagree,
            Severity::Warning,
            format!(
                "{disagreeing} of {cut} images have a twin with another label, such as images {first} (label {}) and {other} (label {})",
                label(first), label(other)
            ),
            "mend or drop them; if there are many, images and labels are out of step",
            &[("images", disagreeing as f64), ("share", share), ("threshold", DISAGREE)],
        );
    }
}

/// Looks at the pixels of a sample, as the first layer with parameters sees them in inference. False if some are no numbers.
pub(super) fn pictures(case: &Case<'_>, sample: &Sample, isa: Isa, notes: &mut Notes) -> bool {
    let (broken, total) = broken(case.train);
    if broken > 0 {
        let seen = format!("{broken} of {total} pixels are NaN or infinite");
        notes.check("input", true, seen.clone());
        let cure = "replace them where the data is made: a division by 0 or a missing value is the usual source";
        notes.find(
            Code::InputNotFinite,
            Severity::Critical,
            seen,
            cure,
            &[("pixels", broken as f64)],
        );
        return false;
    }
    let raw = sample.learn.floats();
    let size = raw.len() / sample.learn.split.len();
    let blank = raw
        .chunks_exact(size)
        .filter(|image| image.iter().all(|pixel| pixel.to_bits() == image[0].to_bits()))
        .count();
    let share = blank as f64 / sample.learn.split.len() as f64;
    let (seen_by, values) = at_first_weights(case, &raw, isa);
    let of = Statistics::of(&values);
    let before = notes.findings.len();
    if share > BLANK {
        let severity = if share > 0.5 { Severity::Critical } else { Severity::Warning };
        let seen =
            format!("{blank} of {} images are one colour all over", sample.learn.split.len());
        let cure = "look at some (`cnn augment preview`, `cnn data info`): they were lost when the data was made";
        notes.find(
            Code::InputBlank,
            severity,
            seen,
            cure,
            &[("share", share), ("threshold", BLANK)],
        );
    }
    // A normalising layer takes any input.
    if !seen_by.contains("Normalization") && share < 1.0 {
        scale(&of, notes);
    }
    notes.check(
        "input",
        notes.findings.len() > before,
        format!(
            "mean {:.3}, deviation {:.3}, {:.3} to {:.3} at the first layer with parameters; {blank} blank images",
            of.mean, of.deviation, of.min, of.max
        ),
    );
    test_differs(&Statistics::of(&raw), sample, notes);
    true
}

fn broken(split: &Split) -> (usize, usize) {
    match &split.images {
        Images::U8(images) => (0, images.len()),
        Images::F32(images) => {
            (images.iter().filter(|pixel| !pixel.is_finite()).count(), images.len())
        }
    }
}

/// What comes into the first layer with parameters, and that layer's kind.
fn at_first_weights(case: &Case<'_>, raw: &[f32], isa: Isa) -> (&'static str, Vec<f32>) {
    let layers = case.model.layers();
    let first = layers.iter().position(|layer| layer.param_count() > 0);
    let kind = first.map_or("", |first| layers[first].kind());
    let Some(before) = first.and_then(|first| first.checked_sub(1)) else {
        return (kind, raw.to_vec());
    };
    let n = raw.len() / case.model.input().len();
    let options = Options { threads: 1, isa, batch_size: 1, fuse: false };
    let mut engine = Engine::for_inference(case.model, options);
    let (size, weights) = (case.model.input().len(), vec![0.0; case.model.param_count()]);
    let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
        x.copy_from_slice(&raw[range.start * size..range.end * size]);
        labels.fill(0);
    };
    (kind, engine.activations(&weights, n.min(256), &feed).swap_remove(before))
}

fn scale(of: &Statistics, notes: &mut Notes) {
    let rms = of.mean.hypot(of.deviation);
    let numbers = [("mean", of.mean), ("deviation", of.deviation), ("rms", rms)];
    let cure = "divide bytes by 255, once; or subtract the mean and divide by the standard deviation of the training pixels";
    let seen = if rms > LARGE {
        format!(
            "inputs have a root mean square of {rms:.1} ({:.3} to {:.3}); weights are made for about 1",
            of.min, of.max
        )
    } else if of.deviation < FLAT {
        format!(
            "inputs vary by {:.5} only (standard deviation; {:.4} to {:.4})",
            of.deviation, of.min, of.max
        )
    } else if of.mean.abs() > OFFSET * of.deviation {
        format!(
            "the mean of the inputs, {:.2}, is {:.0} times their deviation, {:.3}",
            of.mean,
            of.mean.abs() / of.deviation,
            of.deviation
        )
    } else {
        return;
    };
    notes.find(Code::InputNotNormalised, Severity::Warning, seen, cure, &numbers);
}

/// Test images that were inverted, or scaled otherwise.
fn test_differs(train: &Statistics, sample: &Sample, notes: &mut Notes) {
    let Some(test) = &sample.test else { return };
    let of = Statistics::of(&test.floats());
    let shift = (of.mean - train.mean).abs() / train.deviation;
    let scale = of.deviation / train.deviation;
    let differs = !(shift <= SHIFT && (0.5..=2.0).contains(&scale)) && train.deviation > 0.0;
    let seen = format!(
        "mean {:.3}, deviation {:.3}; the training images have {:.3} and {:.3}",
        of.mean, of.deviation, train.mean, train.deviation
    );
    notes.check("test images", differs, seen.clone());
    if differs {
        let cure = "prepare them as the training images: dark and light the same way round, divided by the same number";
        notes.find(
            Code::TestDiffers,
            Severity::Warning,
            seen,
            cure,
            &[("shift", shift), ("threshold", SHIFT), ("scale", scale)],
        );
    }
}
