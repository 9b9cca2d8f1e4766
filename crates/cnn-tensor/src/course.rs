//! The arithmetic of the course's convolution lab, pixel for pixel.
//!
//! Source: DeepLearning.AI TensorFlow Developer, `C1/W3/ungraded_labs/C1_W3_Lab_2_exploring_convolutions.ipynb`. The lab reads
//! from the original and writes into a copy of it, so the border that no full window reaches keeps its pixels; each sum is
//! multiplied by the weight, clamped to 0..255, and loses its fraction when it is stored into the image of whole numbers.

use crate::filters::{Filter, Pool};
use crate::ops::TensorError;
use crate::{Padding, Window};
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// The lab's convolution: `[h, w]` → the same size. A border of half the kernel keeps the original's pixels; the lab's 3×3
/// kernel leaves 1 pixel. (An even kernel leaves one more at the bottom and the right than at the top and the left.)
///
/// # Errors
/// A kernel larger than the image.
///
/// ```
/// use cnn_tensor::{course, filters::Named};
/// use ndarray::array;
/// let image = array![[10, 10, 90], [10, 10, 90], [10, 10, 90]];
/// let vertical = Named::find("vertical").expect("it has a name").kernel();
/// // 4 · 90 − 4 · 10 = 320, clamped; all else is border.
/// assert_eq!(course::convolve(&image.view(), &vertical, 1.0)?, array![[10, 10, 90], [10, 255, 90], [10, 10, 90]]);
/// # Ok::<(), cnn_tensor::ops::TensorError>(())
/// ```
pub fn convolve(
    image: &ArrayView2<'_, u8>,
    kernel: &Array2<f64>,
    weight: f64,
) -> Result<Array2<u8>, TensorError> {
    let (kh, kw) = kernel.dim();
    let [rows, cols] = [(image.nrows(), kh), (image.ncols(), kw)].map(|(size, kernel)| {
        Window::new(size, kernel, 1, Padding::Valid)
            .map_err(|source| TensorError::Window { operation: "the lab's convolution", source })
    });
    let (rows, cols) = (rows?, cols?);
    let mut result = image.to_owned();
    let (top, left) = ((kh - 1) / 2, (kw - 1) / 2);
    let mut written = result.slice_each_axis_mut(|axis| match axis.axis {
        Axis(0) => Slice::from(top..top + rows.output),
        _ => Slice::from(left..left + cols.output),
    });
    for (window, pixel) in image.windows((kh, kw)).into_iter().zip(&mut written) {
        // In the lab's order, and in 64 bits as Python has them.
        let sum = window.iter().zip(kernel).fold(0.0, |sum, (&p, k)| sum + f64::from(p) * k);
        *pixel = store(sum * weight);
    }
    Ok(result)
}

/// Clamped to 0..255, its fraction dropped.
pub fn store(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// The lab's convolution as a [`Filter`], to trace a pixel: windows are centred on the pixel. Where one reaches beyond the image
/// ([`crate::filters::Trace::window`] has a `None`), the lab keeps the pixel.
pub fn filter(kernel: Array2<f64>, weight: f64) -> Filter {
    Filter { weight, padding: Padding::Same, ..Filter::new(kernel) }
}

/// The lab's 2×2 max pooling: `[h, w]` → `[floor(h/2), floor(w/2)]` floats. The lab stops with an error where a side is odd;
/// here its last row or column is dropped, as Keras does.
///
/// # Errors
/// A side of less than 2 pixels.
pub fn max_pool(image: &ArrayView2<'_, u8>) -> Result<Array2<f32>, TensorError> {
    Pool::Max.apply(&image.mapv(f32::from).view(), 2)
}
