//! Weights as TensorBoard shows them: a histogram of their values, and a picture.

/// Buckets of a histogram, as TensorBoard's own.
const BUCKETS: usize = 30;

/// Rows of left edge, right edge and count: 30 buckets of equal width from the smallest value to the largest. Where all values
/// are equal, every edge is that value, and the last bucket has them all. Values that are NaN or infinite are left out; without
/// any other there are no rows.
///
/// **Source**: TensorBoard `plugins/histogram/summary_v2.py`, `_buckets`.
pub(super) fn histogram(values: &[f32]) -> Vec<[f64; 3]> {
    let values = || values.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
    let (min, max) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if min > max {
        return Vec::new();
    }
    let mut rows = vec![[max, max, 0.0]; BUCKETS];
    let range = max - min;
    if range == 0.0 {
        rows[BUCKETS - 1][2] = values().count() as f64;
        return rows;
    }
    let width = range / BUCKETS as f64;
    for x in values() {
        let bucket = ((x - min) / width).floor() as usize;
        rows[bucket.min(BUCKETS - 1)][2] += 1.0;
    }
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = min + width * i as f64;
        row[1] = if i + 1 == BUCKETS { max } else { min + width * (i + 1) as f64 };
    }
    rows
}

/// A grey picture: 128 is 0, white is the largest weight and black its negative; row by row.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// A tensor as one picture: a bias as a row; a Dense kernel as a table, its longer axis across; a convolution's kernel as a grid
/// with the inputs down, the filters across and a black line between. `None` for a tensor of other dimensions, without numbers,
/// or with one that is not finite.
pub(super) fn picture(shape: &[usize], values: &[f32]) -> Option<Picture> {
    let largest = values.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let sound = values.len() == shape.iter().product::<usize>() && !values.is_empty();
    if !sound || values.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let grey = |x: f32| {
        let share = if largest > 0.0 { x / largest } else { 0.0 };
        (127.5 + 127.5 * share).round() as u8
    };
    match *shape {
        [n] => {
            Some(Picture { width: n, height: 1, pixels: values.iter().map(|&x| grey(x)).collect() })
        }
        [rows, columns] => {
            let (height, width) = (rows.min(columns), rows.max(columns));
            let at = |y: usize, x: usize| {
                if rows <= columns { y * columns + x } else { x * columns + y }
            };
            let pixels =
                (0..height * width).map(|i| grey(values[at(i / width, i % width)])).collect();
            Some(Picture { width, height, pixels })
        }
        [kh, kw, inputs, filters] => {
            let (height, width) = (inputs * (kh + 1) - 1, filters * (kw + 1) - 1);
            let pixel = |y: usize, x: usize| {
                let (input, ky, filter, kx) =
                    (y / (kh + 1), y % (kh + 1), x / (kw + 1), x % (kw + 1));
                let inside = ky < kh && kx < kw;
                let at = ((ky * kw + kx) * inputs + input) * filters + filter;
                if inside { grey(values[at]) } else { 0 }
            };
            let pixels = (0..height * width).map(|i| pixel(i / width, i % width)).collect();
            Some(Picture { width, height, pixels })
        }
        _ => None,
    }
}

impl Picture {
    /// As a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut bytes, size(self.width), size(self.height));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.pixels)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_kernel_is_a_grid_of_its_filters() {
        // Two inputs, three filters of 1 × 2: filter f of input i has the weights 10·i + f and its negative.
        let shape = [1, 2, 2, 3];
        let values: Vec<f32> = (0..12)
            .map(|at| {
                let (kx, input, filter) = (at / 6, at / 3 % 2, at % 3);
                let x = (10 * input + filter) as f32;
                if kx == 0 { x } else { -x }
            })
            .collect();
        let picture = picture(&shape, &values).unwrap();
        assert_eq!((picture.width, picture.height), (8, 3));
        let grey = |x: f32| (127.5 + 127.5 * x / 12.0).round() as u8;
        let row = |base: f32| {
            let pair = |f: f32| [grey(base + f), grey(-base - f)];
            [&pair(0.0)[..], &[0], &pair(1.0), &[0], &pair(2.0)].concat()
        };
        assert_eq!(picture.pixels, [row(0.0), vec![0; 8], row(10.0)].concat());
    }

    #[test]
    fn a_tall_table_lies_down_and_what_cannot_be_drawn_is_left() {
        let tall = picture(&[3, 1], &[1.0, 0.0, -1.0]).unwrap();
        assert_eq!(tall, picture(&[3], &[1.0, 0.0, -1.0]).unwrap());
        assert_eq!((tall.width, tall.height, tall.pixels), (3, 1, vec![255, 128, 0]));
        assert_eq!(picture(&[2], &[0.0, 0.0]).unwrap().pixels, [128, 128]);
        for (shape, values) in [(&[2][..], &[1.0, f32::NAN][..]), (&[0], &[]), (&[1, 1, 1], &[1.0])]
        {
            assert_eq!(picture(shape, values), None);
        }
        assert!(histogram(&[f32::NAN, f32::INFINITY]).is_empty());
    }

    proptest! {
        #[test]
        fn every_value_is_in_a_bucket(values in prop::collection::vec(-1e3f32..1e3, 1..200)) {
            let rows = histogram(&values);
            let count: f64 = rows.iter().map(|row| row[2]).sum();
            prop_assert_eq!(count as usize, values.len());
            let smallest = values.iter().copied().fold(f32::INFINITY, f32::min);
            let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(rows[0][0].to_bits(), f64::from(smallest).to_bits());
            prop_assert_eq!(rows[29][1].to_bits(), f64::from(largest).to_bits());
            prop_assert!(rows.windows(2).all(|pair| pair[0][1].to_bits() == pair[1][0].to_bits()));
        }
    }
}
