//! In training each channel of an image is zero with probability `rate` and divided by 1 − `rate` otherwise; in inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a rate outside 0..1.
//! **Source** Tompson et al. 2015; Keras `SpatialDropout2D`. Neighbouring pixels of a feature map say nearly the same, so that dropping
//! single ones, as [`super::Dropout`] does, takes little away. Which channels are dropped is a function of seed, step, layer and
//! position, never of thread or order.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [13, 13, 32]
//!
//! [[layers]]
//! type = "SpatialDropout2D"
//! rate = 0.25
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::{Spec, dropout, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `SpatialDropout2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout2D {
    /// Share of the channels that become zero; 0 to 1.
    pub rate: f32,
}

impl Spec for SpatialDropout2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [_, _, c] = image_shape("SpatialDropout2D", input)?;
        dropout::built(self.rate, input, c)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![(Self { rate: 0.5 }, vec![3, 2, 12]), (Self { rate: 0.0 }, vec![2, 2, 5])]
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use crate::layer::{Pass, Weights, Work};
    use cnn_kernels::Isa;

    #[test]
    fn a_channel_is_dropped_as_a_whole() {
        let built = SpatialDropout2D { rate: 0.25 }.build(&Shape::new(vec![3, 3, 4000])).unwrap();
        let (x, mut y, mut saved) = (vec![1.0; 36_000], vec![9.0; 36_000], vec![0; 4000]);
        let pass = Pass::Train { seed: 1, step: 0, layer: 0, first: 0 };
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut saved, scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, pass);
        let first = &y[..4000];
        assert!(first.iter().all(|&y| y == 0.0 || y == 1.0 / 0.75));
        assert!(y.chunks(4000).all(|pixel| pixel == first));
        let zeros = first.iter().filter(|&&y| y == 0.0).count();
        assert!((900..1100).contains(&zeros), "{zeros} of 4,000 dropped");
    }
}
