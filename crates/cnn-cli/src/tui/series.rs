//! A curve of any length in a fixed amount of memory.

/// Points that are kept, at most.
const LIMIT: usize = 512;

/// A curve. When it becomes too long, neighbours are merged into their means, and so are the values from then on.
/// Values that are NaN or infinite leave a gap.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    points: Vec<(f64, f64)>,
    /// Values that make one point.
    stride: usize,
    /// Values that wait for the others of their point, and their sum.
    waiting: usize,
    sum: f64,
}

impl Series {
    /// No points yet; the memory is made here.
    pub(crate) fn new() -> Self {
        Self { points: Vec::with_capacity(LIMIT), stride: 1, waiting: 0, sum: 0.0 }
    }

    /// The next value; x grows from call to call.
    pub(crate) fn push(&mut self, x: f64, y: f64) {
        if !y.is_finite() {
            return;
        }
        self.waiting += 1;
        self.sum += y;
        if self.waiting < self.stride {
            return;
        }
        self.points.push((x, self.sum / self.waiting as f64));
        (self.waiting, self.sum) = (0, 0.0);
        if self.points.len() == LIMIT {
            self.merge();
        }
    }

    /// Two points become one, at the place of the second.
    fn merge(&mut self) {
        for i in 0..LIMIT / 2 {
            let ((_, a), (x, b)) = (self.points[2 * i], self.points[2 * i + 1]);
            self.points[i] = (x, f64::midpoint(a, b));
        }
        self.points.truncate(LIMIT / 2);
        self.stride *= 2;
    }

    /// The points, x ascending.
    pub(crate) fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_mean_in_the_same_memory() {
        let mut series = Series::new();
        let memory = series.points.as_ptr();
        for i in 0..LIMIT * 64 {
            series.push(i as f64, i as f64);
        }
        let points = series.points();
        assert_eq!((points.as_ptr(), points.len() <= LIMIT), (memory, true));
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // Each point is the mean of the values that end at its place.
        let half = (series.stride - 1) as f64 / 2.0;
        for &(x, y) in points {
            assert!((y - (x - half)).abs() < 1e-9, "{x} {y}");
        }
        assert_eq!(points.last().map(|point| point.0 as usize), Some(LIMIT * 64 - 1));
    }

    #[test]
    fn what_is_no_number_leaves_a_gap() {
        let mut series = Series::new();
        for (x, y) in [(0.0, 1.0), (1.0, f64::NAN), (2.0, f64::INFINITY), (3.0, 2.0)] {
            series.push(x, y);
        }
        assert_eq!(series.points(), [(0.0, 1.0), (3.0, 2.0)]);
    }
}
