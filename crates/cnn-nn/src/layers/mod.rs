//! The layers, one file each, and the list of them.
//!
//! A new layer is a file here, its `mod` line and its line in `registry!`; the conformance tests, the reader of
//! `model.toml` and the summary loop over that list.

mod activation;
mod activity_regularization;
mod average_pooling2d;
mod batch_normalization;
mod concatenate;
mod conv2d;
mod conv_max_pool;
mod cropping2d;
mod custom;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod factor;
mod flatten;
mod gaussian_noise;
mod global_average_pooling2d;
mod global_max_pooling2d;
mod group_normalization;
mod inset;
#[cfg(test)]
mod keras_draws;
mod layer_normalization;
mod max_pooling2d;
mod methods;
mod normalization;
mod pair;
mod per_image;
mod pooling;
mod random_contrast;
mod random_crop;
mod random_erasing;
mod random_flip;
mod random_rotation;
mod random_translation;
mod random_zoom;
mod resample;
mod rescaling;
mod reshape;
mod residual;
mod rows;
mod separable_conv2d;
mod spatial_dropout2d;
mod squeeze_excite;
mod zero_padding2d;

pub use activation::{Activation, Function};
pub use activity_regularization::ActivityRegularization;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use concatenate::Concatenate;
pub use conv2d::Conv2D;
pub use cropping2d::Cropping2D;
pub use custom::{Custom, CustomLayer};
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use factor::Factor;
pub use flatten::Flatten;
pub use gaussian_noise::GaussianNoise;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use group_normalization::GroupNormalization;
pub use layer_normalization::LayerNormalization;
pub use max_pooling2d::MaxPooling2D;
pub use pair::Pair;
pub use random_contrast::RandomContrast;
pub use random_crop::RandomCrop;
pub use random_erasing::{Fill, RandomErasing};
pub use random_flip::{FlipMode, RandomFlip};
pub use random_rotation::RandomRotation;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub(crate) use resample::resize;
pub use resample::{FillMode, Interpolation};
pub use rescaling::Rescaling;
pub use reshape::Reshape;
pub use residual::Residual;
pub use separable_conv2d::SeparableConv2D;
pub use spatial_dropout2d::SpatialDropout2D;
pub use squeeze_excite::SqueezeExcite;
pub use zero_padding2d::{Sides, ZeroPadding2D};

use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{BuildError, Built, ParamSpec};
use crate::model::LayerEntry;
use crate::regularizer::Regularizer;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What every layer's spec offers: plain data that builds against an input shape.
pub trait Spec:
    Serialize + for<'de> Deserialize<'de> + Clone + PartialEq + std::fmt::Debug
{
    /// Checks the hyper-parameters against the input and settles the output shape and the parameters.
    ///
    /// # Errors
    /// Whatever is wrong, with the key at fault and a value that would work.
    fn build(&self, input: &Shape) -> Result<Built, BuildError>;

    /// Specs with an input shape each, that between them use every key: what the conformance tests run.
    fn examples() -> Vec<(Self, Vec<usize>)>;
}

macro_rules! registry {
    ($($(#[$doc:meta])* $kind:ident = $snake:literal),+ $(,)?) => {
        /// Any layer of the registry, as `model.toml` describes it, or one that is made in code.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[schemars(tag = "type")]
        #[non_exhaustive]
        pub enum LayerSpec {
            $($(#[$doc])* #[serde(alias = $snake)] #[schemars(extend("alias" = $snake))] $kind($kind),)+
            /// A layer from outside this crate. `model.toml` cannot name it; [`Custom`] says what becomes of it in files.
            #[serde(skip_deserializing)]
            #[schemars(skip)]
            Custom(Custom),
        }

        $(
            impl From<$kind> for LayerSpec {
                fn from(spec: $kind) -> Self {
                    Self::$kind(spec)
                }
            }

            impl $kind {
                /// With a name of its own, unique in the model, in place of Keras's.
                pub fn name(self, name: impl Into<String>) -> LayerEntry {
                    LayerEntry { name: Some(name.into()), spec: self.into() }
                }
            }
        )+

        impl LayerSpec {
            /// The `type` of every layer, in Keras's spelling.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($kind)),+];

            /// Keras's class name, which is the `type` in `model.toml`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($kind),)+
                    Self::Custom(custom) => custom.kind(),
                }
            }

            /// The name that Keras gives the first such layer: `conv2d`.
            pub fn snake_name(&self) -> &str {
                match self {
                    $(Self::$kind(_) => $snake,)+
                    Self::Custom(custom) => custom.snake_name(),
                }
            }

            /// Builds the layer against its input shape.
            ///
            /// # Errors
            /// As [`Spec::build`].
            pub fn build(&self, input: &Shape) -> Result<Built, BuildError> {
                match self {
                    $(Self::$kind(spec) => spec.build(input),)+
                    Self::Custom(custom) => custom.build(input),
                }
            }

            /// Every example of every registered layer.
            pub fn examples() -> Vec<(Self, Vec<usize>)> {
                let mut all = Vec::new();
                $(all.extend($kind::examples().into_iter().map(|(spec, input)| (Self::$kind(spec), input)));)+
                all
            }
        }
    };
}

registry! {
    /// An elementwise function, or softmax, as a layer of its own.
    Activation = "activation",
    /// A penalty on what goes through.
    ActivityRegularization = "activity_regularization",
    /// Mean of each window.
    AveragePooling2D = "average_pooling2d",
    /// Channels of the batch at mean 0 and variance 1.
    BatchNormalization = "batch_normalization",
    /// Several branches side by side.
    Concatenate = "concatenate",
    /// 2-D convolution.
    Conv2D = "conv2d",
    /// Cuts away the sides of an image.
    Cropping2D = "cropping2d",
    /// Fully connected layer.
    Dense = "dense",
    /// 2-D convolution of each channel alone.
    DepthwiseConv2D = "depthwise_conv2d",
    /// Random zeros in training.
    Dropout = "dropout",
    /// All axes into one.
    Flatten = "flatten",
    /// Random noise in training.
    GaussianNoise = "gaussian_noise",
    /// Mean of each channel.
    GlobalAveragePooling2D = "global_average_pooling2d",
    /// Maximum of each channel.
    GlobalMaxPooling2D = "global_max_pooling2d",
    /// Groups of channels at mean 0 and variance 1.
    GroupNormalization = "group_normalization",
    /// Each pixel at mean 0 and variance 1.
    LayerNormalization = "layer_normalization",
    /// Maximum of each window.
    MaxPooling2D = "max_pooling2d",
    /// Images of random contrast in training.
    RandomContrast = "random_contrast",
    /// Random parts of images in training.
    RandomCrop = "random_crop",
    /// Images with a random rectangle covered in training.
    RandomErasing = "random_erasing",
    /// Images mirrored at random in training.
    RandomFlip = "random_flip",
    /// Images turned at random in training.
    RandomRotation = "random_rotation",
    /// Images moved at random in training.
    RandomTranslation = "random_translation",
    /// Images enlarged or shrunk at random in training.
    RandomZoom = "random_zoom",
    /// Pixels in another range.
    Rescaling = "rescaling",
    /// The same numbers under another shape.
    Reshape = "reshape",
    /// The sum of two branches.
    Residual = "residual",
    /// Depthwise, then pointwise convolution.
    SeparableConv2D = "separable_conv2d",
    /// Random channels of zeros in training.
    SpatialDropout2D = "spatial_dropout2d",
    /// Channels weighed by what the image shows.
    SqueezeExcite = "squeeze_excite",
    /// Zeros around the image.
    ZeroPadding2D = "zero_padding2d",
}

/// The height, width and channels of an image-shaped input, or the error that teaches what was missing.
fn image_shape(kind: &str, input: &Shape) -> Result<[usize; 3], BuildError> {
    let dims = input.dims();
    <[usize; 3]>::try_from(dims).map_err(|_| BuildError {
        key: None,
        code: "M032",
        message: format!("{kind} needs an image [height, width, channels], got {dims:?}"),
        hint: match dims.len() {
            1 => {
                format!("put {kind} before `Flatten` and `Dense`: they forget where each pixel was")
            }
            2 => "give the input its channel axis: input = [height, width, 1]".to_owned(),
            _ => "the input of this layer must have exactly three axes".to_owned(),
        },
    })
}

/// The parameters of a layer that multiplies with a kernel `shape`, whose last axis counts the outputs, and may add a bias.
/// `initializers` and `regularizers` are those of the kernel and of the bias; the constraint is the
/// kernel's.
fn kernel_and_bias(
    shape: Vec<usize>,
    initializers: [Initializer; 2],
    use_bias: bool,
    regularizers: [Option<Regularizer>; 2],
    constraint: Option<Constraint>,
) -> Result<Vec<ParamSpec>, BuildError> {
    let outputs = shape.last().copied().unwrap_or_default();
    let keys = ["kernel_initializer", "kernel_regularizer", "kernel_constraint"];
    let kernel = kernel("kernel", keys, shape, initializers[0], regularizers[0], constraint)?;
    let mut params = vec![kernel];
    params.extend(bias(outputs, use_bias, initializers[1], regularizers[1])?);
    Ok(params)
}

/// A kernel, whose initialiser, regulariser and constraint are those `keys` of the layer.
fn kernel(
    name: &'static str,
    keys: [&'static str; 3],
    shape: Vec<usize>,
    initializer: Initializer,
    regularizer: Option<Regularizer>,
    constraint: Option<Constraint>,
) -> Result<ParamSpec, BuildError> {
    let penalty = Regularizer::checked(regularizer, keys[1])?;
    let initializer = initializer.checked(keys[0])?;
    let constraint = Constraint::checked(constraint, keys[2])?;
    Ok(ParamSpec { penalty, constraint, ..ParamSpec::new(name, shape, initializer) })
}

/// The bias of a layer, if it uses one.
fn bias(
    outputs: usize,
    use_bias: bool,
    initializer: Initializer,
    regularizer: Option<Regularizer>,
) -> Result<Option<ParamSpec>, BuildError> {
    let penalty = Regularizer::checked(regularizer, "bias_regularizer")?;
    if use_bias {
        let (shape, initializer) = (vec![outputs], initializer.checked("bias_initializer")?);
        return Ok(Some(ParamSpec { penalty, ..ParamSpec::new("bias", shape, initializer) }));
    }
    if regularizer.is_some() {
        return Err(bad_key(
            "bias_regularizer",
            "M037",
            "bias_regularizer is given, but use_bias = false: there is no bias".into(),
            "drop bias_regularizer, or use_bias = false",
        ));
    }
    Ok(None)
}

/// An error about one key.
fn bad_key(
    key: &'static str,
    code: &'static str,
    message: String,
    hint: impl Into<String>,
) -> BuildError {
    BuildError { key: Some(key), code, message, hint: hint.into() }
}
