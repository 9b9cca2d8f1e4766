//! What `cnn bench` answers, and what becomes of many answers: cliffs, tables.

use super::grid::Axis;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write as _;

/// A size is a cliff where the speed falls below this share of the next smaller size's.
const CLIFF: f64 = 0.5;

/// Speed of training one network. GFLOP/s count two operations for each multiply-add of the plain algorithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed {
    /// Images per second of whole steps.
    pub(super) images: f64,
    /// GFLOP/s of whole steps.
    pub(super) step: f64,
    /// What the threads can do in registers.
    peak: f64,
    /// GFLOP/s of all convolutions forward, on one thread.
    forward: f64,
    /// The same of their gradients.
    backward: f64,
}

/// The lines of a chart.
pub(super) const LINES: [&str; 3] = ["whole step", "convolution forward", "backward"];

impl Speed {
    /// From the JSON of `cnn bench`.
    pub(super) fn read(answer: &Value) -> Result<Self> {
        let number = |value: &Value, key: &str| {
            value[key].as_f64().with_context(|| format!("`cnn bench` gives no {key}"))
        };
        let parts = answer["profile"]["parts"].as_array().context("`cnn bench` gives no parts")?;
        let convs = || parts.iter().filter(|part| part["name"].as_str().is_some_and(is_conv));
        let of = |macs: &str, time: &str| -> Result<f64> {
            let mut sums = (0.0, 0.0);
            for part in convs() {
                sums = (sums.0 + number(part, macs)?, sums.1 + number(part, time)?);
            }
            Ok(if sums.0 > 0.0 { 2.0 * sums.0 / sums.1 / 1e3 } else { 0.0 })
        };
        Ok(Self {
            images: number(answer, "images_per_second")?,
            step: number(answer, "gflops")?,
            peak: number(answer, "peak_gflops")?,
            forward: of("macs_forward", "forward_us")?,
            backward: of("macs_backward", "backward_us")?,
        })
    }

    /// The better of each figure: whatever else runs can only slow a network down.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            images: self.images.max(other.images),
            step: self.step.max(other.step),
            peak: self.peak.max(other.peak),
            forward: self.forward.max(other.forward),
            backward: self.backward.max(other.backward),
        }
    }

    /// In the order of [`LINES`].
    fn lines(&self) -> [f64; 3] {
        [self.step, self.forward, self.backward]
    }

    /// The cells of a table that has [`HEAD`], with cliffs in bold.
    pub(super) fn cells(&self, cliffs: [bool; 3]) -> String {
        let mut cells = format!("{:.0}", self.images);
        for (value, cliff) in self.lines().into_iter().zip(cliffs) {
            let mark = if cliff { "**" } else { "" };
            let _ = write!(cells, " | {mark}{value:.1}{mark}");
        }
        let _ = write!(cells, " | {:.0} %", 100.0 * self.step / self.peak);
        cells
    }
}

fn is_conv(name: &str) -> bool {
    name.starts_with("conv2d")
}

/// The head of the table.
pub(super) const HEAD: &str = "| network | images/s | whole step, GFLOP/s | convolution forward | backward | step, of the peak |\n|---|---:|---:|---:|---:|---:|\n";

/// Which values fall below half of the value before them. A slow small size is none: it has less to do at a time.
pub(super) fn cliffs(values: &[f64]) -> Vec<bool> {
    let before = std::iter::once(None).chain(values.iter().map(Some));
    values.iter().zip(before).map(|(v, b)| b.is_some_and(|b| *v < CLIFF * b)).collect()
}

/// One axis, measured.
pub(super) struct Sweep {
    pub(super) axis: &'static Axis,
    /// A speed for each of its values.
    pub(super) speeds: Vec<Speed>,
}

impl Sweep {
    /// For each value, whether each line has a cliff there.
    fn cliffs(&self) -> Vec<[bool; 3]> {
        let lines: [Vec<bool>; 3] = std::array::from_fn(|line| {
            cliffs(&self.speeds.iter().map(|speed| speed.lines()[line]).collect::<Vec<_>>())
        });
        (0..self.speeds.len()).map(|i| std::array::from_fn(|line| lines[line][i])).collect()
    }

    /// Its rows of the table.
    pub(super) fn rows(&self) -> String {
        let mut rows = String::new();
        for ((value, speed), cliffs) in self.axis.values.iter().zip(&self.speeds).zip(self.cliffs())
        {
            let _ = writeln!(rows, "| {} {value} | {} |", self.axis.label, speed.cells(cliffs));
        }
        rows
    }

    /// What a person should look at, a line for each cliff.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (i, cliffs) in self.cliffs().into_iter().enumerate() {
            for (line, name) in LINES.iter().enumerate().filter(|(line, _)| cliffs[*line]) {
                let at = |i: usize| {
                    let (value, speed) = (self.axis.values[i], self.speeds[i].lines()[line]);
                    format!("{speed:.1} GFLOP/s at {value}")
                };
                found.push(format!("{}, {name}: {} after {}", self.axis.label, at(i), at(i - 1)));
            }
        }
        found
    }

    /// A table of its lines, for the chart.
    pub(super) fn chart_csv(&self) -> String {
        let mut csv = format!("{},{}\n", self.axis.label, LINES.join(","));
        for (value, speed) in self.axis.values.iter().zip(&self.speeds) {
            let [step, forward, backward] = speed.lines();
            let _ = writeln!(csv, "{value},{step:.1},{forward:.1},{backward:.1}");
        }
        csv
    }
}

/// The head of the file of all figures.
pub(super) const CSV_HEAD: &str =
    "network,images_per_second,step_gflops,conv_forward_gflops,conv_backward_gflops,peak_gflops\n";

/// A row of it.
pub(super) fn csv_row(name: &str, speed: &Speed) -> String {
    let Speed { images, step, peak, forward, backward } = speed;
    format!("{name},{images:.1},{step:.3},{forward:.3},{backward:.3},{peak:.3}\n")
}

#[cfg(test)]
mod tests {
    use super::super::grid::AXES;
    use super::*;
    use serde_json::json;

    fn speed(step: f64) -> Speed {
        Speed { images: 1000.0, step, peak: 100.0, forward: 10.0, backward: 20.0 }
    }

    #[test]
    fn a_cliff_is_less_than_half_of_the_size_before() {
        assert_eq!(cliffs(&[10.0, 5.0, 2.4, 10.0, 4.9]), [false, false, true, false, true]);
        assert_eq!(cliffs(&[3.0]), [false]);
        assert!(cliffs(&[]).is_empty());
    }

    #[test]
    fn speeds_are_read_from_what_cnn_bench_answers() {
        let part = |name: &str, macs: u64, us: f64| {
            json!({ "name": name, "macs_forward": macs, "macs_backward": 2 * macs,
                "forward_us": us, "backward_us": 4.0 * us })
        };
        let answer = json!({
            "images_per_second": 8000.0, "gflops": 16.0, "peak_gflops": 160.0,
            "profile": { "parts": [part("conv2d", 400_000, 10.0), part("conv2d_1", 600_000, 10.0), part("dense", 1, 99.0)] },
        });
        let speed = Speed::read(&answer).unwrap();
        let expected =
            Speed { images: 8000.0, step: 16.0, peak: 160.0, forward: 100.0, backward: 50.0 };
        assert_eq!(speed, expected);
        assert_eq!(speed.cells([false, true, false]), "8000 | 16.0 | **100.0** | 50.0 | 10 %");
        let error = Speed::read(&json!({ "profile": { "parts": [] } })).unwrap_err();
        assert_eq!(error.to_string(), "`cnn bench` gives no images_per_second");
    }

    #[test]
    fn the_better_figure_of_two_rounds_counts() {
        let (slow, fast) = (speed(10.0), Speed { forward: 9.0, ..speed(40.0) });
        assert_eq!(slow.or(&fast), Speed { forward: 10.0, ..speed(40.0) });
    }

    #[test]
    fn rows_and_warnings_name_the_size() {
        let axis = AXES.iter().find(|axis| axis.name == "kernel").unwrap();
        let sweep = Sweep { axis, speeds: vec![speed(40.0), speed(19.0), speed(41.0)] };
        let expected = "| kernel size 1 | 1000 | 40.0 | 10.0 | 20.0 | 40 % |
| kernel size 3 | 1000 | **19.0** | 10.0 | 20.0 | 19 % |
| kernel size 5 | 1000 | 41.0 | 10.0 | 20.0 | 41 % |
";
        assert_eq!(sweep.rows(), expected);
        assert_eq!(
            sweep.warnings(),
            ["kernel size, whole step: 19.0 GFLOP/s at 3 after 40.0 GFLOP/s at 1"]
        );
        assert!(sweep.chart_csv().starts_with(
            "kernel size,whole step,convolution forward,backward\n1,40.0,10.0,20.0\n"
        ));
    }
}
