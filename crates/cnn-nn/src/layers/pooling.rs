//! What the pooling layers share: the check of their windows.

use super::{Pair, bad_key, image_shape};
use crate::layer::{BuildError, Built, Facts, Layer};
use crate::window::windows;
use cnn_kernels::max_pool::PoolGeometry;
use cnn_tensor::{Padding, Shape, Window, pool_geometry};

/// Winners are kept as 16-bit positions inside their window.
const MAX_WINDOW: usize = 1 << 16;

/// The layer that `of` makes of the windows, for pooling layers of `kind` with the usual keys.
pub(super) fn built<L: Layer + 'static>(
    kind: &str,
    input: &Shape,
    [pool, strides]: [Pair; 2],
    padding: Padding,
    of: impl Fn(PoolGeometry) -> L,
) -> Result<Built, BuildError> {
    let [h, w, c] = image_shape(kind, input)?;
    if pool.h.checked_mul(pool.w).is_none_or(|area| area > MAX_WINDOW) {
        let message = format!("a pool of {}×{} has more than {MAX_WINDOW} pixels", pool.h, pool.w);
        return Err(bad_key("pool_size", "M034", message, "pool_size = 2 halves the image"));
    }
    let [rows, cols] = windows("pool_size", [h, w], pool, strides, padding)?;
    if rows.has_padding_only_window() || cols.has_padding_only_window() {
        let message = format!(
            "padding {} leaves pooling windows with no pixel in them",
            rows.before.max(cols.before)
        );
        let hint = "the padding must be smaller than pool_size";
        return Err(bad_key("padding", "M034", message, hint));
    }
    Ok(Built {
        layer: Box::new(of(pool_geometry([rows, cols], c))),
        output: Shape::new(vec![rows.output, cols.output, c]),
        params: Vec::new(),
        facts: Facts { windows: vec![[rows, cols]], ..Facts::default() },
    })
}

/// The layer that `of` makes of one window as large as the image, for global pooling of `kind`.
pub(super) fn global<L: Layer + 'static>(
    kind: &str,
    input: &Shape,
    keepdims: bool,
    of: impl Fn(PoolGeometry) -> L,
) -> Result<Built, BuildError> {
    let [h, w, c] = image_shape(kind, input)?;
    if h.checked_mul(w).is_none_or(|area| area > MAX_WINDOW) {
        return Err(BuildError {
            key: None,
            code: "M034",
            message: format!("{kind} over an image of {h}×{w}, more than {MAX_WINDOW} pixels"),
            hint: "shrink the image first, with strides or a pooling".to_owned(),
        });
    }
    let whole = |n| Window::new(n, n, 1, Padding::Valid);
    let (Ok(rows), Ok(cols)) = (whole(h), whole(w)) else {
        return Err(BuildError {
            key: None,
            code: "M035",
            message: format!("{kind} over an image of {h}×{w}"),
            hint: "the image needs at least one pixel".to_owned(),
        });
    };
    Ok(Built {
        layer: Box::new(of(pool_geometry([rows, cols], c))),
        output: Shape::new(if keepdims { vec![1, 1, c] } else { vec![c] }),
        params: Vec::new(),
        facts: Facts { windows: vec![[rows, cols]], sees_all: true, macs: 0 },
    })
}
