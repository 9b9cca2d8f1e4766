//! Numbers and times as the screen writes them.

/// A loss or an accuracy, as Keras's progress bar writes it: four places, or a power of ten where it is very small.
pub(crate) fn number(x: f64) -> String {
    if x.is_nan() {
        "nan".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else if x != 0.0 && !(1e-3..1e5).contains(&x.abs()) {
        format!("{x:.4e}")
    } else {
        format!("{x:.4}")
    }
}

/// A learning rate: as short as it is exact.
pub(crate) fn rate(x: f32) -> String {
    if x == 0.0 || (1e-5..1e5).contains(&x) { x.to_string() } else { format!("{x:e}") }
}

/// Seconds as people read them: `4.2 s`, `1:05`, `2:03:04`.
pub(crate) fn seconds(t: f64) -> String {
    let whole = t.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else if whole >= 60 {
        format!("{minutes}:{rest:02}")
    } else if t < 9.95 {
        format!("{t:.1} s")
    } else {
        format!("{whole} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.273_14, -1.0, 1e-3, 9.9e-4, 123_456.0, f64::NAN, f64::INFINITY];
        let texts = "0.0000 0.2731 -1.0000 0.0010 9.9000e-4 1.2346e5 nan inf";
        assert_eq!(all.map(number).join(" "), texts);
    }

    #[test]
    fn learning_rates_are_exact() {
        assert_eq!([0.0, 0.001, 0.5, 2e-6, 1e30].map(rate).join(" "), "0 0.001 0.5 2e-6 1e30");
    }

    #[test]
    fn times_are_short() {
        let all = [0.0, 4.16, 9.99, 59.4, 59.6, 65.0, 7384.0, 360_000.0];
        assert_eq!(all.map(seconds).join(" "), "0.0 s 4.2 s 10 s 59 s 1:00 1:05 2:03:04 100:00:00");
    }
}
