//! Losses: from the network's output and the labels to one number, and its gradient.

use crate::layer::BuildError;
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use serde::{Deserialize, Serialize};

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_log_of_the_classes() {
        let loss = Loss::new(&LossSpec::default(), &Shape::new(vec![10]), true).unwrap();
        let mut d = [0.0; 10];
        let (sum, correct) = loss.evaluate(Isa::best(), &[1.0; 10], &[0], 1.0, &mut d);
        assert!((sum - 10f64.ln()).abs() < 1e-6);
        assert_eq!(correct, 1);
        assert!((d[0] + 0.9).abs() < 1e-6 && (d[9] - 0.1).abs() < 1e-6);
    }

    #[test]
    fn an_image_shaped_output_is_refused_with_the_fix() {
        let error = Loss::new(&LossSpec::default(), &Shape::new(vec![5, 5, 10]), true).unwrap_err();
        assert!(error.message.contains("[5, 5, 10]") && error.hint.contains("Flatten"));
    }
}
