//! Losses: from the network's output and the labels to one number, and its gradient.

use crate::engine::ClassCounts;
use crate::layer::BuildError;
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A loss, as `model.toml` names it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum LossSpec {
    /// −log of the probability that the network gives the right class.
    #[serde(alias = "sparse_categorical_crossentropy")]
    SparseCategoricalCrossentropy(SparseCategoricalCrossentropy),
}

impl Default for LossSpec {
    fn default() -> Self {
        Self::SparseCategoricalCrossentropy(SparseCategoricalCrossentropy::default())
    }
}

/// Sparse categorical cross-entropy: labels are class numbers. Source: Keras `SparseCategoricalCrossentropy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseCategoricalCrossentropy {
    /// True where the last layer has no softmax and the loss applies it; default false.
    pub from_logits: bool,
}

/// A loss that fits its model: the sum over a shard, the number of right answers and the gradient, at once.
///
/// Softmax and cross-entropy are always computed together, from the logits: loss = log Σⱼ exp(zⱼ) − z\[label\], and
/// ∂loss/∂z = softmax(z) − onehot(label), exact also where a probability rounds to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    classes: usize,
}

impl Loss {
    /// The loss for a model with this output; `softmax` says whether the last layer ends in one.
    ///
    /// # Errors
    /// An output that is not one number per class, or a softmax too many or too few.
    pub fn new(spec: &LossSpec, output: &Shape, softmax: bool) -> Result<Self, BuildError> {
        let LossSpec::SparseCategoricalCrossentropy(SparseCategoricalCrossentropy { from_logits }) =
            spec;
        let error = |code, message: String, hint: &str| BuildError {
            key: None,
            code,
            message,
            hint: hint.to_owned(),
        };
        let &[classes] = output.dims() else {
            let message = format!(
                "the loss needs one number per class, but the model gives {:?} for each image",
                output.dims()
            );
            return Err(error("M040", message, "put a `Flatten` layer before the first `Dense`"));
        };
        match (softmax, from_logits) {
            (true, true) => Err(error(
                "M041",
                "from_logits = true applies softmax a second time: the last layer already ends in one".into(),
                "drop from_logits, or the last layer's activation",
            )),
            (false, false) => Err(error(
                "M041",
                "the loss needs probabilities, but the last layer does not end in softmax".into(),
                "give the last layer activation = \"softmax\", or the loss from_logits = true",
            )),
            _ => Ok(Self { classes }),
        }
    }

    /// Numbers in one sample's output.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Loss summed over the shard and number of right answers; `dlogits`, unless empty, is overwritten with the gradient
    /// times `scale`. Every label must be below [`Self::classes`].
    pub fn evaluate(
        &self,
        isa: Isa,
        logits: &[f32],
        labels: &[u32],
        scale: f32,
        dlogits: &mut [f32],
    ) -> (f64, usize) {
        cnn_kernels::loss::softmax_cross_entropy(isa, self.classes, logits, labels, scale, dlogits)
    }

    /// As [`Self::evaluate`], for samples with two labels each: share·CE(label) + (1 − share)·CE(partner). `pairs` are the
    /// labels, the partners' labels and the shares. A sample counts as right where the answer is the label with the larger
    /// share (of equal shares, the smaller class), as Keras's `categorical_accuracy` counts soft labels.
    pub fn evaluate_mixed(
        &self,
        isa: Isa,
        logits: &[f32],
        pairs: (&[u32], &[u32], &[f32]),
        scale: f32,
        dlogits: &mut [f32],
    ) -> (f64, usize) {
        let (labels, partners, shares) = pairs;
        cnn_kernels::loss::softmax_cross_entropy_mixed(
            isa,
            self.classes,
            logits,
            labels,
            partners,
            shares,
            scale,
            dlogits,
        )
    }

    /// Counts the samples of each class and the right answers among them, as [`Self::evaluate`] counts right answers: the
    /// first largest logit is the answer.
    pub fn count(&self, logits: &[f32], labels: &[u32], counts: &mut ClassCounts) {
        for (row, &label) in logits.chunks_exact(self.classes).zip(labels) {
            counts.count(label as usize, answer(row) == label as usize);
        }
    }

    /// As [`Self::count`], for samples with two labels each: a sample belongs to the class that [`Self::evaluate_mixed`]
    /// counts as the right answer.
    pub fn count_mixed(
        &self,
        logits: &[f32],
        pairs: (&[u32], &[u32], &[f32]),
        counts: &mut ClassCounts,
    ) {
        let (labels, partners, shares) = pairs;
        let rows = logits.chunks_exact(self.classes);
        for (((row, &label), &partner), &share) in rows.zip(labels).zip(partners).zip(shares) {
            let class = match share.partial_cmp(&(1.0 - share)) {
                Some(Ordering::Greater) => label,
                Some(Ordering::Equal) => label.min(partner),
                _ => partner,
            };
            counts.count(class as usize, answer(row) == class as usize);
        }
    }
}

/// Place of the first largest logit.
fn answer(row: &[f32]) -> usize {
    let mut best = 0;
    for (k, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = k;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_logits_cost_log_of_the_classes() {
        let loss = Loss::new(&LossSpec::default(), &Shape::new(vec![10]), true).unwrap();
        let mut d = [0.0; 10];
        let (sum, correct) = loss.evaluate(Isa::best(), &[1.0; 10], &[0], 1.0, &mut d);
        assert!((sum - 10f64.ln()).abs() < 1e-6);
        assert_eq!(correct, 1);
        assert!((d[0] + 0.9).abs() < 1e-6 && (d[9] - 0.1).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn the_counts_of_the_classes_add_up_to_the_kernels(
            samples in prop::collection::vec(
                (prop::array::uniform3(prop_oneof![(-2i8..3).prop_map(f32::from), Just(f32::NAN)]), 0u32..3, 0u32..3, 0u8..5),
                1..20,
            ),
        ) {
            let loss = Loss::new(&LossSpec::default(), &Shape::new(vec![3]), true).unwrap();
            let logits: Vec<f32> = samples.iter().flat_map(|s| s.0).collect();
            let labels: Vec<u32> = samples.iter().map(|s| s.1).collect();
            let partners: Vec<u32> = samples.iter().map(|s| s.2).collect();
            let shares: Vec<f32> = samples.iter().map(|s| f32::from(s.3) / 4.0).collect();
            let total = |counts: &[u64]| counts.iter().sum::<u64>() as usize;

            let mut plain = ClassCounts::new(3);
            loss.count(&logits, &labels, &mut plain);
            let (_, correct) = loss.evaluate(Isa::best(), &logits, &labels, 1.0, &mut []);
            prop_assert_eq!((total(&plain.correct), total(&plain.samples)), (correct, samples.len()));

            let (pairs, mut mixed) = ((&labels[..], &partners[..], &shares[..]), ClassCounts::new(3));
            loss.count_mixed(&logits, pairs, &mut mixed);
            let (_, correct) = loss.evaluate_mixed(Isa::best(), &logits, pairs, 1.0, &mut []);
            prop_assert_eq!((total(&mixed.correct), total(&mixed.samples)), (correct, samples.len()));
        }
    }

    #[test]
    fn an_image_shaped_output_is_refused_with_the_fix() {
        let error = Loss::new(&LossSpec::default(), &Shape::new(vec![5, 5, 10]), true).unwrap_err();
        assert!(error.message.contains("[5, 5, 10]") && error.hint.contains("Flatten"));
    }
}
