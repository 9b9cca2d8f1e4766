//! y = x · s[c]: a layer with one parameter for each channel.
//!
//! ∂loss/∂x = s[c] · ∂loss/∂y, and ∂loss/∂s[c] = Σ x · ∂loss/∂y over all pixels of the channel.

use cnn_nn::initializer::Initializer;
use cnn_nn::layer::{
    BuildError, Built, Facts, Isa, Layer, ParamSpec, Pass, Shape, Shard, Weights, Work,
};
use cnn_nn::layers::CustomLayer;

/// The hyper-parameters.
#[derive(Debug)]
pub(crate) struct ChannelScale {
    /// What every factor begins with; not 0.
    pub(crate) start: f32,
}

impl CustomLayer for ChannelScale {
    fn kind(&self) -> &'static str {
        "ChannelScale"
    }

    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let Some(&channels) = input.dims().last() else {
            return Err(BuildError {
                key: None,
                code: "X001",
                message: "ChannelScale needs an input with channels".into(),
                hint: "input = [height, width, channels]".into(),
            });
        };
        if self.start == 0.0 {
            return Err(BuildError {
                key: Some("start"),
                code: "X002",
                message: "ChannelScale with a start of 0 gives nothing".into(),
                hint: "start = 1.0".into(),
            });
        }
        let start = Initializer::Constant(self.start);
        Ok(Built {
            layer: Box::new(BuiltChannelScale { channels }),
            output: input.clone(),
            params: vec![ParamSpec::new("scale", vec![channels], start)],
            facts: Facts { macs: input.len() as u64, ..Facts::default() },
        })
    }
}

#[derive(Debug)]
struct BuiltChannelScale {
    channels: usize,
}

impl Layer for BuiltChannelScale {
    fn forward(
        &self,
        _: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        _: Work<'_>,
        _: Pass,
    ) {
        for ((y, x), s) in y.iter_mut().zip(x).zip(weights.params.iter().cycle()) {
            *y = x * s;
        }
    }

    fn backward(
        &self,
        _: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        _: Pass,
    ) {
        if let Some(dx) = dx {
            for ((dx, dy), s) in dx.iter_mut().zip(&*shard.dy).zip(weights.params.iter().cycle()) {
                *dx = dy * s;
            }
        }
        if let Some(dw) = dw {
            let (x, dy) = (shard.x.chunks(self.channels), shard.dy.chunks(self.channels));
            for (x, dy) in x.zip(dy) {
                for ((dw, x), dy) in dw.iter_mut().zip(x).zip(dy) {
                    *dw += x * dy;
                }
            }
        }
    }
}
