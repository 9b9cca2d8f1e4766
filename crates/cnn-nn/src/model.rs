//! A model: first plain data ([`ModelSpec`]), then checked, with every shape settled ([`Model`]).

mod build;
mod lint;
mod names;
mod problem;
mod sequential;
mod spec;

pub use build::{BuildFailure, Limits};
pub use lint::{lint, lint_loss};
pub use problem::{At, Problem};
pub use sequential::Sequential;
pub use spec::{LayerEntry, ModelSpec, TOP_LEVEL};

use crate::block::Op;
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{Layer, Link};
use crate::layers::LayerSpec;
use crate::regularizer::Regularizer;
use cnn_tensor::{Shape, Window};
use std::ops::Range;
use std::sync::Arc;

/// A checked model: layers in order, each with its shapes, and one flat arena for all parameters.
///
/// ```
/// # use cnn_nn::Sequential;
/// # use cnn_nn::layers::{Conv2D, Dense, Flatten};
/// let model = Sequential::new([28, 28, 1])
///     .add(Conv2D::new(32, 3))
///     .add(Flatten)
///     .add(Dense::new(10))
///     .build()?;
/// assert_eq!(model.layers()[0].name, "conv2d");
/// assert_eq!(model.layers()[0].output.dims(), [26, 26, 32]);
/// assert_eq!(model.layers()[2].params[0].name, "dense/kernel");
/// assert_eq!(model.param_count(), 320 + (26 * 26 * 32 + 1) * 10);
/// # Ok::<(), cnn_nn::model::BuildFailure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    input: Shape,
    layers: Vec<ModelLayer>,
}

/// One layer of a checked model.
#[derive(Clone, Debug)]
pub struct ModelLayer {
    /// Unique in the model: given, or Keras's `conv2d`, `conv2d_1`.
    pub name: String,
    /// What it was built from.
    pub spec: LayerSpec,
    /// Shape of one sample going in.
    pub input: Shape,
    /// Shape of one sample coming out.
    pub output: Shape,
    /// Its parameters, in arena order.
    pub params: Vec<ParamInfo>,
    /// The arithmetic.
    pub layer: Arc<dyn Layer>,
    /// The windows along height and width that it slides, one behind the other, on the way that gives its output its size.
    pub windows: Vec<[Window; 2]>,
    /// Multiply-accumulates per image.
    pub macs: u64,
    /// The part of the input that one output number sees; `None` where the input is not an image.
    pub receptive_field: Option<ReceptiveField>,
    start: usize,
}

/// One parameter tensor and its place in the arena.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamInfo {
    /// Layer and parameter: `conv2d_1/kernel`.
    pub name: String,
    /// Shape, row-major: `[kh, kw, c, filters]`, `[in, out]`, `[units]`.
    pub shape: Vec<usize>,
    /// Its floats in the arena.
    pub range: Range<usize>,
    /// How it starts.
    pub initializer: Initializer,
    /// What it adds to the loss, if it is regularised.
    pub penalty: Option<Regularizer>,
    /// Whether the optimizer changes it; the moving statistics of a batch normalisation it does not.
    pub trainable: bool,
    /// What it is made to satisfy after every update.
    pub constraint: Option<Constraint>,
    /// How many of its last axes count the outputs.
    pub output_axes: usize,
}

/// The part of the model's input that one number of a layer's output depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceptiveField {
    /// A window, in pixels.
    Window {
        /// Height and width; beyond the border where the model pads.
        size: [usize; 2],
        /// Pixels from one output's window to the next one's, down and across.
        step: [usize; 2],
    },
    /// All of it.
    Whole,
}

impl ModelLayer {
    /// Keras's class name: `Conv2D`.
    pub fn kind(&self) -> &'static str {
        self.spec.kind()
    }

    /// Number of parameters.
    pub fn param_count(&self) -> usize {
        self.params_range().len()
    }

    /// Parameters that the optimizer changes.
    pub fn trainable_count(&self) -> usize {
        self.params.iter().filter(|param| param.trainable).map(|param| param.range.len()).sum()
    }

    /// All of its parameters in the arena; empty, at the right place, if it has none.
    pub fn params_range(&self) -> Range<usize> {
        self.start..self.params.last().map_or(self.start, |param| param.range.end)
    }

    /// What outputs add to the loss, its own or those of layers inside it, with the name of each: `conv2d`, `residual/conv2d_1`.
    pub fn output_penalties(&self) -> Vec<(String, Regularizer)> {
        let of = |inside: &str, layer: &dyn Layer| {
            let name = if inside.is_empty() {
                self.name.clone()
            } else {
                format!("{}/{inside}", self.name)
            };
            layer.output_penalty().map(|penalty| (name, penalty.regularizer))
        };
        match self.layer.block() {
            None => of("", &*self.layer).into_iter().collect(),
            Some(block) => (block.nodes().iter())
                .filter_map(|node| match &node.op {
                    Op::Layer(layer, _) => of(&node.name, &**layer),
                    Op::Join(..) => None,
                })
                .collect(),
        }
    }

    /// Numbers along the last axis of its output.
    pub(crate) fn row(&self) -> usize {
        self.output.dims().last().copied().unwrap_or(1)
    }

    /// Bytes of its output per image, as f32; 0 for a layer that only gives its input another shape.
    pub fn activation_bytes(&self) -> u64 {
        if self.layer.is_reshape() { 0 } else { 4 * self.output.len() as u64 }
    }
}

impl Model {
    /// The model's name; Keras's `sequential` if none was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of one sample.
    pub fn input(&self) -> &Shape {
        &self.input
    }

    /// Shape of one sample's result.
    pub fn output(&self) -> &Shape {
        self.layers.last().map_or(&self.input, |layer| &layer.output)
    }

    /// Classes that one sample's result tells apart: as many as it has numbers, or 2 where it is a single one.
    pub fn classes(&self) -> usize {
        if self.output().len() == 1 { 2 } else { self.output().len() }
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[ModelLayer] {
        &self.layers
    }

    /// All parameter tensors, in arena order.
    pub fn params(&self) -> impl Iterator<Item = &ParamInfo> {
        self.layers.iter().flat_map(|layer| &layer.params)
    }

    /// Floats in the arena.
    pub fn param_count(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.params_range().end)
    }

    /// Those of them that the optimizer changes.
    pub fn trainable_count(&self) -> usize {
        self.layers.iter().map(ModelLayer::trainable_count).sum()
    }

    /// Multiply-accumulates per image, forward.
    pub fn macs(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.macs))
    }

    /// Bytes of all layers' outputs per image, as f32.
    pub fn activation_bytes(&self) -> u64 {
        self.layers.iter().map(ModelLayer::activation_bytes).sum()
    }

    /// Whether the last layer, reshapes aside, ends in a softmax.
    pub fn ends_in_softmax(&self) -> bool {
        self.link() == Some(Link::Softmax)
    }

    /// The function that makes probabilities at the end of the last layer, if it ends in one; reshapes and layers that only look at
    /// their input aside.
    pub fn link(&self) -> Option<Link> {
        let last = &self.layers[self.closing()?];
        let ends_in = |link: &Link| last.layer.without_link(*link).is_some();
        let link = [Link::Softmax, Link::Sigmoid].into_iter().find(ends_in);
        link.filter(|link| *link != Link::Softmax || last.row() == self.output().len())
    }

    /// Position of the last layer that is no reshape and does more than look at its input.
    pub(crate) fn closing(&self) -> Option<usize> {
        let passes_on =
            |layer: &dyn Layer| layer.is_reshape() || layer.before_link(Link::Softmax).is_some();
        self.layers.iter().rposition(|layer| !passes_on(&*layer.layer))
    }

    /// The plain data that builds this model again, every name spelt out.
    pub fn spec(&self) -> ModelSpec {
        let entry = |layer: &ModelLayer| LayerEntry {
            name: Some(layer.name.clone()),
            spec: layer.spec.clone(),
        };
        ModelSpec {
            name: Some(self.name.clone()),
            input: self.input.dims().to_vec(),
            layers: self.layers.iter().map(entry).collect(),
        }
    }
}
