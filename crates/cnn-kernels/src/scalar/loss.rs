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
        let mut best = 0;
        for (k, &x) in logits.iter().enumerate() {
            if x > logits[best] {
                best = k;
            }
        }
        correct += usize::from(best == label);
        let max = logits[best];
        let sum = if dlogits.is_empty() {
            logits.iter().map(|x| math::exp(x - max)).sum::<f32>()
        } else {
            let d = &mut dlogits[row];
            for (d, x) in d.iter_mut().zip(logits) {
                *d = math::exp(x - max);
            }
            let sum = d.iter().sum::<f32>();
            for d in d.iter_mut() {
                *d = *d / sum * scale;
            }
            // (p − 1)·scale, with p − 1 rounded before it is scaled.
            d[label] = (math::exp(logits[label] - max) / sum - 1.0) * scale;
            sum
        };
        loss += math::ln(f64::from(sum)) + (f64::from(max) - f64::from(logits[label]));
    }
    (loss, correct)
}
