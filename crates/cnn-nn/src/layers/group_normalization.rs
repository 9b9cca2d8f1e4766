//! y = γ[c] · (x − mean) / √(variance + ε) + β[c], mean and variance over all pixels of a group of channels, image by image. Unlike batch
//! normalisation it does the same in training and in inference, and does not look at other images.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** gamma `[c]` and beta `[c]`; without `scale` or `center` none of them.
//! **Initialisers** `gamma_initializer` and `beta_initializer`, see [`crate::initializer`].
//! **Errors** groups that do not divide the channels, an epsilon that is not positive, an initializer of what there is not.
//! **Source** Wu & He 2018; Keras `GroupNormalization`, whose `groups = -1` (a group for each channel) is `groups = c` here; ε
//! = 0.001 (PyTorch's is 0.00001, and its `num_groups` has no default).
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [13, 13, 32]
//!
//! [[layers]]
//! type = "GroupNormalization"
//! groups = 8
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.param_count(), 64);
//! ```

use super::conv2d::{is_yes, yes, zeros};
use super::layer_normalization;
use super::normalization::{epsilon, is_epsilon, ones};
use super::{Spec, bad_key, image_shape};
use crate::initializer::Initializer;
use crate::layer::{BuildError, Built};
use cnn_kernels::normalize::Groups;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `GroupNormalization` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupNormalization {
    /// Groups that the channels are cut into; default 32.
    #[serde(default = "thirty_two", skip_serializing_if = "is_thirty_two")]
    pub groups: usize,
    /// Added to the variance; above 0, default 0.001.
    #[serde(default = "epsilon", skip_serializing_if = "is_epsilon")]
    pub epsilon: f32,
    /// Whether beta is added; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub center: bool,
    /// Whether gamma is multiplied; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub scale: bool,
    /// How gamma begins; default `"ones"`. With `"zeros"` in the last layer of a residual block the block begins as the identity.
    #[serde(default = "ones", skip_serializing_if = "Initializer::is_ones")]
    pub gamma_initializer: Initializer,
    /// How beta begins; default `"zeros"`.
    #[serde(default = "zeros", skip_serializing_if = "Initializer::is_zeros")]
    pub beta_initializer: Initializer,
}

impl Default for GroupNormalization {
    fn default() -> Self {
        Self {
            groups: thirty_two(),
            epsilon: epsilon(),
            center: true,
            scale: true,
            gamma_initializer: Initializer::ONES,
            beta_initializer: Initializer::ZEROS,
        }
    }
}

fn thirty_two() -> usize {
    32
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_thirty_two(value: &usize) -> bool {
    *value == thirty_two()
}

impl Spec for GroupNormalization {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("GroupNormalization", input)?;
        if self.groups == 0 || !c.is_multiple_of(self.groups) {
            let usual = (1..=c.min(32)).rev().find(|n| c.is_multiple_of(*n)).unwrap_or(1);
            return Err(bad_key(
                "groups",
                "M043",
                format!("{c} channels cannot be cut into {} equal groups", self.groups),
                format!("groups = {usual} divides them"),
            ));
        }
        let groups = Groups { pixels: h * w, groups: self.groups, channels: c / self.groups };
        let parameters = [self.scale, self.center];
        let initializers = [self.gamma_initializer, self.beta_initializer];
        layer_normalization::built(groups, self.epsilon, parameters, initializers, input)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let plain = Self::default();
        vec![
            (Self { groups: 3, ..plain.clone() }, vec![3, 2, 6]),
            (Self { groups: 1, epsilon: 0.1, center: false, ..plain.clone() }, vec![2, 2, 5]),
            (Self { scale: false, ..plain.clone() }, vec![2, 3, 32]),
            (
                Self {
                    groups: 2,
                    gamma_initializer: Initializer::ZEROS,
                    beta_initializer: Initializer::ONES,
                    ..plain
                },
                vec![2, 2, 4],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_do_not_divide_are_an_error_with_groups_that_do() {
        for groups in [0, 5, 64] {
            let spec = GroupNormalization { groups, ..GroupNormalization::default() };
            let error = spec.build(&Shape::new(vec![4, 4, 12])).unwrap_err();
            assert_eq!((error.key, error.code), (Some("groups"), "M043"));
            assert_eq!(error.hint, "groups = 12 divides them");
        }
    }
}
