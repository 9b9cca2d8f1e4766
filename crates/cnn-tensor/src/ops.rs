//! Convolution, pooling and dense products on `ndarray` views, for people who want to see one operation at work.
//!
//! Images are `[n, h, w, c]`, convolution kernels `[kh, kw, c, filters]`, dense kernels `[in, out]`. Views need not be
//! contiguous: they are copied where they are not.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a view is a pointer and its sizes: by value is ndarray's habit"
)]

use crate::{Padding, Window, WindowError, conv_geometry, pool_geometry};
use cnn_kernels::{Isa, activation, conv, dense as dense_kernel, max_pool};
use ndarray::{
    Array, Array2, Array4, ArrayView1, ArrayView2, ArrayView4, CowArray, Dimension, IntoDimension,
};
use std::ops::Range;
use thiserror::Error;

/// Why an operation cannot be done on these arrays.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorError {
    /// Two sizes that must be equal are not.
    #[error("{operation}: {what} is {got}, expected {expected}")]
    Mismatch {
        /// The operation.
        operation: &'static str,
        /// Which size.
        what: &'static str,
        /// The size that would fit.
        expected: usize,
        /// The size that came.
        got: usize,
    },
    /// The window does not fit the image.
    #[error("{operation}: {source}")]
    Window {
        /// The operation.
        operation: &'static str,
        /// The arithmetic.
        source: WindowError,
    },
    /// A pooling window beyond 65,536 pixels, or one that lies wholly in the padding.
    #[error(
        "{operation}: a window of {height}×{width} pixels with this padding has nothing that can be kept"
    )]
    Pool {
        /// The operation.
        operation: &'static str,
        /// The window's height.
        height: usize,
        /// The window's width.
        width: usize,
    },
    /// An axis that has to be summed over, or shown, is empty.
    #[error("{operation}: {what} is 0, expected at least 1")]
    Empty {
        /// The operation.
        operation: &'static str,
        /// Which axis.
        what: &'static str,
    },
    /// The result would not fit in memory.
    #[error("{operation}: the result {shape:?} has more than {limit} numbers", limit = MAX_LEN)]
    TooLarge {
        /// The operation.
        operation: &'static str,
        /// The result's sizes.
        shape: Vec<usize>,
    },
}

/// Numbers in a result, at most (4 GiB of them).
const MAX_LEN: usize = 1 << 30;

impl TensorError {
    /// What would work.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Mismatch { .. } => {
                "images are [n, h, w, c], kernels [kh, kw, c, filters] or [in, out], a bias has one number per filter"
            }
            Self::Window { source, .. } => source.hint(),
            Self::Empty { .. } => "a grey image has 1 channel, a colour image 3",
            Self::TooLarge { .. } => "use a smaller padding or fewer images at once",
            Self::Pool { .. } => "use a pool of 2 or 3, and a padding smaller than it",
        }
    }
}

fn expect(
    operation: &'static str,
    what: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), TensorError> {
    if expected == got {
        Ok(())
    } else {
        Err(TensorError::Mismatch { operation, what, expected, got })
    }
}

/// Zeros of this shape, if they are few enough.
fn zeros<const N: usize, D: Dimension>(
    operation: &'static str,
    shape: [usize; N],
) -> Result<Array<f32, D>, TensorError>
where
    [usize; N]: IntoDimension<Dim = D>,
{
    let fits = shape
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(dim.max(1)))
        .is_some_and(|len| len <= MAX_LEN);
    if fits {
        Ok(Array::zeros(shape.into_dimension()))
    } else {
        Err(TensorError::TooLarge { operation, shape: shape.to_vec() })
    }
}

fn windows(
    operation: &'static str,
    sizes: [usize; 2],
    kernel: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Result<[Window; 2], TensorError> {
    let axis = |i: usize| {
        Window::new(sizes[i], kernel[i], strides[i], padding)
            .map_err(|source| TensorError::Window { operation, source })
    };
    Ok([axis(0)?, axis(1)?])
}

/// The values in row-major order, copied only where the view has another.
fn contiguous<'a, D: Dimension>(view: &'a ndarray::ArrayView<'a, f32, D>) -> CowArray<'a, f32, D> {
    view.as_standard_layout()
}

fn slice<'a, D: Dimension>(array: &'a CowArray<'_, f32, D>) -> &'a [f32] {
    array.as_slice().unwrap_or_default()
}

/// 2-D cross-correlation plus bias: `[n, h, w, c]` and `[kh, kw, c, f]` → `[n, O(h), O(w), f]`. Source: Keras `Conv2D`.
///
/// # Errors
/// Channels or bias that do not fit, no channels, a window larger than its padded input, a stride of 0, a result beyond
/// 2^30 numbers.
///
/// ```
/// use cnn_tensor::{Padding, ops};
/// use ndarray::{Array4, array};
/// let image = Array4::from_shape_vec((1, 1, 4, 1), vec![0.0, 0.0, 9.0, 9.0])?;
/// let edge = Array4::from_shape_vec((1, 2, 1, 1), vec![-1.0, 1.0])?;
/// let y = ops::conv2d(image.view(), edge.view(), None, [1, 1], Padding::Valid)?;
/// assert_eq!(y.as_slice(), Some(&[0.0, 9.0, 0.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conv2d(
    x: ArrayView4<'_, f32>,
    kernel: ArrayView4<'_, f32>,
    bias: Option<ArrayView1<'_, f32>>,
    strides: [usize; 2],
    padding: Padding,
) -> Result<Array4<f32>, TensorError> {
    const NAME: &str = "conv2d";
    let ((n, h, w, c), (kh, kw, kernel_c, f)) = (x.dim(), kernel.dim());
    expect(NAME, "the kernel's channel axis", c, kernel_c)?;
    if c == 0 {
        return Err(TensorError::Empty { operation: NAME, what: "the channel axis" });
    }
    if let Some(bias) = &bias {
        expect(NAME, "the bias", f, bias.len())?;
    }
    let g = conv_geometry(windows(NAME, [h, w], [kh, kw], strides, padding)?, c, f);
    let mut y: Array4<f32> = zeros(NAME, [n, g.oh, g.ow, f])?;
    let (x, kernel) = (contiguous(&x), contiguous(&kernel));
    let bias = bias.map_or_else(Vec::new, |bias| bias.to_vec());
    if let Some(y) = y.as_slice_mut().filter(|y| !y.is_empty()) {
        conv::forward(Isa::best(), &g, slice(&x), slice(&kernel), &bias, false, y);
    }
    Ok(y)
}

/// Maximum of each window: `[n, h, w, c]` → `[n, O(h), O(w), c]`. Padding counts as −∞. Source: Keras `MaxPooling2D`.
///
/// # Errors
/// A window larger than its padded input or wholly in the padding, a stride of 0, a result beyond 2^30 numbers.
pub fn max_pool2d(
    x: ArrayView4<'_, f32>,
    pool: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Result<Array4<f32>, TensorError> {
    let (n, h, w, c) = x.dim();
    let [rows, cols] = windows("max_pool2d", [h, w], pool, strides, padding)?;
    let area = pool[0].checked_mul(pool[1]).filter(|&area| area <= 1 << 16);
    if area.is_none() || rows.has_padding_only_window() || cols.has_padding_only_window() {
        return Err(TensorError::Pool { operation: "max_pool2d", height: pool[0], width: pool[1] });
    }
    let p = pool_geometry([rows, cols], c);
    let mut y: Array4<f32> = zeros("max_pool2d", [n, p.oh, p.ow, c])?;
    let x = contiguous(&x);
    if let Some(y) = y.as_slice_mut().filter(|y| !y.is_empty()) {
        max_pool::forward(Isa::best(), &p, slice(&x), y, &mut []);
    }
    Ok(y)
}

/// Mean of each window: `[n, h, w, c]` → `[n, O(h), O(w), c]`. Padding does not count, as in TensorFlow: a window that lies half in
/// the padding is the mean of its other half. Source: Keras `AveragePooling2D`.
///
/// # Errors
/// A window larger than its padded input or wholly in the padding, a stride of 0, a result beyond 2^30 numbers.
pub fn average_pool2d(
    x: ArrayView4<'_, f32>,
    pool: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Result<Array4<f32>, TensorError> {
    let (n, h, w, c) = x.dim();
    let [rows, cols] = windows("average_pool2d", [h, w], pool, strides, padding)?;
    if rows.has_padding_only_window() || cols.has_padding_only_window() {
        return Err(TensorError::Pool {
            operation: "average_pool2d",
            height: pool[0],
            width: pool[1],
        });
    }
    let mut y: Array4<f32> = zeros("average_pool2d", [n, rows.output, cols.output, c])?;
    for ((n, i, j, c), mean) in y.indexed_iter_mut() {
        let (rows, cols) = (inside(&rows, i), inside(&cols, j));
        let count = rows.len() * cols.len();
        let mut sum = 0.0;
        for row in rows {
            for col in cols.clone() {
                sum += f64::from(x[[n, row, col, c]]);
            }
        }
        *mean = (sum / count as f64) as f32;
    }
    Ok(y)
}

/// The input positions under window `o`, without the padding.
fn inside(window: &Window, o: usize) -> Range<usize> {
    let first = o * window.stride;
    let end = (first + window.kernel).saturating_sub(window.before).min(window.input);
    first.saturating_sub(window.before)..end
}

/// Product with a kernel plus bias: `[n, in]` and `[in, out]` → `[n, out]`. Source: Keras `Dense`.
///
/// # Errors
/// An inner size or a bias that does not fit, a result beyond 2^30 numbers.
pub fn dense(
    x: ArrayView2<'_, f32>,
    kernel: ArrayView2<'_, f32>,
    bias: Option<ArrayView1<'_, f32>>,
) -> Result<Array2<f32>, TensorError> {
    let ((n, n_in), (kernel_in, n_out)) = (x.dim(), kernel.dim());
    expect("dense", "the kernel's first axis", n_in, kernel_in)?;
    if let Some(bias) = &bias {
        expect("dense", "the bias", n_out, bias.len())?;
    }
    let mut y: Array2<f32> = zeros("dense", [n, n_out])?;
    let (x, kernel) = (contiguous(&x), contiguous(&kernel));
    let bias = bias.map_or_else(Vec::new, |bias| bias.to_vec());
    if let Some(y) = y.as_slice_mut().filter(|y| !y.is_empty()) {
        dense_kernel::forward(Isa::best(), n_in, n_out, slice(&x), slice(&kernel), &bias, y);
    }
    Ok(y)
}

/// `max(x, 0)` of every element; NaN stays NaN, as in the engine, so that a broken number is seen. Source: Keras `relu`.
pub fn relu<D: Dimension>(x: ndarray::ArrayView<'_, f32, D>) -> Array<f32, D> {
    let mut y = x.as_standard_layout().into_owned();
    if let Some(y) = y.as_slice_mut() {
        activation::relu(Isa::best(), y);
    }
    y
}

/// Exponentials over their sum, along the last axis: `[n, classes]` → the same. Source: Keras `softmax`.
pub fn softmax(x: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut y = x.as_standard_layout().into_owned();
    let classes = y.ncols();
    if let Some(y) = y.as_slice_mut().filter(|y| !y.is_empty()) {
        activation::softmax(Isa::best(), classes, y);
    }
    y
}

/// All axes but the first in one, row-major: `[n, h, w, c]` → `[n, h·w·c]`. Source: Keras `Flatten`.
pub fn flatten(x: ArrayView4<'_, f32>) -> Array2<f32> {
    let (n, h, w, c) = x.dim();
    let values = x.iter().copied().collect();
    Array2::from_shape_vec((n, h * w * c), values).unwrap_or_default()
}
