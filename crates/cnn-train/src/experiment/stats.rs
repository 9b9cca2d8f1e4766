//! The arithmetic of comparing runs: mean and deviation, paired tests over seeds, the Pareto front.
//!
//! - [`Summary`]: mean and sample standard deviation (n − 1 below the sum of squares).
//! - [`paired`]: two rows trained with the same seeds. Student's paired t-test, and beside it the exact sign-flip permutation
//!   test, which assumes nothing but symmetry and therefore cannot go below 2 / 2ⁿ with n seeds: 0.0625 for five.
//! - [`holm`]: several tests at once.
//! - [`pareto_front`]: what nothing else beats in both cost and quality.
//!
//! **Source**: Student, "The Probable Error of a Mean" (1908); Fisher, "The Design of Experiments" (1935); Holm, "A Simple
//! Sequentially Rejective Multiple Test Procedure" (1979). The values in the tests are `SciPy`'s.

use serde::{Deserialize, Serialize};

/// Mean and sample standard deviation of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many numbers.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation; `None` for fewer than two.
    pub sd: Option<f64>,
}

impl Summary {
    /// Of these numbers; `None` if there is none.
    ///
    /// ```
    /// let s = cnn_train::experiment::Summary::of(&[0.89, 0.90, 0.91]).unwrap();
    /// assert_eq!(s.to_string(), "0.9000 ± 0.0100");
    /// ```
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { n, mean, sd })
    }

    /// With this many decimals: `0.9031 ± 0.0017`, or the mean alone.
    pub fn text(&self, decimals: usize) -> String {
        match self.sd {
            Some(sd) => format!("{:.decimals$} ± {sd:.decimals$}", self.mean),
            None => format!("{:.decimals$}", self.mean),
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(4))
    }
}

/// Two rows compared seed by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Seeds that both rows have.
    pub n: usize,
    /// Mean of the differences, this row minus the other.
    pub difference: f64,
    /// Student's t of the differences; `None` where they do not vary.
    pub t: Option<f64>,
    /// Two-sided p of the paired t-test with n − 1 degrees of freedom; `None` for fewer than two seeds.
    pub p: Option<f64>,
    /// Two-sided p of the exact sign-flip permutation test of the mean; `None` for fewer than two seeds or more than 20.
    pub p_sign_flip: Option<f64>,
}

/// Most pairs for which all 2ⁿ signs are tried.
const MAX_EXACT: usize = 20;

/// Compares pairs of numbers (this, other), one for each seed. `None` if there is no pair.
pub fn paired(pairs: &[(f64, f64)]) -> Option<Paired> {
    let differences: Vec<f64> = pairs.iter().map(|(this, other)| this - other).collect();
    let Summary { n, mean, sd } = Summary::of(&differences)?;
    let largest = differences.iter().fold(0.0f64, |largest, d| largest.max(d.abs()));
    // Differences of accuracies are multiples of 1/images: what remains below this is rounding.
    let varies = sd.is_some_and(|sd| sd > largest * 1e-9);
    let t = sd.filter(|_| varies).map(|sd| mean / (sd / (n as f64).sqrt()));
    let p = sd.map(|_| match t {
        Some(t) => t_two_sided(t, (n - 1) as f64),
        None if mean == 0.0 => 1.0,
        None => 0.0,
    });
    let p_sign_flip = (2..=MAX_EXACT).contains(&n).then(|| sign_flip(&differences));
    Some(Paired { n, difference: mean, t, p, p_sign_flip })
}

/// The smallest p that the sign-flip test can give with so many seeds: 2 / 2ⁿ, all differences with one sign.
pub fn smallest_sign_flip(n: usize) -> f64 {
    2.0 / 2f64.powi(i32::try_from(n).unwrap_or(i32::MAX))
}

/// Share of the 2ⁿ sign patterns whose mean is at least as far from 0 as the one that was seen.
fn sign_flip(differences: &[f64]) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let bound = observed - scale * 1e-12;
    let patterns = 1u32 << differences.len();
    let far = (0..patterns).filter(|pattern| {
        let signed = |(i, d): (usize, &f64)| if pattern >> i & 1 == 1 { -d } else { *d };
        differences.iter().enumerate().map(signed).sum::<f64>().abs() >= bound
    });
    far.count() as f64 / f64::from(patterns)
}

/// Two-sided p of Student's t with `df` degrees of freedom: the regularised incomplete beta function
/// I(df / (df + t²); df / 2, 1 / 2).
pub fn t_two_sided(t: f64, df: f64) -> f64 {
    if !t.is_finite() {
        return if t.is_nan() { f64::NAN } else { 0.0 };
    }
    incomplete_beta(df / 2.0, 0.5, df / (df + t * t)).clamp(0.0, 1.0)
}

/// The probability of at least `hits` successes in `n` trials, each with probability `p` (0 to 1): I(p; hits, n − hits + 1) of
/// the regularised incomplete beta function.
///
/// ```
/// // A coin that falls on one side 8 times or more of 10: 56 of 1024 ways.
/// assert!((cnn_train::experiment::binomial_tail(8, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
/// ```
pub fn binomial_tail(hits: u64, n: u64, p: f64) -> f64 {
    match hits {
        0 => 1.0,
        hits if hits > n => 0.0,
        hits => incomplete_beta(hits as f64, (n - hits + 1) as f64, p).clamp(0.0, 1.0),
    }
}

/// The regularised incomplete beta function, by its continued fraction.
/// Source: Abramowitz and Stegun, 26.5.8; evaluated after Lentz (1976).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    // The fraction converges fast below the mean; above it the mirrored one does.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= d * c;
        }
        if (value - before).abs() <= value.abs() * 1e-15 {
            break;
        }
    }
    value
}

/// ln Γ(x) for x > 0. Source: Lanczos (1964), g = 7, the nine coefficients of Godfrey.
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // Γ(x) Γ(1 − x) = π / sin πx
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let series = (0u32..)
        .zip(COEFFICIENTS)
        .fold(0.999_999_999_999_809_9, |sum, (i, c)| sum + c / (x + f64::from(i) + 1.0));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// Holm's adjustment: the same p-values, each made larger for the number of questions asked at once. In the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

/// Whether each point (cost, quality) is on the Pareto front: no other has at most its cost and at least its quality, and
/// one of the two better. Points that are not finite are not on it.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<bool> {
    let sound = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
    let beats = |a: &(f64, f64), b: &(f64, f64)| {
        sound(a) && a.0 <= b.0 && a.1 >= b.1 && (a.0 < b.0 || a.1 > b.1)
    };
    points.iter().map(|p| sound(p) && !points.iter().any(|other| beats(other, p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!(
            (got - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
            "{got} is not {expected}"
        );
    }

    #[test]
    fn the_t_distribution_is_scipys() {
        // SciPy 1.17.1: 2 * stats.t.sf(t, df)
        for (t, df, p) in [
            (2.0, 1.0, 0.295_167_235_300_866_5),
            (2.776_445, 4.0, 0.050_000_005_382_091_56),
            (0.5, 9.0, 0.629_071_299_826_026_3),
            (12.0, 2.0, 0.006_872_933_677_158_46),
            (0.0, 3.0, 1.0),
            (30.0, 4.0, 7.352_856_097_661_319e-6),
            (1.3, 200.0, 0.195_097_189_308_856_28),
        ] {
            near(t_two_sided(t, df), p);
            near(t_two_sided(-t, df), p);
        }
    }

    #[test]
    fn the_paired_tests_are_scipys() {
        // SciPy 1.17.1: stats.ttest_rel(a, b); stats.permutation_test((d,), mean, permutation_type="samples"), exact.
        let a = [0.9038, 0.9044, 0.9012, 0.9031, 0.9050];
        let b = [0.9126, 0.9081, 0.9029, 0.9079, 0.9065];
        let pairs: Vec<(f64, f64)> = a.into_iter().zip(b).collect();
        let test = paired(&pairs).unwrap();
        near(test.difference, -0.0041);
        near(test.t.unwrap(), -3.087_860_702_967_407_4);
        near(test.p.unwrap(), 0.036_650_416_702_699_33);
        near(test.p_sign_flip.unwrap(), 0.0625);
        near(smallest_sign_flip(5), 0.0625);
        let d = [0.31, -0.12, 0.25, 0.4, -0.05, 0.18, 0.09].map(|d| (d, 0.0));
        let test = paired(&d).unwrap();
        near(test.t.unwrap(), 2.114_088_815_421_634_4);
        near(test.p.unwrap(), 0.078_925_523_823_335_65);
        near(test.p_sign_flip.unwrap(), 0.093_75);
    }

    #[test]
    fn few_or_equal_runs_claim_nothing() {
        assert!(paired(&[]).is_none());
        let one = paired(&[(0.9, 0.8)]).unwrap();
        assert_eq!((one.n, one.t, one.p, one.p_sign_flip), (1, None, None, None));
        let same = paired(&[(0.9, 0.9), (0.8, 0.8)]).unwrap();
        assert_eq!((same.difference, same.t, same.p), (0.0, None, Some(1.0)));
        assert_eq!(same.p_sign_flip, Some(1.0));
        assert_eq!(paired(&[(0.9, 0.8); 21]).unwrap().p_sign_flip, None);
    }

    #[test]
    fn holm_adjusts_by_rank_and_never_back() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.5]);
        // 4·0.01; 2·0.04 raised to 3·0.03; 3·0.03; 1·0.5
        for (got, expected) in adjusted.into_iter().zip([0.04, 0.09, 0.09, 0.5]) {
            near(got, expected);
        }
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn the_front_is_what_nothing_beats() {
        let points = [(1.0, 0.8), (2.0, 0.9), (3.0, 0.85), (2.0, 0.9), (0.5, f64::NAN), (2.0, 0.7)];
        assert_eq!(pareto_front(&points), [true, true, false, true, false, false]);
    }

    #[test]
    fn a_mean_has_a_deviation_from_two_numbers_on() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[0.5]).unwrap().to_string(), "0.5000");
        assert_eq!(Summary::of(&[1.0, 3.0]).unwrap().text(2), "2.00 ± 1.41");
    }
}
