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
    let axis = |input, size, stride| {
        Window::new(input, size, stride, padding).map_err(|e| explain(size_key, padding, &e))
    };
    Ok([axis(input[0], size.h, strides.h)?, axis(input[1], size.w, strides.w)?])
}

fn explain(size_key: &'static str, padding: Padding, error: &WindowError) -> BuildError {
    let message = error.to_string();
    let (key, code, hint) = match error {
        WindowError::ZeroStride => {
            ("strides", "M033", "strides = 1 moves the window pixel by pixel".to_owned())
        }
        WindowError::ZeroKernel => (size_key, "M033", format!("{size_key} = 2 or 3 is usual")),
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
        _ => (size_key, "M035", "sizes of a few hundred pixels are usual".to_owned()),
    };
    BuildError { key: Some(key), code, message, hint }
}
