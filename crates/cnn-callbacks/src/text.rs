//! Numbers as Python and Keras write them.

use std::fmt::Write;

/// Appends a metric as Keras's progress bar shows it: `%.4f` where |x| > 1e-3, else `%.4e`.
pub(crate) fn push_metric(out: &mut String, x: f64) {
    if x.is_nan() {
        out.push_str("nan");
    } else if x.abs() > 1e-3 {
        push(out, format_args!("{x:.4}"));
    } else {
        push_exponent(out, x, 4);
    }
}

/// Appends a number as `%.{precision}e`: Python writes an exponent of two digits with its sign.
pub(crate) fn push_exponent(out: &mut String, x: f64, precision: usize) {
    let start = out.len();
    push(out, format_args!("{x:.precision$e}"));
    if let Some(at) = out[start..].find('e') {
        let exponent: i32 = out[start + at + 1..].parse().unwrap_or_default();
        out.truncate(start + at);
        push(out, format_args!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    }
}

/// Appends formatted text. Writing to a string cannot fail.
pub(crate) fn push(out: &mut String, args: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(args);
    debug_assert!(written.is_ok());
}

/// A float as Python's `repr` writes it: the shortest digits that read back the same, an exponent below 1e-4 and from 1e16.
pub(crate) fn python_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{x:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if x == 0.0 || (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reprs_of_python() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.0, "123456789.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e300, "1.25e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(python_repr(x), text);
        }
    }

    proptest! {
        #[test]
        fn a_repr_reads_back_as_the_same_number(x in any::<f64>()) {
            let back: f64 = python_repr(x).parse().unwrap();
            prop_assert!(back.to_bits() == x.to_bits() || (back.is_nan() && x.is_nan()));
        }
    }
}
