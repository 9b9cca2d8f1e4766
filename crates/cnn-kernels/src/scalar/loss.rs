//! The fused softmax cross-entropy.

use super::math;

#[inline(always)]
pub(crate) fn softmax_cross_entropy(
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    scale: f32,
    dlogits: &mut [f32],
) -> (f64, usize) {
    let (mut loss, mut correct) = (0.0, 0);
    for (s, &label) in labels.iter().enumerate() {
        let row = s * classes..(s + 1) * classes;
        let logits = &logits[row.clone()];
        let label = label as usize;
        let d = if dlogits.is_empty() { &mut [][..] } else { &mut dlogits[row] };
        let (best, sum) = softmax_row(logits, scale, d);
        let max = logits[best];
        correct += usize::from(best == label);
        if !d.is_empty() {
            // (p − 1)·scale, with p − 1 rounded before it is scaled.
            d[label] = (math::exp(logits[label] - max) / sum - 1.0) * scale;
        }
        loss += math::ln(f64::from(sum)) + (f64::from(max) - f64::from(logits[label]));
    }
    (loss, correct)
}

#[inline(always)]
pub(crate) fn softmax_cross_entropy_mixed(
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    partners: &[u32],
    shares: &[f32],
    scale: f32,
    dlogits: &mut [f32],
) -> (f64, usize) {
    let (mut loss, mut correct) = (0.0, 0);
    for (s, ((&label, &partner), &share)) in labels.iter().zip(partners).zip(shares).enumerate() {
        let row = s * classes..(s + 1) * classes;
        let logits = &logits[row.clone()];
        let (label, partner) = (label as usize, partner as usize);
        let (share, other) = if label == partner { (1.0, 0.0) } else { (share, 1.0 - share) };
        let d = if dlogits.is_empty() { &mut [][..] } else { &mut dlogits[row] };
        let (best, sum) = softmax_row(logits, scale, d);
        let max = logits[best];
        let answer = match share.partial_cmp(&other) {
            Some(std::cmp::Ordering::Greater) => label,
            Some(std::cmp::Ordering::Equal) => label.min(partner),
            _ => partner,
        };
        correct += usize::from(best == answer);
        if !d.is_empty() {
            if label != partner {
                d[partner] = (math::exp(logits[partner] - max) / sum - other) * scale;
            }
            d[label] = (math::exp(logits[label] - max) / sum - share) * scale;
        }
        let expected = f64::from(share) * f64::from(logits[label])
            + f64::from(other) * f64::from(logits[partner]);
        loss += math::ln(f64::from(sum)) + (f64::from(max) - expected);
    }
    (loss, correct)
}

/// The first largest logit's place and Σ exp(x − max); `d`, unless empty, is overwritten by softmax · `scale`.
#[inline(always)]
fn softmax_row(logits: &[f32], scale: f32, d: &mut [f32]) -> (usize, f32) {
    let mut best = 0;
    for (k, &x) in logits.iter().enumerate() {
        if x > logits[best] {
            best = k;
        }
    }
    let max = logits[best];
    if d.is_empty() {
        return (best, logits.iter().map(|x| math::exp(x - max)).sum::<f32>());
    }
    for (d, x) in d.iter_mut().zip(logits) {
        *d = math::exp(x - max);
    }
    let sum = d.iter().sum::<f32>();
    for d in d.iter_mut() {
        *d = *d / sum * scale;
    }
    (best, sum)
}
