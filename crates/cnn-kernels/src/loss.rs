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

/// What the outputs of each sample of a batch should be, and how much the sample counts.
///
/// The class of a sample is 1 and all others are 0; of a mixed sample the label is `share` and the partner `1 − share`. Then
/// each target t becomes `keep·t + add` (label smoothing). A network with a single output is about two classes: its target is
/// that of class 1.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The class of each sample: below the outputs, or below 2 for a single output.
    pub labels: &'a [u32],
    /// The second classes and the shares of the first, 0 to 1, where the batch is mixed. As long as `labels`.
    pub mixed: Option<(&'a [u32], &'a [f32])>,
    /// `keep` and `add`: (1, 0) without smoothing.
    pub smoothing: (f64, f64),
    /// How much a sample of each class counts; empty where all count 1. Of a mixed sample, the class with the larger share
    /// decides (of equal shares, the smaller class).
    pub weights: &'a [f32],
}

/// Softmax followed by cross-entropy with any targets: Σ weight · Σₖ tₖ (ln Σ exp(z) − zₖ) over the samples.
///
/// `z` is `n·outputs`. `dz` (like `z`, or empty to skip) is overwritten by the gradient times `scale`, as in all losses here.
/// They are computed in f64, with the same bits on every instruction set.
/// Source: Keras `CategoricalCrossentropy`.
pub fn softmax_targets(
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    check_targets(outputs, z, targets, dz);
    scalar::targets::softmax(outputs, z, targets, scale, dz)
}

/// Softmax followed by the focal loss: Σ weight · α Σₖ tₖ (1 − pₖ)^γ (−ln pₖ).
/// Source: Lin et al. 2017, "Focal Loss for Dense Object Detection"; Keras `CategoricalFocalCrossentropy`.
pub fn softmax_focal(
    (alpha, gamma): (f64, f64),
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    check_targets(outputs, z, targets, dz);
    scalar::targets::softmax_focal(alpha, gamma, outputs, z, targets, scale, dz)
}

/// A sigmoid for each output followed by binary cross-entropy: Σ weight · mean over the outputs of ln(1 + exp(z)) − t z.
/// Source: Keras `BinaryCrossentropy`.
pub fn sigmoid_targets(
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    check_targets(outputs, z, targets, dz);
    scalar::targets::sigmoid(outputs, z, targets, scale, dz)
}

/// A sigmoid for each output followed by the binary focal loss: the cross-entropy of each output times (1 − p′)^γ, where
/// p′ = t p + (1 − t)(1 − p); with `alpha` also times t α + (1 − t)(1 − α). Mean over the outputs.
/// Source: Keras `BinaryFocalCrossentropy`.
pub fn sigmoid_focal(
    (alpha, gamma): (Option<f64>, f64),
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    check_targets(outputs, z, targets, dz);
    scalar::targets::sigmoid_focal(alpha, gamma, outputs, z, targets, scale, dz)
}

/// Σ weight · mean over the outputs of (y − t)².
/// Source: Keras `MeanSquaredError`.
pub fn squared_error(
    outputs: usize,
    y: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dy: &mut [f32],
) -> f64 {
    check_targets(outputs, y, targets, dy);
    scalar::targets::squared_error(outputs, y, targets, scale, dy)
}

fn check_targets(outputs: usize, z: &[f32], targets: &Targets<'_>, dz: &[f32]) {
    let n = targets.labels.len();
    assert_eq!(z.len(), n * outputs, "loss: outputs for {n} labels");
    assert!(dz.is_empty() || dz.len() == z.len(), "loss: gradient of {} outputs", z.len());
    if let Some((partners, shares)) = targets.mixed {
        assert!(partners.len() == n && shares.len() == n, "loss: {n} partners and shares");
    }
    let classes = if outputs == 1 { 2 } else { outputs };
    assert!(
        targets.weights.is_empty() || targets.weights.len() == classes,
        "loss: {classes} class weights"
    );
    for &label in targets.labels.iter().chain(targets.mixed.map_or(&[][..], |(p, _)| p)) {
        assert!((label as usize) < classes, "loss: label {label} with {classes} classes");
    }
}
