//! y = scale · x + offset: pixels brought to another range, in the network itself.
//!
//! **Shapes** any → the same.
//! **Parameters** none: scale and offset are not trained.
//! **Errors** a scale or offset that is not finite.
//! **Source** Keras `Rescaling`. Images of `cnn` are 0..1 already; `scale = 2.0` and `offset = -1.0` make that −1..1.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "Rescaling"
//! scale = 2.0
//! offset = -1.0
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::{Spec, bad_key};
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Rescaling` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rescaling {
    /// What each number is multiplied with.
    pub scale: f32,
    /// What is added then; default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl Spec for Rescaling {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        for (key, value) in [("scale", self.scale), ("offset", self.offset)] {
            if !value.is_finite() {
                let message = format!("{key} must be a finite number, got {value}");
                return Err(bad_key(
                    key,
                    "M037",
                    message,
                    "scale = 2.0 and offset = -1.0 make 0..1 into -1..1",
                ));
            }
        }
        let layer = BuiltRescaling { scale: self.scale, offset: self.offset };
        Ok(Built {
            layer: Box::new(layer),
            output: input.clone(),
            params: Vec::new(),
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { scale: 2.0, offset: -1.0 }, vec![4, 3, 2]),
            (Self { scale: 0.5, offset: 0.0 }, vec![7]),
        ]
    }
}

#[derive(Debug)]
struct BuiltRescaling {
    scale: f32,
    offset: f32,
}

impl Layer for BuiltRescaling {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = self.scale * x + self.offset;
        }
    }

    fn backward(
        &self,
        _: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        _: Pass,
    ) {
        let Some(dx) = dx else { return };
        for (dx, dy) in dx.iter_mut().zip(shard.dy.iter()) {
            *dx = self.scale * dy;
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_goes_to_its_place_in_the_new_range() {
        let built = Rescaling { scale: 2.0, offset: -1.0 }.build(&Shape::new(vec![3])).unwrap();
        let (x, mut y) = ([0.0, 0.5, 1.0], [9.0; 3]);
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [-1.0, 0.0, 1.0]);
    }
}
