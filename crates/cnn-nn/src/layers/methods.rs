//! Keras's keyword arguments as methods, for the layers and keys that are written most. Every other key is a field:
//! `Conv2D { groups: 4, ..Conv2D::new(32, 3) }`.

use super::{
    AveragePooling2D, Conv2D, Dense, DepthwiseConv2D, Dropout, Function, LayerSpec, MaxPooling2D,
    Pair, Residual, SeparableConv2D,
};
use cnn_tensor::Padding;

macro_rules! activated {
    ($($kind:ident),+) => {$(
        impl $kind {
            /// With relu behind it.
            #[must_use]
            pub fn relu(self) -> Self {
                self.activation(Function::Relu)
            }

            /// With softmax behind it.
            #[must_use]
            pub fn softmax(self) -> Self {
                self.activation(Function::Softmax)
            }

            /// With this function behind it.
            #[must_use]
            pub fn activation(mut self, function: Function) -> Self {
                self.activation = function;
                self
            }

            /// Without the bias: what a batch normalisation behind it would take away again.
            #[must_use]
            pub fn without_bias(mut self) -> Self {
                self.use_bias = false;
                self
            }
        }
    )+};
}

activated!(Conv2D, Dense, DepthwiseConv2D, SeparableConv2D);

macro_rules! sliding {
    ($($kind:ident = $strides:expr),+ $(,)?) => {$(
        impl $kind {
            /// With this step between windows, in pixels: `2` or `[2, 1]`.
            #[must_use]
            pub fn strides(mut self, strides: impl Into<Pair>) -> Self {
                self.strides = $strides(strides.into());
                self
            }

            /// Padded so that strides of 1 keep height and width: Keras's `padding = "same"`.
            #[must_use]
            pub fn same(mut self) -> Self {
                self.padding = Padding::Same;
                self
            }
        }
    )+};
}

sliding! {
    Conv2D = std::convert::identity,
    DepthwiseConv2D = std::convert::identity,
    SeparableConv2D = std::convert::identity,
    MaxPooling2D = Some,
    AveragePooling2D = Some,
}

impl MaxPooling2D {
    /// Windows of this size, side by side; 2 by default.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self { pool_size: pool_size.into(), ..Self::default() }
    }
}

impl AveragePooling2D {
    /// Windows of this size, side by side; 2 by default.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self { pool_size: pool_size.into(), ..Self::default() }
    }
}

impl Dropout {
    /// Drops this share of the numbers, 0 to 1.
    pub fn new(rate: f32) -> Self {
        Self { rate }
    }
}

impl Residual {
    /// These layers, and the input added to what they make of it.
    pub fn new(layers: impl IntoIterator<Item = LayerSpec>) -> Self {
        Self { layers: layers.into_iter().collect(), ..Self::default() }
    }

    /// With these layers on the other branch, where the shape changes.
    #[must_use]
    pub fn shortcut(mut self, layers: impl IntoIterator<Item = LayerSpec>) -> Self {
        self.shortcut = layers.into_iter().collect();
        self
    }

    /// With relu of the sum.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.activation = Function::Relu;
        self
    }
}
