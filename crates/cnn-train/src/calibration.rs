//! How far a measured share can be trusted, and how far the model's own probabilities can.

use crate::answers::Answer;
use serde::Serialize;

/// The normal quantile of a two-sided 95 % interval: Φ(1.96) = 0.975.
pub const Z95: f64 = 1.959_963_984_540_054;

/// Bins of [`Calibration`] where nobody asks for another number: those of Guo et al.
pub const CALIBRATION_BINS: usize = 15;

/// Wilson's score interval for a share: `hits` of `total` images, `z` standard deviations wide to each side ([`Z95`] for 95 %).
/// Both ends lie in 0 to 1. Without images nothing is known: (0, 1).
///
/// With p = hits / n: (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n). Unlike p ± z·√(p(1 − p)/n) it keeps its promise for
/// shares near 0 and 1 and for few images.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
///
/// ```
/// let (low, high) = cnn_train::wilson(9038, 10_000, cnn_train::Z95);
/// assert_eq!(format!("{low:.4} to {high:.4}"), "0.8979 to 0.9094");
/// ```
pub fn wilson(hits: u64, total: u64, z: f64) -> (f64, f64) {
    if total == 0 {
        return (0.0, 1.0);
    }
    let n = total as f64;
    let p = hits.min(total) as f64 / n;
    let z2 = z * z / n;
    let middle = p + z2 / 2.0;
    let half = z * (p * (1.0 - p) / n + z2 / (4.0 * n)).sqrt();
    let end = |at: f64| (at / (1.0 + z2)).clamp(0.0, 1.0);
    // At 0 and n hits an end is exactly 0 or 1, rounding aside.
    let low = if hits == 0 { 0.0 } else { end(middle - half) };
    let high = if hits >= total { 1.0 } else { end(middle + half) };
    (low, high)
}

/// One bin of a reliability diagram: the images whose confidence c has low < c ≤ high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// Lower edge, excluded; the first bin includes it.
    pub low: f64,
    /// Upper edge, included.
    pub high: f64,
    /// Images in the bin.
    pub count: u64,
    /// Of them, how many were answered rightly.
    pub correct: u64,
    /// Mean confidence of its images; `None` in an empty bin.
    pub confidence: Option<f64>,
    /// Share of right answers; `None` in an empty bin.
    pub accuracy: Option<f64>,
}

/// Whether a model that says 80 % is right in 80 % of those cases.
///
/// The confidence of an answer is the probability of the predicted class. Images are sorted into M bins of equal width by their
/// confidence. With n images in all, and in bin m n(m) images, their share of right answers acc(m) and mean confidence conf(m):
///
/// - expected calibration error: ECE = Σ n(m) / n · |acc(m) − conf(m)|
/// - maximum calibration error: MCE = max |acc(m) − conf(m)|, over bins that hold images
///
/// Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, equations 2 to 5.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error, 0 to 1; 0 without images.
    pub ece: f64,
    /// Maximum calibration error, 0 to 1; 0 without images.
    pub mce: f64,
    /// Mean confidence over all images, 0 to 1. Above the accuracy: the model is too sure.
    pub confidence: f64,
    /// The bins, from low confidence to high.
    pub bins: Vec<CalibrationBin>,
}

impl Calibration {
    /// Sorts answers into `bins` bins ([`CALIBRATION_BINS`] as in the paper; 0 is taken as 1). A confidence that is no number
    /// counts as 0.
    ///
    /// ```
    /// use cnn_train::{Answer, Calibration};
    /// // Ten answers with 90 % confidence, of which seven are right: 20 points too sure.
    /// let answers: Vec<Answer> = (0..10)
    ///     .map(|i| Answer { index: i, truth: usize::from(i < 3), predicted: 0, confidence: 0.9, truth_probability: 0.0, squared_error: 0.0 })
    ///     .collect();
    /// assert!((Calibration::new(&answers, 15).ece - 0.2).abs() < 1e-6);
    /// ```
    pub fn new(answers: &[Answer], bins: usize) -> Self {
        let m = bins.max(1);
        let edge = |i: usize| i as f64 / m as f64;
        let mut sums = vec![(0u64, 0u64, 0.0f64); m];
        for answer in answers {
            let confidence = sure(answer);
            let sum = &mut sums[bin_of(confidence, m)];
            sum.0 += 1;
            sum.1 += u64::from(answer.is_right());
            sum.2 += confidence;
        }
        let bin = |(i, &(count, correct, sum)): (usize, &(u64, u64, f64))| {
            let mean = |total: f64| (count > 0).then(|| total / count as f64);
            CalibrationBin {
                low: edge(i),
                high: edge(i + 1),
                count,
                correct,
                confidence: mean(sum),
                accuracy: mean(correct as f64),
            }
        };
        let bins: Vec<CalibrationBin> = sums.iter().enumerate().map(bin).collect();
        let n = answers.len().max(1) as f64;
        let ece = bins.iter().map(|bin| bin.count as f64 / n * bin.gap()).sum();
        let mce = bins.iter().map(CalibrationBin::gap).fold(0.0, f64::max);
        let confidence = sums.iter().map(|sum| sum.2).sum::<f64>() / n;
        Self { ece, mce, confidence, bins }
    }
}

impl CalibrationBin {
    /// |accuracy − confidence|; 0 in an empty bin.
    pub fn gap(&self) -> f64 {
        self.accuracy
            .zip(self.confidence)
            .map_or(0.0, |(accuracy, confidence)| (accuracy - confidence).abs())
    }
}

fn sure(answer: &Answer) -> f64 {
    let confidence = f64::from(answer.confidence);
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

/// The bin m with m / M < c ≤ (m + 1) / M. The product can round across an edge; the comparison puts that right.
fn bin_of(confidence: f64, m: usize) -> usize {
    let mut i = ((confidence * m as f64).ceil() as usize).clamp(1, m) - 1;
    while i > 0 && confidence <= i as f64 / m as f64 {
        i -= 1;
    }
    while i + 1 < m && confidence > (i + 1) as f64 / m as f64 {
        i += 1;
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wilsons_interval_is_that_of_newcombes_table() {
        // Source: R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        // table I, method 3 (score without continuity correction).
        for (hits, total, low, high) in [
            (81, 263, "0.2553", "0.3662"),
            (15, 148, "0.0624", "0.1605"),
            (0, 20, "0.0000", "0.1611"),
            (1, 29, "0.0061", "0.1718"),
        ] {
            let (a, b) = wilson(hits, total, Z95);
            assert_eq!(
                (format!("{a:.4}"), format!("{b:.4}")),
                (low.into(), high.into()),
                "{hits} of {total}"
            );
        }
        assert_eq!(wilson(0, 0, Z95), (0.0, 1.0));
        // SciPy 1.17: binomtest(x, n).proportion_ci(method="wilson"), the interval of R's prop.test(x, n, correct = FALSE) and
        // of statsmodels' proportion_confint(x, n, method="wilson").
        for (hits, total, low, high) in [
            (7, 10, "0.39677815", "0.89220873"),
            (50, 100, "0.40383153", "0.59616847"),
            (9038, 10_000, "0.89786472", "0.90942517"),
            (10, 10, "0.72246720", "1.00000000"),
        ] {
            let (a, b) = wilson(hits, total, Z95);
            let ours = (format!("{a:.8}"), format!("{b:.8}"));
            assert_eq!(ours, (low.into(), high.into()), "{hits} of {total}");
        }
    }

    proptest! {
           /// The ends are the shares from which the measured one lies exactly z standard deviations away.
           #[test]
           fn the_ends_solve_the_score_equation(total in 1u64..100_000, share in 0.0..=1.0f64) {
               let hits = (total as f64 * share) as u64;
               let p = hits as f64 / total as f64;
               let (low, high) = wilson(hits, total, Z95);
               prop_assert!(low <= p && p <= high);
               for end in [low, high].into_iter().filter(|end| *end > 0.0 && *end < 1.0) {
                   let z = (p - end).abs() / (end * (1.0 - end) / total as f64).sqrt();
                   prop_assert!((z - Z95).abs() < 1e-6, "{hits}/{total}: {z}");
               }
           }

           /// Bin by bin with the definition's own comparison, in the order of the paper's formulas.
           #[test]
           fn the_error_is_that_of_the_definition(
               rows in prop::collection::vec((0.0..=1.0f32, any::<bool>()), 0..200), m in 1usize..30, exact in any::<bool>(),
           ) {
               let answer = |(index, &(c, right)): (usize, &(f32, bool))| Answer {
                   index, truth: 0, predicted: usize::from(!right), truth_probability: 0.0,
    squared_error: 0.0,
                   confidence: if exact { (c * 8.0).round() / 8.0 } else { c },
               };
               let answers: Vec<Answer> = rows.iter().enumerate().map(answer).collect();
               let (mut ece, mut mce, mut seen) = (0.0, 0.0f64, 0);
               for i in 1..=m {
                   let (low, high) = ((i - 1) as f64 / m as f64, i as f64 / m as f64);
                   let inside: Vec<&Answer> = answers.iter()
                       .filter(|a| { let c = f64::from(a.confidence); (c > low || i == 1) && c <= high }).collect();
                   seen += inside.len();
                   if inside.is_empty() { continue; }
                   let n = inside.len() as f64;
                   let accuracy = inside.iter().filter(|a| a.truth == a.predicted).count() as f64 / n;
                   let confidence = inside.iter().map(|a| f64::from(a.confidence)).sum::<f64>() / n;
                   ece += n / answers.len() as f64 * (accuracy - confidence).abs();
                   mce = mce.max((accuracy - confidence).abs());
               }
               let found = Calibration::new(&answers, m);
               prop_assert_eq!(seen, answers.len());
               prop_assert_eq!(found.bins.iter().map(|b| b.count as usize).sum::<usize>(), answers.len());
               prop_assert!((found.ece - ece).abs() < 1e-9 && (found.mce - mce).abs() < 1e-9);
               prop_assert!(found.ece <= found.mce + 1e-12);
           }
       }

    #[test]
    fn odd_confidences_find_a_bin() {
        let answer = |confidence| Answer {
            index: 0,
            truth: 0,
            predicted: 0,
            confidence,
            truth_probability: 0.0,
            squared_error: 0.0,
        };
        let found =
            Calibration::new(&[answer(f32::NAN), answer(0.0), answer(1.0), answer(2.0)], 10);
        let counts: Vec<u64> = found.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        let empty = Calibration::new(&[], 0);
        assert_eq!((empty.ece, empty.mce, empty.confidence, empty.bins.len()), (0.0, 0.0, 0.0, 1));
    }
}
