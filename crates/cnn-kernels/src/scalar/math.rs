//! Elementary functions from `+ − × ÷ fma` only: the same bits on every machine.

/// `exp(x)`, within 1 ulp of the true value; 0 where the result would be denormal, +∞ above the range, NaN for NaN.
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
