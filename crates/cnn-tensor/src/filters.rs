//! Convolution on one grey plane: kernels with names, kernels as text, and one output pixel followed by hand.
//!
//! A plane is `[h, w]` with numbers from 0 (black) to 255 (white). As everywhere here, "convolution" is cross-correlation: the
//! kernel is laid over the image as it is written, not turned round.

use crate::ops::{self, TensorError};
use crate::{Padding, Window};
use ndarray::{Array2, Array4, ArrayView2, Axis};
use thiserror::Error;

/// A kernel with a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named {
    /// As `cnn convolve --kernel` takes it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// The numbers, row by row.
    pub rows: &'static [&'static [f64]],
    /// The factor that goes with them, so that a kernel of sum 16 does not make the picture 16 times as bright.
    pub weight: f64,
}

const SOBEL_X: &[&[f64]] = &[&[-1.0, 0.0, 1.0], &[-2.0, 0.0, 2.0], &[-1.0, 0.0, 1.0]];
const SOBEL_Y: &[&[f64]] = &[&[-1.0, -2.0, -1.0], &[0.0, 0.0, 0.0], &[1.0, 2.0, 1.0]];

const fn one(name: &'static str, about: &'static str, rows: &'static [&'static [f64]]) -> Named {
    Named { name, about, rows, weight: 1.0 }
}

/// The kernels that have a name. `vertical` and `horizontal` are the course's words for what books call the Sobel kernels.
///
/// Sources: Sobel and Feldman 1968 (as in Duda and Hart 1973), Prewitt 1970, Scharr 2000, Burt and Adelson 1983 (the 5×5
/// binomial).
pub const NAMED: [Named; 15] = [
    one("identity", "the picture itself", &[&[0.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 0.0]]),
    one("vertical", "vertical lines, the course's filter (= sobel-x)", SOBEL_X),
    one("horizontal", "horizontal lines, the course's filter (= sobel-y)", SOBEL_Y),
    one("sobel-x", "change from left to right", SOBEL_X),
    one("sobel-y", "change from top to bottom", SOBEL_Y),
    one(
        "scharr-x",
        "as sobel-x, the same in all directions",
        &[&[-3.0, 0.0, 3.0], &[-10.0, 0.0, 10.0], &[-3.0, 0.0, 3.0]],
    ),
    one(
        "scharr-y",
        "as sobel-y, the same in all directions",
        &[&[-3.0, -10.0, -3.0], &[0.0, 0.0, 0.0], &[3.0, 10.0, 3.0]],
    ),
    one(
        "prewitt-x",
        "as sobel-x, all rows alike",
        &[&[-1.0, 0.0, 1.0], &[-1.0, 0.0, 1.0], &[-1.0, 0.0, 1.0]],
    ),
    one(
        "prewitt-y",
        "as sobel-y, all columns alike",
        &[&[-1.0, -1.0, -1.0], &[0.0, 0.0, 0.0], &[1.0, 1.0, 1.0]],
    ),
    one(
        "laplacian",
        "edges in all directions, the course's filter",
        &[&[0.0, 1.0, 0.0], &[1.0, -4.0, 1.0], &[0.0, 1.0, 0.0]],
    ),
    one(
        "sharpen",
        "the picture with stronger edges",
        &[&[0.0, -1.0, 0.0], &[-1.0, 5.0, -1.0], &[0.0, -1.0, 0.0]],
    ),
    one(
        "emboss",
        "a relief lit from the bottom right",
        &[&[-2.0, -1.0, 0.0], &[-1.0, 1.0, 1.0], &[0.0, 1.0, 2.0]],
    ),
    Named {
        name: "box",
        about: "blur: the mean of 9 pixels",
        rows: &[&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]],
        weight: 1.0 / 9.0,
    },
    Named {
        name: "gaussian",
        about: "softer blur: near pixels count more",
        rows: &[&[1.0, 2.0, 1.0], &[2.0, 4.0, 2.0], &[1.0, 2.0, 1.0]],
        weight: 1.0 / 16.0,
    },
    Named {
        name: "gaussian-5",
        about: "the same over 5×5 pixels",
        rows: &[
            &[1.0, 4.0, 6.0, 4.0, 1.0],
            &[4.0, 16.0, 24.0, 16.0, 4.0],
            &[6.0, 24.0, 36.0, 24.0, 6.0],
            &[4.0, 16.0, 24.0, 16.0, 4.0],
            &[1.0, 4.0, 6.0, 4.0, 1.0],
        ],
        weight: 1.0 / 256.0,
    },
];

impl Named {
    /// The kernel of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        NAMED.iter().find(|named| named.name == name)
    }

    /// The numbers as `[kh, kw]`.
    pub fn kernel(&self) -> Array2<f64> {
        let width = self.rows.first().map_or(0, |row| row.len());
        Array2::from_shape_fn((self.rows.len(), width), |(y, x)| self.rows[y][x])
    }
}

/// Rows and columns of a kernel, at most.
pub const MAX_SIDE: usize = 255;

/// Size of a kernel's number, at most: beyond it sums of bytes are no longer exact in 32 bits.
pub const MAX_NUMBER: f64 = 1e6;

/// Why a text is no kernel.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelTextError {
    /// There is no number.
    #[error("the kernel is empty: expected rows of numbers")]
    Empty,
    /// A word is not a number.
    #[error("row {row}, place {place}: `{word}` is no number")]
    NotANumber {
        /// The row, from 1.
        row: usize,
        /// The place in the row, from 1.
        place: usize,
        /// What stands there.
        word: String,
    },
    /// A number is infinite, NaN or beyond [`MAX_NUMBER`].
    #[error("row {row}, place {place}: {word} is beyond 1000000")]
    TooLarge {
        /// The row, from 1.
        row: usize,
        /// The place in the row, from 1.
        place: usize,
        /// What stands there.
        word: String,
    },
    /// Commas and blanks both part numbers: `0 1 0, 1 -4 1` could be one row or two.
    #[error("row {row} parts its numbers by commas and by blanks")]
    Mixed {
        /// The row, from 1.
        row: usize,
    },
    /// A row is longer or shorter than the first.
    #[error("row {row} has {got} numbers, row 1 has {expected}")]
    Ragged {
        /// The row, from 1.
        row: usize,
        /// Numbers in the first row.
        expected: usize,
        /// Numbers in this row.
        got: usize,
    },
    /// More rows or columns than [`MAX_SIDE`].
    #[error("the kernel has {height} rows of {width} numbers; at most {MAX_SIDE} of each")]
    TooMany {
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
}

/// Reads a kernel `[kh, kw]`: rows end with `;` or at a line's end, numbers are parted by spaces or by commas, `1/9` is a number,
/// and what follows `#` is a remark. Any size: odd or even, square or not.
///
/// # Errors
/// No number, a word that is none, one beyond ±1,000,000, rows of different lengths, more than 255 rows or columns.
///
/// ```
/// use cnn_tensor::filters;
/// let kernel = filters::parse("0 1 0; 1 -4 1; 0 1 0")?;
/// assert_eq!(kernel, filters::Named::find("laplacian").expect("it has a name").kernel());
/// assert_eq!(filters::show(&kernel), "0 1 0; 1 -4 1; 0 1 0");
/// # Ok::<(), filters::KernelTextError>(())
/// ```
pub fn parse(text: &str) -> Result<Array2<f64>, KernelTextError> {
    let mut numbers = Vec::new();
    let (mut height, mut width) = (0, 0);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    for line in lines.flat_map(|line| line.split(';')).filter(|row| !row.trim().is_empty()) {
        height += 1;
        let several = |cell: &str| cell.split_whitespace().nth(1).is_some();
        if line.contains(',') && line.split(',').any(several) {
            return Err(KernelTextError::Mixed { row: height });
        }
        let words = line.split([' ', '\t', ',', '\r']).filter(|word| !word.is_empty());
        let before = numbers.len();
        for (place, word) in words.enumerate() {
            numbers.push(number(word, height, place + 1)?);
        }
        let got = numbers.len() - before;
        width = if height == 1 { got } else { width };
        if got != width {
            return Err(KernelTextError::Ragged { row: height, expected: width, got });
        }
    }
    if width == 0 {
        return Err(KernelTextError::Empty);
    }
    if height > MAX_SIDE || width > MAX_SIDE {
        return Err(KernelTextError::TooMany { height, width });
    }
    Array2::from_shape_vec((height, width), numbers).map_err(|_| KernelTextError::Empty)
}

/// A decimal number or a fraction.
fn number(word: &str, row: usize, place: usize) -> Result<f64, KernelTextError> {
    let plain = |text: &str| text.parse::<f64>().ok();
    let value = match word.split_once('/') {
        Some((above, below)) => plain(above).zip(plain(below)).map(|(above, below)| above / below),
        None => plain(word),
    };
    let word = || word.chars().take(40).collect();
    match value {
        Some(value) if value.abs() <= MAX_NUMBER => Ok(value),
        Some(_) => Err(KernelTextError::TooLarge { row, place, word: word() }),
        None => Err(KernelTextError::NotANumber { row, place, word: word() }),
    }
}

/// A kernel as [`parse`] reads it, in one line.
pub fn show(kernel: &Array2<f64>) -> String {
    let rows = kernel
        .rows()
        .into_iter()
        .map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    rows.collect::<Vec<_>>().join("; ")
}

/// How a result becomes a picture of bytes. Negative numbers have no grey of their own: every rule gives something away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Display {
    /// Below 0 is black, beyond 255 white. The course's rule.
    #[default]
    Clamp,
    /// The sign is dropped: strong is bright, whichever way.
    Abs,
    /// 0 is the middle grey 128; below −128 is black, beyond 127 white.
    Shift,
    /// The smallest number is black, the largest white.
    Stretch,
}

impl Display {
    /// The bytes `[h, w]` for a plane of numbers. Fractions are rounded to the nearest.
    pub fn bytes(self, plane: &ArrayView2<'_, f32>) -> Array2<u8> {
        let (low, high) = plane
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        let span = if high > low { high - low } else { 1.0 };
        plane.mapv(|v| {
            let grey = match self {
                Self::Clamp => v,
                Self::Abs => v.abs(),
                Self::Shift => v + 128.0,
                Self::Stretch => (v - low) / span * 255.0,
            };
            // A cast to a byte clamps.
            grey.round() as u8
        })
    }
}

/// How a kernel is laid over a plane, and what is made of its sums: `sum × weight + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The numbers `[kh, kw]`.
    pub kernel: Array2<f64>,
    /// Factor on the sum.
    pub weight: f64,
    /// Added at the end.
    pub bias: f64,
    /// Steps down and to the right.
    pub strides: [usize; 2],
    /// What lies beyond the border: nothing, or zeros.
    pub padding: Padding,
}

impl Filter {
    /// This kernel at every place where it fits, without weight and bias.
    pub fn new(kernel: Array2<f64>) -> Self {
        Self { kernel, weight: 1.0, bias: 0.0, strides: [1, 1], padding: Padding::Valid }
    }

    /// The windows along height and width over a plane of `h`×`w` pixels.
    ///
    /// # Errors
    /// A kernel larger than the padded plane, a stride of 0, a size of 0.
    pub fn windows(&self, (h, w): (usize, usize)) -> Result<[Window; 2], TensorError> {
        let (kh, kw) = self.kernel.dim();
        let axis = |size, kernel, stride| {
            Window::new(size, kernel, stride, self.padding)
                .map_err(|source| TensorError::Window { operation: "conv2d", source })
        };
        Ok([axis(h, kh, self.strides[0])?, axis(w, kw, self.strides[1])?])
    }

    /// Convolves a plane: `[h, w]` → `[O(h), O(w)]`, in 32 bits, with [`ops::conv2d`].
    ///
    /// # Errors
    /// Those of [`Filter::windows`], and a result beyond 2^30 numbers.
    ///
    /// ```
    /// use cnn_tensor::filters::{Filter, Named};
    /// use ndarray::array;
    /// let edge = array![[0.0f32, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 9.0]];
    /// let vertical = Filter::new(Named::find("vertical").expect("it has a name").kernel());
    /// assert_eq!(vertical.apply(&edge.view())?, array![[36.0f32, 36.0]]);
    /// # Ok::<(), cnn_tensor::ops::TensorError>(())
    /// ```
    pub fn apply(&self, plane: &ArrayView2<'_, f32>) -> Result<Array2<f32>, TensorError> {
        let kernel: Array4<f32> =
            self.kernel.mapv(|v| v as f32).insert_axis(Axis(2)).insert_axis(Axis(3));
        let image = plane.view().insert_axis(Axis(0)).insert_axis(Axis(3));
        let y = ops::conv2d(image, kernel.view(), None, self.strides, self.padding)?;
        let (weight, bias) = (self.weight, self.bias);
        Ok(flat(y).mapv_into(|sum| (f64::from(sum) * weight + bias) as f32))
    }

    /// Follows the output pixel at row `at[0]`, column `at[1]`: its window, the products, their sum.
    ///
    /// # Errors
    /// Those of [`Filter::windows`], and a place outside of the output.
    pub fn trace(&self, plane: &ArrayView2<'_, f32>, at: [usize; 2]) -> Result<Trace, TensorError> {
        let windows = self.windows(plane.dim())?;
        for (what, at, axis) in
            [("the traced row", at[0], &windows[0]), ("the traced column", at[1], &windows[1])]
        {
            if at >= axis.output {
                let expected = axis.output - 1;
                return Err(TensorError::Mismatch { operation: "trace", what, expected, got: at });
            }
        }
        let first = [0, 1]
            .map(|axis| (at[axis] * windows[axis].stride) as isize - windows[axis].before as isize);
        let pixel = |y: usize, x: usize| {
            let inside = |v: isize| usize::try_from(v).ok();
            let (y, x) = (inside(first[0] + y as isize)?, inside(first[1] + x as isize)?);
            plane.get((y, x)).map(|&v| f64::from(v))
        };
        let window = Array2::from_shape_fn(self.kernel.dim(), |(y, x)| pixel(y, x));
        let products =
            ndarray::Zip::from(&window).and(&self.kernel).map_collect(|v, k| v.unwrap_or(0.0) * k);
        let sum = products.iter().sum();
        Ok(Trace { first, window, products, sum, result: sum * self.weight + self.bias })
    }
}

/// How one output pixel came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Row and column of the window's first pixel; negative in the padding.
    pub first: [isize; 2],
    /// The pixels under the kernel `[kh, kw]`; `None` beyond the border, which counts as 0.
    pub window: Array2<Option<f64>>,
    /// Pixel × kernel, one by one.
    pub products: Array2<f64>,
    /// The products' sum.
    pub sum: f64,
    /// The sum × weight + bias.
    pub result: f64,
}

/// Which number stands for a pool's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest.
    Max,
    /// The mean.
    Average,
}

impl Pool {
    /// Pools windows of `n`×`n` that do not overlap: `[h, w]` → `[floor(h/n), floor(w/n)]`. What is left over at the right and
    /// the bottom is dropped, as in Keras.
    ///
    /// # Errors
    /// A window larger than the plane, of 0 pixels, or beyond 65,536 pixels.
    pub fn apply(self, plane: &ArrayView2<'_, f32>, n: usize) -> Result<Array2<f32>, TensorError> {
        let image = plane.view().insert_axis(Axis(0)).insert_axis(Axis(3));
        let pool = match self {
            Self::Max => ops::max_pool2d,
            Self::Average => ops::average_pool2d,
        };
        Ok(flat(pool(image, [n, n], [n, n], Padding::Valid)?))
    }
}

/// The only plane of `[1, h, w, 1]`.
fn flat(y: Array4<f32>) -> Array2<f32> {
    y.remove_axis(Axis(3)).remove_axis(Axis(0))
}
