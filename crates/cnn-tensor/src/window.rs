//! One axis of a convolution or a pooling: how many windows fit, and why.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// How the border is treated.
///
/// In text formats: `"valid"`, `"same"`, or a number of rows added on each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Padding {
    /// No padding: windows lie inside the input.
    #[default]
    Valid,
    /// As many positions as make the output `ceil(input / stride)`. With an odd total the extra one
    /// goes after the input (bottom, right), as in Keras and TensorFlow.
    Same,
    /// This many positions before and as many after the input.
    Explicit(usize),
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Padding::Valid => f.write_str("valid"),
            Padding::Same => f.write_str("same"),
            Padding::Explicit(p) => write!(f, "{p}"),
        }
    }
}

/// The compact form for binary formats, which cannot tell a string from a number.
#[derive(Serialize, Deserialize)]
enum Tagged {
    Valid,
    Same,
    Explicit(u64),
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (serializer.is_human_readable(), *self) {
            (true, Padding::Explicit(p)) => serializer.serialize_u64(p as u64),
            (true, named) => serializer.collect_str(&named),
            (false, Padding::Valid) => Tagged::Valid.serialize(serializer),
            (false, Padding::Same) => Tagged::Same.serialize(serializer),
            (false, Padding::Explicit(p)) => Tagged::Explicit(p as u64).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(PaddingVisitor);
        }
        match Tagged::deserialize(deserializer)? {
            Tagged::Valid => Ok(Padding::Valid),
            Tagged::Same => Ok(Padding::Same),
            Tagged::Explicit(p) => PaddingVisitor.visit_u64(p),
        }
    }
}

impl JsonSchema for Padding {
    fn schema_name() -> Cow<'static, str> {
        "Padding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": r#""valid", "same", or pixels on each side such as 1"#,
            "anyOf": [
                { "enum": ["valid", "same"] },
                { "type": "integer", "minimum": 0 },
            ],
        })
    }
}

struct PaddingVisitor;

impl Visitor<'_> for PaddingVisitor {
    type Value = Padding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"valid\", \"same\" or a whole number of rows to add on each side, such as 1")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Padding, E> {
        match text {
            _ if text.eq_ignore_ascii_case("valid") => Ok(Padding::Valid),
            _ if text.eq_ignore_ascii_case("same") => Ok(Padding::Same),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, p: u64) -> Result<Padding, E> {
        let p =
            usize::try_from(p).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(p), &self))?;
        Ok(Padding::Explicit(p))
    }

    fn visit_i64<E: de::Error>(self, p: i64) -> Result<Padding, E> {
        let p =
            usize::try_from(p).map_err(|_| E::invalid_value(de::Unexpected::Signed(p), &self))?;
        Ok(Padding::Explicit(p))
    }
}

/// Why a window does not fit. The text shows the arithmetic.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// The input axis has no positions.
    #[error("the input has size 0: there is nothing to slide a window over")]
    EmptyInput,
    /// The kernel or pool has no positions.
    #[error("kernel size 0: a window covers at least 1 position")]
    ZeroKernel,
    /// The stride is zero.
    #[error("stride 0: the window would never move; a stride is at least 1")]
    ZeroStride,
    /// The dilation is zero.
    #[error("dilation 0: all taps would lie on one position; a dilation is at least 1")]
    ZeroDilation,
    /// Both stride and dilation are more than 1.
    #[error(
        "stride {stride} together with dilation {dilation}: at most one of them may be above 1"
    )]
    StrideAndDilation {
        /// Step.
        stride: usize,
        /// Distance of two taps.
        dilation: usize,
    },
    /// One of the sizes, or the padded input, is beyond [`Window::LIMIT`].
    #[error("{what} {value} is too large: the limit is {limit}", limit = Window::LIMIT)]
    TooLarge {
        /// Which size: "input", "kernel", "stride", "dilation", "dilated kernel", "padding" or "padded input".
        what: &'static str,
        /// Its value.
        value: u128,
    },
    /// Not a single window fits: the output size would be zero or negative.
    #[error("{}", kernel_too_large(*input, *kernel, *stride, *dilation, *padding))]
    KernelTooLarge {
        /// Input size.
        input: usize,
        /// Window size.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Distance of two taps.
        dilation: usize,
        /// Positions added on each side.
        padding: usize,
    },
}

impl WindowError {
    /// What to change so that the window fits.
    pub fn hint(&self) -> &'static str {
        match self {
            WindowError::EmptyInput => {
                "an earlier layer left nothing: remove a pooling layer or enlarge the input"
            }
            WindowError::ZeroKernel => {
                "use a kernel_size (pool_size) of 1 or more, such as 3 (2 for pooling)"
            }
            WindowError::ZeroStride => "use strides of 1 or more",
            WindowError::ZeroDilation => "use a dilation_rate of 1 or more",
            WindowError::StrideAndDilation { .. } => {
                "use strides = 1 with a dilation_rate, or dilation_rate = 1 with strides"
            }
            WindowError::TooLarge { .. } => "sizes of image axes are usually below 1000",
            WindowError::KernelTooLarge { .. } => {
                "remove a pooling or convolution layer before this one, use a smaller window, or set padding = \"same\""
            }
        }
    }
}

fn kernel_too_large(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
) -> String {
    let span = (kernel as i128 - 1) * dilation as i128 + 1;
    let room = input as i128 - span + 2 * padding as i128;
    let output = room.div_euclid(stride as i128) + 1;
    let padded = if padding == 0 { "input" } else { "padded input" };
    let size = if padding == 0 { input.to_string() } else { format!("{input} + 2·{padding}") };
    let covers = if dilation == 1 {
        String::new()
    } else {
        format!(", at dilation {dilation} as wide as {span},")
    };
    let taken = taken(kernel, dilation);
    format!(
        "kernel {kernel}{covers} is larger than the {padded} {size}: floor(({input} − {taken} + 2·{padding})/{stride}) + 1 = {}",
        signed(output)
    )
}

/// What a window takes of its axis: `3`, or `(2·(3 − 1) + 1)` where its taps lie 2 apart.
fn taken(kernel: usize, dilation: usize) -> String {
    if dilation == 1 { kernel.to_string() } else { format!("({dilation}·({kernel} − 1) + 1)") }
}

/// A number with a real minus sign (U+2212).
fn signed(value: i128) -> String {
    if value < 0 { format!("−{}", value.unsigned_abs()) } else { value.to_string() }
}

/// Sliding windows along one axis: `output = floor((input − span + before + after) / stride) + 1` with
/// `span = dilation·(kernel − 1) + 1`.
///
/// All sizes are counts of positions. Window `o` covers the padded positions
/// `o·stride .. o·stride + span`, i.e. the input positions from `o·stride − before`; its taps lie `dilation` apart.
///
/// ```
/// use cnn_tensor::{Padding, Window};
/// let window = Window::new(28, 3, 1, Padding::Valid)?;
/// assert_eq!(window.output, 26);
/// assert_eq!(window.derivation(), "(28 − 3 + 2·0)/1 + 1 = 26");
/// let dilated = Window::dilated(28, 3, 1, 4, Padding::Valid)?;
/// assert_eq!(dilated.derivation(), "(28 − (4·(3 − 1) + 1) + 2·0)/1 + 1 = 20");
/// # Ok::<(), cnn_tensor::WindowError>(())
/// ```
///
/// Source: Keras `operation_utils.compute_conv_output_shape` (valid, same), Dumoulin & Visin 2016.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Size of the input axis.
    pub input: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Step from one window to the next.
    pub stride: usize,
    /// Step from one tap to the next; 1 unless the window is dilated. Stride or dilation is 1.
    pub dilation: usize,
    /// Padding before the first input position (top or left).
    pub before: usize,
    /// Padding after the last input position (bottom or right).
    pub after: usize,
    /// Number of windows, at least 1.
    pub output: usize,
}

impl Window {
    /// Largest size accepted anywhere, so that sums and products of two sizes fit in 64 bits.
    pub const LIMIT: usize = u32::MAX as usize;

    /// Fits windows of `kernel` positions, `stride` apart, over `input` positions.
    ///
    /// # Errors
    /// A zero size, a size beyond [`Window::LIMIT`], or a kernel larger than the padded input.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Self, WindowError> {
        Self::dilated(input, kernel, stride, 1, padding)
    }

    /// The same for windows of `kernel` taps that lie `dilation` apart.
    ///
    /// # Errors
    /// As [`Window::new`], and where both stride and dilation are more than 1, as Keras has it.
    pub fn dilated(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        padding: Padding,
    ) -> Result<Self, WindowError> {
        match (input, kernel, stride, dilation) {
            (0, ..) => return Err(WindowError::EmptyInput),
            (_, 0, ..) => return Err(WindowError::ZeroKernel),
            (_, _, 0, _) => return Err(WindowError::ZeroStride),
            (.., 0) => return Err(WindowError::ZeroDilation),
            (_, _, 2.., 2..) => return Err(WindowError::StrideAndDilation { stride, dilation }),
            _ => {}
        }
        let sizes =
            [("input", input), ("kernel", kernel), ("stride", stride), ("dilation", dilation)];
        for (what, value) in sizes {
            limited(what, value as u128)?;
        }
        let span = limited("dilated kernel", (kernel as u128 - 1) * dilation as u128 + 1)?;
        let (before, after) = match padding {
            Padding::Valid => (0, 0),
            Padding::Explicit(p) => (limited("padding", p as u128)?, p),
            Padding::Same => {
                let output = input.div_ceil(stride) as u128;
                let covered = (output - 1) * stride as u128 + span as u128;
                let total = covered.saturating_sub(input as u128) as usize; // at most span − 1
                (total / 2, total - total / 2)
            }
        };
        let padded = limited("padded input", input as u128 + before as u128 + after as u128)?;
        let Some(room) = padded.checked_sub(span) else {
            let padding = before;
            return Err(WindowError::KernelTooLarge { input, kernel, stride, dilation, padding });
        };
        Ok(Window { input, kernel, stride, dilation, before, after, output: room / stride + 1 })
    }

    /// Positions from the first tap to the last: the kernel, unless it is dilated.
    pub fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The output size with its numbers: `(28 − 3 + 2·0)/1 + 1 = 26`, or `(28 − (2·(3 − 1) + 1) + 2·0)/1 + 1 = 24` where it is dilated. When the two paddings differ
    /// they are shown one by one; when the division leaves a rest, the `floor` that drops it is shown.
    pub fn derivation(&self) -> String {
        let Window { input, kernel, stride, dilation, before, after, output } = *self;
        let padding =
            if before == after { format!("2·{before}") } else { format!("{before} + {after}") };
        let sum = format!("({input} − {} + {padding})/{stride}", taken(kernel, dilation));
        if self.leftover() == 0 {
            format!("{sum} + 1 = {output}")
        } else {
            format!("floor({sum}) + 1 = {output}")
        }
    }

    /// Padded positions at the end that no window covers because the division has a rest.
    pub fn leftover(&self) -> usize {
        (self.input + self.before + self.after - self.span()) % self.stride
    }

    /// Whether some window lies wholly in the padding. A convolution gives its bias there; the
    /// maximum of such a window does not exist, so pooling refuses it.
    pub fn has_padding_only_window(&self) -> bool {
        let last_start = (self.output - 1) as u128 * self.stride as u128;
        self.before >= self.span() || last_start >= self.before as u128 + self.input as u128
    }
}

fn limited(what: &'static str, value: u128) -> Result<usize, WindowError> {
    if value <= Window::LIMIT as u128 {
        Ok(value as usize)
    } else {
        Err(WindowError::TooLarge { what, value })
    }
}
