//! How alike two maps are.

use ndarray::Array2;

/// Spearman's rank correlation, −1 to 1: Pearson's correlation of the ranks, equal numbers sharing the mean of theirs.
/// 0 where one of the two is constant, and so has no ranks.
///
/// # Panics
/// If the two are not of the same length.
pub fn spearman(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "as many numbers in both");
    let (a, b) = (ranks(a), ranks(b));
    let mean = f64::midpoint(a.len() as f64, 1.0);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        let (x, y) = (x - mean, y - mean);
        (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
    }
    if aa == 0.0 || bb == 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

/// Ranks from 1.
fn ranks(values: &[f32]) -> Vec<f64> {
    // Adding 0 makes 0 of −0: the two are equal.
    let values: Vec<f32> = values.iter().map(|value| value + 0.0).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for ties in order.chunk_by(|&i, &j| values[i].total_cmp(&values[j]).is_eq()) {
        let shared = first as f64 + f64::midpoint(ties.len() as f64, 1.0);
        for &i in ties {
            ranks[i] = shared;
        }
        first += ties.len();
    }
    ranks
}

/// Structural similarity of two planes with values from 0 to 1: the mean over all windows of 7 × 7 pixels (smaller where the
/// plane is) of the product of how alike their means, deviations and structure are; 1 for equal planes.
///
/// Source: Wang, Bovik, Sheikh & Simoncelli 2004, with uniform windows and K₁ = 0.01, K₂ = 0.03.
///
/// # Panics
/// If the two have not the same size.
pub fn ssim(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    assert_eq!(a.dim(), b.dim(), "planes of one size");
    let odd = |size: usize| if size.is_multiple_of(2) { size - 1 } else { size };
    let (h, w) = a.dim();
    if h == 0 || w == 0 {
        return 1.0;
    }
    let window = (odd(h).clamp(1, 7), odd(w).clamp(1, 7));
    let (a, b) = (a.mapv(f64::from), b.mapv(f64::from));
    let n = (window.0 * window.1) as f64;
    // The deviations are those of a sample, as in scikit-image; a window of one pixel has none.
    let correct = if n > 1.0 { n / (n - 1.0) } else { 0.0 };
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let each = a.windows(window).into_iter().zip(b.windows(window)).map(|(a, b)| {
        let (mut sa, mut sb, mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, y) in a.iter().zip(&b) {
            (sa, sb) = (sa + x, sb + y);
            (saa, sbb, sab) = (saa + x * x, sbb + y * y, sab + x * y);
        }
        let (ma, mb) = (sa / n, sb / n);
        let (va, vb) = (correct * (saa / n - ma * ma), correct * (sbb / n - mb * mb));
        let vab = correct * (sab / n - ma * mb);
        (2.0 * ma * mb + c1) * (2.0 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    });
    let all: Vec<f64> = each.collect();
    all.iter().sum::<f64>() / all.len() as f64
}

/// A map without its signs, over its largest number: from 0 to 1.
pub(super) fn normalised(map: &Array2<f32>) -> Array2<f32> {
    let largest = map.iter().fold(0.0f32, |max, value| max.max(value.abs()));
    map.mapv(|value| if largest > 0.0 { value.abs() / largest } else { 0.0 })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_what_counts() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]), 1.0);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), 0.0);
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 0.0]), [3.5, 2.0, 3.5, 1.0]);
    }

    #[test]
    fn a_plane_is_like_itself_at_any_size() {
        for (h, w) in [(1, 1), (1, 9), (2, 3), (8, 8), (11, 7)] {
            let plane = Array2::from_shape_fn((h, w), |(i, j)| ((i * 7 + j * 3) % 5) as f32 / 4.0);
            assert!((ssim(&plane, &plane) - 1.0).abs() < 1e-12, "{h} × {w}");
            assert!(ssim(&plane, &plane.mapv(|v| 1.0 - v)) < 1.0);
        }
    }
}
