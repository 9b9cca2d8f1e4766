//! Losses fused with the activation before them.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// Softmax followed by sparse categorical cross-entropy, from the logits.
///
/// `logits` `n·classes`, `labels` `n`, each below `classes`. Returns the sum over the samples of `ln Σ exp(x) − x[label]`
/// in f64, and the number of samples whose largest logit (the first among equals) is the label's.
/// `dlogits` (like `logits`, or empty to skip) is overwritten by `(softmax − onehot) · scale`; use `scale = 1 / batch` for
/// the gradient of the mean.
/// Source: Keras `SparseCategoricalCrossentropy(from_logits=True)`.
pub fn softmax_cross_entropy(
    isa: Isa,
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    scale: f32,
    dlogits: &mut [f32],
) -> (f64, usize) {
    assert_eq!(
        logits.len(),
        labels.len() * classes,
        "softmax_cross_entropy: logits for {} labels",
        labels.len()
    );
    assert!(
        dlogits.is_empty() || dlogits.len() == logits.len(),
        "softmax_cross_entropy: dlogits has length {}, expected 0 or {}",
        dlogits.len(),
        logits.len()
    );
    for &label in labels {
        assert!(
            (label as usize) < classes,
            "softmax_cross_entropy: label {label} with {classes} classes"
        );
    }
    dispatch!(
        isa,
        softmax_cross_entropy(classes, logits, labels, scale, dlogits),
        scalar::loss::softmax_cross_entropy
    )
}
