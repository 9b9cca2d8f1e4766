//! What training sees: images behind the random layers at the beginning of a model.

use crate::engine::TrainKey;
use crate::layer::{Layer, Pass, Weights, Work};
use crate::model::Model;
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use std::sync::Arc;

/// The layers at the beginning of a model that have no parameters, up to the last of them that is random: the part that
/// decides what the trained layers get to see.
///
/// ```
/// use cnn_nn::augment::Front;
/// use cnn_nn::engine::TrainKey;
/// # let text = r#"
/// # input = [2, 2, 1]
/// # [[layers]]
/// # type = "RandomFlip"
/// # mode = "horizontal"
/// # [[layers]]
/// # type = "Flatten"
/// # [[layers]]
/// # type = "Dense"
/// # units = 3
/// # activation = "softmax"
/// # "#;
/// let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
/// let front = Front::of(&model).unwrap();
/// assert_eq!(front.kinds(), ["RandomFlip"]);
/// let image = [0.1, 0.2, 0.3, 0.4];
/// let seen: Vec<_> = (0..20).map(|step| front.train(&image, TrainKey { seed: 1, step }, 0)).collect();
/// assert!(seen.contains(&vec![0.2, 0.1, 0.4, 0.3]) && seen.contains(&image.to_vec()));
/// ```
#[derive(Clone, Debug)]
pub struct Front {
    /// Kind, arithmetic, and numbers per image coming out.
    layers: Vec<(&'static str, Arc<dyn Layer>, usize)>,
    input: Shape,
    output: Shape,
}

impl Front {
    /// The front of a model; `None` if nothing random comes before the first layer with parameters.
    pub fn of(model: &Model) -> Option<Self> {
        let plain = model.layers().iter().take_while(|layer| layer.params.is_empty());
        let last = plain.enumerate().filter(|(_, layer)| layer.layer.is_random()).last()?.0;
        let layers = &model.layers()[..=last];
        Some(Self {
            layers: layers
                .iter()
                .map(|layer| (layer.kind(), Arc::clone(&layer.layer), layer.output.len()))
                .collect(),
            input: model.input().clone(),
            output: layers[last].output.clone(),
        })
    }

    /// The layers' classes, in order.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.layers.iter().map(|(kind, ..)| *kind).collect()
    }

    /// Shape of what the first layer behind the front sees.
    pub fn output(&self) -> &Shape {
        &self.output
    }

    /// What training makes of `x`, one image or several, the first of them at position `first` of its batch: the same bits as
    /// in a training with that seed, at that step.
    ///
    /// # Panics
    /// If `x` is no whole number of images.
    pub fn train(&self, x: &[f32], key: TrainKey, first: usize) -> Vec<f32> {
        let n = x.len() / self.input.len().max(1);
        assert_eq!(n * self.input.len(), x.len(), "whole images of {}", self.input);
        let mut now = x.to_vec();
        for (index, (_, layer, len)) in self.layers.iter().enumerate() {
            let mut next = vec![0.0; n * len];
            let size = layer.work();
            let (mut saved, mut scratch) = (vec![0; n * size.saved], vec![0.0; size.scratch]);
            let work = Work { saved: &mut saved, scratch: &mut scratch };
            let pass = Pass::Train { seed: key.seed, step: key.step, layer: index, first };
            let weights = Weights { params: &[], packed: &[] };
            layer.forward(Isa::best(), weights, &now, &mut next, work, pass);
            now = next;
        }
        now
    }
}
