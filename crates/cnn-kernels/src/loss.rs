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
    check(classes, logits, labels, dlogits);
    dispatch!(
        isa,
        softmax_cross_entropy(classes, logits, labels, scale, dlogits),
        scalar::loss::softmax_cross_entropy
    )
}

/// Softmax followed by cross-entropy with two labels per sample, as mixup and cutmix have them: the sum over the samples
/// of `ln Σ exp(x) − share·x[label] − (1 − share)·x[partner]`.
///
/// `partners` and `shares` are as long as `labels`; a share is between 0 and 1. A sample counts as right where the largest
/// logit is that of the label with the larger share (of equal shares, the smaller class): what Keras's
/// `categorical_accuracy` makes of soft labels. All else as in [`softmax_cross_entropy`], whose bits it gives where the
/// share is 1 or the labels are equal.
/// Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Keras `CategoricalCrossentropy(from_logits=True)`.
pub fn softmax_cross_entropy_mixed(
    isa: Isa,
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    partners: &[u32],
    shares: &[f32],
    scale: f32,
    dlogits: &mut [f32],
) -> (f64, usize) {
    check(classes, logits, labels, dlogits);
    check(classes, logits, partners, dlogits);
    assert_eq!(shares.len(), labels.len(), "softmax_cross_entropy_mixed: shares");
    dispatch!(
        isa,
        softmax_cross_entropy_mixed(classes, logits, labels, partners, shares, scale, dlogits),
        scalar::loss::softmax_cross_entropy_mixed
    )
}

fn check(classes: usize, logits: &[f32], labels: &[u32], dlogits: &[f32]) {
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
}
