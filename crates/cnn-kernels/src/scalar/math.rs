//! Elementary functions from `+ − × ÷ fma` only: the same bits on every machine.

/// `exp(x)`, within 1.02 ulp of the true value; 0 where the result would be denormal, +∞ above the range, NaN for NaN.
///
/// `x = k·ln 2 + r` with `|r| <= ln 2 / 2`, `ln 2` in two parts; then `exp(r) = 1 + r + r²·q(r)` with the polynomial of
/// Cephes' `expf` (S. Moshier), and `2^k` put into the exponent in two steps, as `k` may be 128.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // 1.5 · 2^23: adding it rounds to the nearest whole number, which then sits in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x < -104.0 { -104.0 } else { x };
    let clamped = if clamped > 89.0 { 89.0 } else { clamped };
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let k = shifted - ROUND;
    let r = k.mul_add(-LN2_LOW, k.mul_add(-LN2_HIGH, clamped));
    let q = 1.987_569_1e-4_f32;
    let q = q.mul_add(r, 1.398_199_9e-3);
    let q = q.mul_add(r, 8.333_452e-3);
    let q = q.mul_add(r, 4.166_579_6e-2);
    let q = q.mul_add(r, 1.666_666_5e-1);
    let q = q.mul_add(r, 5e-1);
    let p = q.mul_add(r * r, r) + 1.0;
    let k = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = k >> 1;
    let y = p * power_of_two(half) * power_of_two(k - half);
    if x < -87.336_54 { 0.0 } else { y }
}

/// `2^k` for `−126 <= k <= 127`.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}

/// `1 / (1 + exp(−x))`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh(x)`: near zero an odd polynomial (Cephes' `tanhf`), elsewhere `1 − 2 / (exp(2|x|) + 1)` with the sign of `x`.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let s = x * x;
    let q = -5.704_988_7e-3_f32;
    let q = q.mul_add(s, 2.063_909e-2);
    let q = q.mul_add(s, -5.373_971e-2);
    let q = q.mul_add(s, 1.333_144_2e-1);
    let q = q.mul_add(s, -3.333_328e-1);
    let near = (q * s).mul_add(x, x);
    let far = (1.0 - 2.0 / (exp(2.0 * a) + 1.0)).copysign(x);
    if a < 0.625 { near } else { far }
}

/// The standard normal distribution: how much of it lies below `x`, and its density there.
///
/// With `e = exp(−x²/2)` the part beyond `|x|` is `e·u·p(u)`, `u = 1 / (1 + 0.26·|x|)`: the polynomial was fitted to
/// `erfc(|x|/√2) / 2e` between 0 and 14, where its relative error is at most 3e-8. The part is within 4e-7 of itself in both tails
/// as far as `e` is, so that nothing cancels below 0.
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    let e = exp(-0.5 * x * x);
    let u = 1.0 / x.abs().mul_add(0.26, 1.0);
    let p = 3.050_502_4e-2_f32;
    let p = p.mul_add(u, -1.528_294_7e-1);
    let p = p.mul_add(u, 2.514_926e-1);
    let p = p.mul_add(u, -1.509_503_7e-1);
    let p = p.mul_add(u, 1.609_487_8e-1);
    let p = p.mul_add(u, 5.102_731e-2);
    let p = p.mul_add(u, 1.030_303_5e-1);
    let p = p.mul_add(u, 1.030_167_4e-1);
    let p = p.mul_add(u, 1.037_590_6e-1);
    let beyond = e * (u * p);
    let below = if x > 0.0 { 1.0 - beyond } else { beyond };
    (below, e * 0.398_942_3)
}

/// With `e = exp(x)`: `tanh(ln(1 + e))`, and its derivative.
#[inline(always)]
pub(crate) fn tanh_softplus(x: f32) -> (f32, f32) {
    // Beyond 20 the first is 1 and the second 0, and squares of e would overflow.
    let e = exp(if x > 20.0 { 20.0 } else { x });
    let n = e * (e + 2.0);
    let slope = 4.0 * e * (e + 1.0) / ((n + 2.0) * (n + 2.0));
    (n / (n + 2.0), if x > 20.0 { 0.0 } else { slope })
}

/// `ln(1 + u)` for `0 <= u <= 1`, within 2 ulp of the true value: `2 artanh t`, `t = u / (2 + u)`, by its series.
#[inline(always)]
pub(crate) fn ln_1p(u: f32) -> f32 {
    let t = u / (2.0 + u);
    let s = t * t;
    let q = 1.0_f32 / 13.0;
    let q = q.mul_add(s, 1.0 / 11.0);
    let q = q.mul_add(s, 1.0 / 9.0);
    let q = q.mul_add(s, 1.0 / 7.0);
    let q = q.mul_add(s, 1.0 / 5.0);
    let q = q.mul_add(s, 1.0 / 3.0);
    2.0 * (q * s).mul_add(t, t)
}

/// The natural logarithm of a finite, normal, positive `x`, within 2 ulp of the true value (infinity and NaN stay).
///
/// `x = m·2^e` with `m` in [√½, √2), then `ln m = 2 artanh t`, `t = (m − 1) / (m + 1)`, by its series.
pub(crate) fn ln(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let bits = x.to_bits();
    let mut e = ((bits >> 52) as i32) - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        e += 1;
    }
    let t = (m - 1.0) / (m + 1.0);
    let s = t * t;
    let mut series = 0.0;
    for odd in (3..=23).rev().step_by(2) {
        series = (series + 1.0 / f64::from(odd)) * s;
    }
    2.0 * (t + t * series) + f64::from(e) * std::f64::consts::LN_2
}

/// `exp(x)` within 2 ulp of the true value; 0 where the result would be denormal, +∞ above the range, NaN for NaN.
///
/// `x = k·ln 2 + r` with `|r| <= ln 2 / 2`, `ln 2` in two parts, then Taylor's series up to `r¹³ / 13!`.
pub(crate) fn exp_f64(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    if x < -708.0 {
        return 0.0;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    // NaN comes through `r`.
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    let mut series = 1.0;
    for n in (1..=13).rev() {
        series = 1.0 + series * r / f64::from(n);
    }
    let k = k as i64;
    let half = k / 2;
    let power = |k: i64| f64::from_bits(((k + 1023) as u64) << 52);
    series * power(half) * power(k - half)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "these results are exact")]

    /// The distance from `got` to `truth`, in units of the last place of an `f32` near `truth`.
    fn ulps(got: f32, truth: f64) -> f64 {
        let near = truth as f32;
        let unit = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
        (f64::from(got) - truth).abs() / unit
    }

    #[test]
    fn exp_is_within_1_02_ulp_of_the_true_value() {
        // Every 257th number between the ends of the normal range, of both signs.
        let positive = (0..88.7_f32.to_bits()).step_by(257).map(f32::from_bits);
        for x in positive.flat_map(|x| [x, -x]).filter(|x| *x > -87.33) {
            let error = ulps(super::exp(x), f64::from(x).exp());
            assert!(error <= 1.02, "exp({x}) is {error} ulp off");
        }
    }

    #[test]
    fn exp_at_and_beyond_the_ends() {
        assert_eq!(super::exp(0.0), 1.0);
        for x in [88.73, 89.0, 1e9, f32::INFINITY] {
            assert_eq!(super::exp(x), f32::INFINITY, "exp({x})");
        }
        for x in [-87.34, -104.0, -1e9, f32::NEG_INFINITY] {
            assert_eq!(super::exp(x), 0.0, "exp({x})");
        }
        assert!(super::exp(f32::NAN).is_nan());
    }

    #[test]
    fn ln_1p_is_within_2_ulp_of_the_true_value() {
        assert_eq!(super::ln_1p(0.0), 0.0);
        for u in (1..=1.0_f32.to_bits()).step_by(257).map(f32::from_bits).filter(|u| *u > 1e-37) {
            let error = ulps(super::ln_1p(u), f64::from(u).ln_1p());
            assert!(error <= 2.0, "ln_1p({u}) is {error} ulp off");
        }
    }

    #[test]
    fn exp_f64_agrees_with_the_standard_library() {
        for x in (-7_000..7_080).map(|i| f64::from(i) * 0.1001).filter(|x| x.abs() < 708.0) {
            let (got, truth) = (super::exp_f64(x), x.exp());
            assert!((got - truth).abs() <= 1e-15 * truth, "exp({x}): {got}, {truth}");
        }
        assert_eq!((super::exp_f64(0.0), super::exp_f64(-709.0)), (1.0, 0.0));
        assert_eq!(super::exp_f64(f64::NEG_INFINITY), 0.0);
        assert_eq!(super::exp_f64(f64::INFINITY), f64::INFINITY);
        assert!(super::exp_f64(f64::NAN).is_nan());
    }

    #[test]
    fn ln_agrees_with_the_standard_library() {
        for x in (1..20_000).map(|i| f64::from(i) * 0.37) {
            let (got, truth) = (super::ln(x), x.ln());
            assert!((got - truth).abs() <= 4e-16 * truth.abs().max(1.0), "ln({x}): {got}, {truth}");
        }
        assert_eq!(super::ln(1.0), 0.0);
        assert!(super::ln(f64::NAN).is_nan());
    }
}
