//! The sliding window of a layer in two dimensions, and the errors that teach about it.

use crate::layer::BuildError;
use crate::layers::Pair;
use cnn_tensor::{Padding, Window, WindowError};

/// The windows along height and width; `size_key` names the layer's window key (`kernel_size`, `pool_size`).
pub(crate) fn windows(
    size_key: &'static str,
    input: [usize; 2],
    size: Pair,
    strides: Pair,
    padding: Padding,
) -> Result<[Window; 2], BuildError> {
    dilated_windows(size_key, input, size, strides, 1.into(), padding)
}

/// The same for windows whose taps lie `dilation` apart. Strides along one axis and a dilation along the other do not go together
/// either, as in Keras.
pub(crate) fn dilated_windows(
    size_key: &'static str,
    input: [usize; 2],
    size: Pair,
    strides: Pair,
    dilation: Pair,
    padding: Padding,
) -> Result<[Window; 2], BuildError> {
    let axis = |input, size, stride, dilation| {
        Window::dilated(input, size, stride, dilation, padding)
            .map_err(|e| explain(size_key, padding, &e))
    };
    let (stride, most) = (strides.h.max(strides.w), dilation.h.max(dilation.w));
    let windows = [
        axis(input[0], size.h, strides.h, dilation.h)?,
        axis(input[1], size.w, strides.w, dilation.w)?,
    ];
    if stride > 1 && most > 1 {
        let error = WindowError::StrideAndDilation { stride, dilation: most };
        return Err(explain(size_key, padding, &error));
    }
    Ok(windows)
}

fn explain(size_key: &'static str, padding: Padding, error: &WindowError) -> BuildError {
    let message = error.to_string();
    let (key, code, hint) = match error {
        WindowError::ZeroStride => {
            ("strides", "M033", "strides = 1 moves the window pixel by pixel".to_owned())
        }
        WindowError::ZeroKernel => (size_key, "M033", format!("{size_key} = 2 or 3 is usual")),
        WindowError::ZeroDilation => {
            ("dilation_rate", "M033", "dilation_rate = 1 is the usual kernel".to_owned())
        }
        WindowError::StrideAndDilation { .. } => ("dilation_rate", "M033", error.hint().to_owned()),
        WindowError::KernelTooLarge { dilation: 2.., .. } => (
            "dilation_rate",
            "M031",
            format!("use a smaller dilation_rate or {size_key}, or set padding = \"same\""),
        ),
        WindowError::KernelTooLarge { input, .. } => {
            let smaller = format!(
                "use {size_key} = {input} or less, or remove a pooling layer before this one"
            );
            let hint = if padding == Padding::Valid {
                format!("{smaller}, or set padding = \"same\"")
            } else {
                smaller
            };
            (size_key, "M031", hint)
        }
        WindowError::TooLarge { what, .. } => {
            let key = match *what {
                "stride" => "strides",
                "dilation" | "dilated kernel" => "dilation_rate",
                "padding" | "padded input" => "padding",
                _ => size_key,
            };
            (key, "M035", "sizes of a few hundred pixels are usual".to_owned())
        }
        _ => (size_key, "M035", "sizes of a few hundred pixels are usual".to_owned()),
    };
    BuildError { key: Some(key), code, message, hint }
}
