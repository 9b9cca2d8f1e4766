//! A loss that fits its model: from the network's output and the labels to one number, its gradient and the right answers.
//! Which losses there are: [`crate::losses`].

use crate::engine::{BatchMetrics, ClassCounts, MAX_TOP_K};
use crate::layer::{BuildError, Link};
pub use crate::losses::LossSpec;
use crate::losses::{Built, ClassWeight, Reading, Rule};
use cnn_kernels::Isa;
use cnn_kernels::loss::Targets;
use cnn_tensor::Shape;
use std::cmp::Ordering;
use std::sync::Arc;

/// The labels of some samples.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// The class of each sample.
    pub classes: &'a [u32],
    /// Where the samples are mixed in pairs: the class of each one's partner, and the share of its own class, 0 to 1.
    pub mixed: Option<(&'a [u32], &'a [f32])>,
}

impl<'a> Labels<'a> {
    /// Of samples that are not mixed.
    pub fn plain(classes: &'a [u32]) -> Self {
        Self { classes, mixed: None }
    }

    /// The class that counts as the right answer to sample `i`: of a mixed one the class with the larger share, of equal shares
    /// the smaller class, as Keras's `categorical_accuracy` counts soft labels.
    fn truth(&self, i: usize) -> usize {
        let label = self.classes[i];
        let class = match self.mixed {
            None => label,
            Some((partners, shares)) => match shares[i].partial_cmp(&(1.0 - shares[i])) {
                Some(Ordering::Greater) => label,
                Some(Ordering::Equal) => label.min(partners[i]),
                _ => partners[i],
            },
        };
        class as usize
    }
}

/// A loss that fits its model: the sum over a shard, the right answers and the gradient, at once.
///
/// A softmax or sigmoid that closes the network is computed together with the loss, from the numbers before it
/// ([`Loss::link`]): exact also where a probability rounds to 0 or 1.
///
/// **Accuracy** follows Keras's rule for `metrics = ["accuracy"]`: of a single output, class 1 is the answer where the
/// probability is above ½ (`BinaryAccuracy`); of several outputs the first largest one is the answer
/// (`SparseCategoricalAccuracy`). Unlike Keras's, the threshold of ½ is one of the probability also with
/// `from_logits = true`: there Keras compares the score itself with ½.
#[derive(Clone, Debug)]
pub struct Loss {
    rule: Arc<dyn Rule>,
    outputs: usize,
    link: Option<Link>,
    reading: Reading,
    smoothing: (f64, f64),
    /// By class; empty where all images count 1.
    weights: Vec<f32>,
    balanced: bool,
    /// A sample is counted in `BatchMetrics::in_top[i]` where its class is among the first `top[i]`; 0 counts nothing.
    top: [usize; MAX_TOP_K],
}

impl Loss {
    /// The loss for a model with this output; `link` is what closes the model.
    ///
    /// # Errors
    /// An output that is not a row of numbers, a loss that does not fit it or what the last layer ends in, or a setting out of
    /// range.
    pub fn new(spec: &LossSpec, output: &Shape, link: Option<Link>) -> Result<Self, BuildError> {
        let error = |code, message: String, hint: &str| BuildError {
            key: None,
            code,
            message,
            hint: hint.to_owned(),
        };
        let &[outputs] = output.dims() else {
            let message = format!(
                "the loss needs one number per class, but the model gives {:?} for each image",
                output.dims()
            );
            return Err(error("M040", message, "put a `Flatten` layer before the first `Dense`"));
        };
        if outputs == 1 && link == Some(Link::Softmax) {
            return Err(error(
                "M041",
                "softmax over one unit is always 1: there is nothing to learn".into(),
                "one sigmoid unit with loss = \"binary_crossentropy\", or one unit per class",
            ));
        }
        let Built { rule, link, reading, smoothing } = spec.build(outputs, link)?;
        let classes = if outputs == 1 { 2 } else { outputs };
        Ok(Self {
            rule: Arc::from(rule),
            outputs,
            link,
            reading,
            smoothing,
            weights: spec.class_weight().build(classes)?,
            balanced: *spec.class_weight() == ClassWeight::Balanced,
            top: [0; MAX_TOP_K],
        })
    }

    /// The same loss, which also counts how often the class is among the first k answers, for each k.
    /// See [`BatchMetrics::in_top`].
    ///
    /// # Errors
    /// A k that is 0 or above the classes, a model with a single output, or more than [`MAX_TOP_K`] of them.
    pub fn counting_top(mut self, ks: &[usize]) -> Result<Self, BuildError> {
        let error = |message: String, hint: String| BuildError {
            key: Some("k"),
            code: "M061",
            message,
            hint,
        };
        if ks.len() > MAX_TOP_K {
            return Err(error(
                format!("{} top-k metrics are more than {MAX_TOP_K}", ks.len()),
                "leave some out".into(),
            ));
        }
        for (place, &k) in self.top.iter_mut().zip(ks) {
            if self.outputs == 1 {
                let message = format!("k = {k} needs one number per class; the model gives 1");
                return Err(error(message, "take metrics = [\"accuracy\"]".into()));
            }
            if k == 0 || k > self.outputs {
                let message = format!("k = {k} is not between 1 and the {} classes", self.outputs);
                let fits = 3.min(self.outputs);
                return Err(error(message, format!("k = {fits} asks for the first {fits}")));
            }
            *place = k;
        }
        Ok(self)
    }

    /// Where `class_weight = "balanced"`: weights for training images of which there are so many of each class.
    pub fn balance(&mut self, images: &[u64]) {
        if self.balanced {
            self.weights = ClassWeight::balanced(images);
        }
    }

    /// Numbers in one sample's output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Classes: the outputs, or 2 for a single one. Labels are below it.
    pub fn classes(&self) -> usize {
        if self.outputs == 1 { 2 } else { self.outputs }
    }

    /// What closes the network and the loss computes itself: [`Self::measure`] wants the numbers before it.
    pub fn link(&self) -> Option<Link> {
        self.link
    }

    /// Loss and right answers of some samples, which are also counted by class; `dy`, unless empty, is overwritten with the
    /// gradient times `scale`. `weighted` says whether class weights count: in training they do, in evaluation not.
    ///
    /// # Panics
    /// If a label is not below [`Self::classes`], or a slice has another length than the labels ask for.
    pub fn measure(
        &self,
        isa: Isa,
        y: &[f32],
        labels: Labels<'_>,
        weighted: bool,
        scale: f32,
        dy: &mut [f32],
        counts: &mut ClassCounts,
    ) -> BatchMetrics {
        let n = labels.classes.len();
        let mut metrics = BatchMetrics { count: n, ..BatchMetrics::default() };
        for (i, row) in y.chunks_exact(self.outputs).enumerate() {
            let truth = labels.truth(i);
            let right = self.answer(row) == truth;
            counts.count(truth, right);
            metrics.correct += usize::from(right);
            for (sum, &k) in metrics.in_top.iter_mut().zip(&self.top) {
                *sum += usize::from(k > 0 && is_in_top(row, truth, k));
            }
        }
        let targets = Targets {
            labels: labels.classes,
            mixed: labels.mixed,
            smoothing: self.smoothing,
            weights: if weighted { &self.weights } else { &[] },
        };
        metrics.loss_sum = self.rule.evaluate(isa, self.outputs, y, &targets, scale, dy);
        metrics
    }

    /// The class that these outputs, or the numbers before the link, answer.
    fn answer(&self, row: &[f32]) -> usize {
        match (row, self.reading) {
            (&[score], Reading::Scores(_)) => usize::from(score > 0.0),
            (&[share], Reading::Shares) => usize::from(share > 0.5),
            _ => first_largest(row),
        }
    }

    /// Probabilities of the classes, which sum to 1, from the model's output (after its link): `row` of [`Self::outputs`]
    /// numbers to `to` of [`Self::classes`]. Sigmoid units of several classes, and outputs that are no probabilities, are
    /// divided by their sum; where that is 0, softmax decides.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn probabilities(&self, row: &[f32], to: &mut [f32]) {
        assert_eq!((row.len(), to.len()), (self.outputs, self.classes()), "a row of outputs");
        let scores = self.link.is_none() && matches!(self.reading, Reading::Scores(_));
        let sigmoid = |x: f32| (1.0 / (1.0 + libm::exp(-f64::from(x)))) as f32;
        let share = |x: f32| if scores { sigmoid(x) } else { x.max(0.0) };
        if let (&[x], [no, yes]) = (row, &mut *to) {
            *yes = share(x).min(1.0);
            *no = 1.0 - *yes;
            return;
        }
        match self.reading {
            Reading::Scores(Link::Softmax) if scores => softmax(row, to),
            Reading::Scores(Link::Softmax) => to.copy_from_slice(row),
            _ => {
                let sum: f64 = row.iter().map(|&x| f64::from(share(x))).sum();
                if sum.is_nan() || sum <= 0.0 {
                    return softmax(row, to);
                }
                for (to, &x) in to.iter_mut().zip(row) {
                    *to = (f64::from(share(x)) / sum) as f32;
                }
            }
        }
    }
}

/// Probabilities from scores.
fn softmax(row: &[f32], to: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&z| libm::exp(f64::from(z - largest))).sum();
    for (to, &z) in to.iter_mut().zip(row) {
        *to = (libm::exp(f64::from(z - largest)) / sum) as f32;
    }
}

/// Place of the first largest number.
fn first_largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (k, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = k;
        }
    }
    best
}

/// Whether fewer than `k` numbers are larger than that of the class: of equal ones at the edge all are in, as with Keras's
/// `top_k_categorical_accuracy` on `TensorFlow`. Never where a number is NaN or infinite.
fn is_in_top(row: &[f32], class: usize, k: usize) -> bool {
    let own = row[class];
    row.iter().all(|x| x.is_finite()) && row.iter().filter(|x| **x > own).count() < k
}

#[cfg(test)]
mod tests;
