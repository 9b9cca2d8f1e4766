//! Numbers that must be written as floats, and the ranges they are checked against.

use crate::OptimError;
use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};
use std::fmt;

/// Reads a float and refuses an integer, as Keras does for its learning rate: `learning_rate = 1` is nearly always a slip.
pub(crate) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_f64(Float)
}

struct Float;

impl Visitor<'_> for Float {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a float such as 0.001 (write 1 as 1.0)")
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<f64, E> {
        Ok(x)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<f64, E> {
        Err(E::invalid_type(Unexpected::Signed(x), &self))
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<f64, E> {
        Err(E::invalid_type(Unexpected::Unsigned(x), &self))
    }
}

/// The learning rate as the kernels take it: finite, ≥ 0.
pub(crate) fn learning_rate(
    optimizer: &'static str,
    x: f64,
    hint: &'static str,
) -> Result<f32, OptimError> {
    not_negative(optimizer, "learning_rate", x, hint)
}

/// A finite number, ≥ 0.
pub(crate) fn not_negative(
    optimizer: &'static str,
    key: &'static str,
    x: f64,
    hint: &'static str,
) -> Result<f32, OptimError> {
    let ok = (x as f32).is_finite() && x >= 0.0;
    check(ok, optimizer, key, "a finite number of at least 0", x, hint)
}

/// A decay rate as f64, because 1 − β is taken before rounding: 0 ≤ β < 1 also once rounded to f32.
pub(crate) fn decay(
    optimizer: &'static str,
    key: &'static str,
    x: f64,
    hint: &'static str,
) -> Result<f32, OptimError> {
    check(x >= 0.0 && (x as f32) < 1.0, optimizer, key, "in [0, 1)", x, hint)
}

/// Turns a failed test of `x` into the error that names the key.
pub(crate) fn check(
    ok: bool,
    optimizer: &'static str,
    key: &'static str,
    expected: &'static str,
    x: f64,
    hint: &'static str,
) -> Result<f32, OptimError> {
    if ok {
        Ok(x as f32)
    } else {
        Err(OptimError::OutOfRange { optimizer, key, expected, got: x, hint })
    }
}

/// What is added to a root so that nothing is divided by zero. A subnormal one would be flushed to zero, and 0/0 is NaN.
pub(crate) fn epsilon(optimizer: &'static str, x: f64) -> Result<f32, OptimError> {
    let works = (x as f32).is_finite() && x as f32 >= f32::MIN_POSITIVE;
    check(works, optimizer, "epsilon", "greater than 0", x, "Keras's default is 1e-7")
}

/// βᵗ, correctly rounded but for rare ties: squared in f64, so that it has the same bits on every machine (`powf` has not).
pub(crate) fn power(beta: f32, mut t: u64) -> f32 {
    let (mut base, mut result) = (f64::from(beta), 1.0);
    while t > 0 {
        if t & 1 == 1 {
            result *= base;
        }
        base *= base;
        t >>= 1;
    }
    result as f32
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn powers_are_rounded_once() {
        assert_eq!([power(0.5, 3), power(0.0, 5), power(0.999, 1)], [0.125, 0.0, 0.999]);
        for t in [2_u64, 7, 50, 1875, 9375, 1_000_000] {
            let exact = (t as f64 * f64::from(0.999_f32).ln()).exp();
            assert!((f64::from(power(0.999, t)) - exact).abs() <= exact * 1e-7, "t = {t}");
        }
    }
}
