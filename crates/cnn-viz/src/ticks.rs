//! Axis ticks at round numbers.

/// The ticks of one axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    /// Lower end of the axis.
    pub(crate) low: f64,
    /// Upper end of the axis.
    pub(crate) high: f64,
    /// Where the ticks are, and what they say.
    pub(crate) marks: Vec<(f64, String)>,
}

/// Ticks at 1, 2 or 5 times a power of ten, about `target` of them; the ends of the axis are the first tick at or below
/// `low` and the first at or above `high`. Equal ends are spread apart. Both must be finite and below 1e300 in size.
pub(crate) fn nice(low: f64, high: f64, target: usize) -> Ticks {
    let (low, high) = spread(low, high);
    let step = step((high - low) / target.max(1) as f64);
    let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    let marks =
        (0..=count).map(|i| (first + i as f64) * step).map(|v| (v, label(v, step))).collect();
    Ticks { low: first * step, high: last * step, marks }
}

/// Whole-number ticks inside `low` to `high`, at most about `target`: for epochs.
pub(crate) fn whole(low: f64, high: f64, target: usize) -> Ticks {
    let step = step((high - low) / target.max(1) as f64).max(1.0).round();
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let count = (last - first).clamp(-1.0, 100.0) as i64;
    let marks =
        (0..=count).map(|i| (first + i as f64) * step).map(|v| (v, format!("{v:.0}"))).collect();
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    Ticks { low, high, marks }
}

/// Marks between two powers of ten (in log₁₀): at 1, 2 and 5 where there is room, else at 1 alone, else every few powers.
pub(crate) fn logarithmic(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let steps: &[f64] = match high - low {
        span if span <= 0.9 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
        span if span <= 3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let every = ((last - first) / 10).max(1);
    let marks = (first..=last)
        .step_by(every as usize)
        .flat_map(|e| steps.iter().map(move |m| m * 10f64.powi(e)));
    marks.filter(|v| (low..=high).contains(&v.log10())).map(|v| (v, brief(v))).collect()
}

/// 200, 5k, 100k, 2M, 1G; 0.5; what is beyond in powers of ten.
fn brief(v: f64) -> String {
    let (scale, unit) = match v {
        v if !(0.999e-3..0.999e12).contains(&v) => return format!("{v:.0e}").replace('-', "−"),
        v if v >= 0.999e9 => (1e9, "G"),
        v if v >= 0.999e6 => (1e6, "M"),
        v if v >= 0.999e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let number = format!("{:.3}", v / scale);
    format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

fn spread(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if size < 1e-280 {
        // Too small for powers of ten in both directions: as good as 0.
        (0.0, 1.0)
    } else if high - low > size * 1e-6 {
        (low, high)
    } else {
        // Values this close would need labels of many digits; they are shown as equal.
        let middle = f64::midpoint(low, high);
        (middle - size * 0.05, middle + size * 0.05)
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `raw`.
fn step(raw: f64) -> f64 {
    let raw = if raw > 0.0 { raw } else { 1.0 };
    let exponent = raw.log10().floor() as i32;
    let power = |e: i32| if e < 0 { 1.0 / 10f64.powi(-e) } else { 10f64.powi(e) };
    [1.0, 2.0, 5.0]
        .map(|m| m * power(exponent))
        .into_iter()
        .find(|&s| s >= raw * 0.999_999)
        .unwrap_or_else(|| power(exponent + 1))
}

/// A tick's label with just the decimals that the step needs.
fn label(v: f64, step: f64) -> String {
    let v = if v.abs() < step * 1e-6 { 0.0 } else { v };
    if v != 0.0 && (v.abs() >= 1e5 || step < 1e-4) {
        // Digits between the value's size and the step's.
        let digits = (v.abs().log10().floor() - step.log10().floor()).clamp(0.0, 8.0) as usize;
        return minus(format!("{v:.digits$e}"));
    }
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    minus(format!("{v:.decimals$}"))
}

/// A number in about three digits: `0.123`, `12.3`, `1234`, `1.2e−5`.
pub(crate) fn short(v: f32) -> String {
    let size = v.abs();
    if !v.is_finite() {
        return v.to_string();
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{v:.1e}").replace('-', "−");
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{v:.decimals$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    minus(text.to_owned())
}

/// The typographic minus sign.
fn minus(text: String) -> String {
    if text.starts_with('-') { text.replacen('-', "−", 1) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(t: &Ticks) -> Vec<&str> {
        t.marks.iter().map(|m| m.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let t = nice(0.2871, 0.5312, 5);
        assert_eq!(labels(&t), ["0.25", "0.30", "0.35", "0.40", "0.45", "0.50", "0.55"]);
        assert!((t.low - 0.25).abs() < 1e-12 && (t.high - 0.55).abs() < 1e-12);
        assert_eq!(labels(&nice(0.0, 1.0, 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&nice(-1.0, 1.0, 4)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(&nice(0.0, 2e6, 4)), ["0", "5e5", "1.0e6", "1.5e6", "2.0e6"]);
    }

    #[test]
    fn equal_tiny_and_huge_ranges_have_ticks() {
        for (low, high) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (-3.0, -3.0),
            (1e-30, 1e-30),
            (1e299, 1e299),
            (-1e299, 1e299),
            (0.1, 0.100_000_000_1),
            (1e-12, 3e-12),
        ] {
            let t = nice(low, high, 5);
            assert!(t.low <= low && t.high >= high && t.high > t.low, "{low} {high} {t:?}");
            assert!((2..=12).contains(&t.marks.len()), "{low} {high} {t:?}");
        }
    }

    #[test]
    fn numbers_have_three_digits() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.123_456, "0.123"),
            (0.5, "0.5"),
            (-12.34, "−12.3"),
            (999.6, "1000"),
            (1234.4, "1234"),
            (0.001, "0.001"),
            (1.24e-8, "1.2e−8"),
            (-3e7, "−3.0e7"),
            (f32::INFINITY, "inf"),
        ] {
            assert_eq!(short(v), text);
        }
    }

    #[test]
    fn epochs_get_whole_numbers_only() {
        assert_eq!(labels(&whole(1.0, 5.0, 8)), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels(&whole(1.0, 20.0, 8)), ["5", "10", "15", "20"]);
        assert_eq!(labels(&whole(1.0, 1.0, 8)), ["1"]);
        assert_eq!(labels(&whole(1.0, 2.0, 8)), ["1", "2"]);
        assert_eq!(labels(&whole(1.0, 1000.0, 8)), ["200", "400", "600", "800", "1000"]);
    }

    #[test]
    fn costs_are_short_and_round() {
        let shown = [200.0, 5e3, 1e5, 2e6, 1e9, 0.5, 1e15, 1e-9].map(brief);
        assert_eq!(shown, ["200", "5k", "100k", "2M", "1G", "0.5", "1e15", "1e−9"]);
        let labels = |low: f64, high: f64| -> Vec<String> {
            logarithmic(low.log10(), high.log10()).into_iter().map(|mark| mark.1).collect()
        };
        assert_eq!(labels(9e4, 3e6), ["100k", "200k", "500k", "1M", "2M"]);
        assert_eq!(labels(1.4e5, 5.2e5), ["150k", "200k", "300k", "400k", "500k"]);
        assert_eq!(labels(1.0, 1e5), ["1", "10", "100", "1k", "10k", "100k"]);
    }
}
