//! What a layer is: plain arithmetic on one shard of a batch, after everything that can fail has been checked.
//!
//! A spec (see [`crate::layers`]) is built once against its input shape; the result is a [`Layer`], which owns its
//! hyper-parameters and nothing else. Parameters, activations and scratch memory are handed in by the engine, so one layer
//! may run on many threads at once and knows nothing of them.
//!
//! Dimension letters: n samples in the shard, h w c height, width and channels, f filters. Slices are row-major with the
//! sample axis first, so `x.len() = n · input.len()`.

use crate::block::Block;
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layers::Function;
use crate::regularizer::{OutputPenalty, Regularizer};
pub use cnn_kernels::Isa;
pub use cnn_tensor::Shape;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A layer's parameters: its part of the flat arena, and the form of it that the kernels want.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    /// The parameters in the order of [`Built::params`].
    pub params: &'a [f32],
    /// What [`Layer::pack`] made of them, in [`Layer::backward`]; empty where the layer packs nothing.
    pub packed: &'a [f32],
}

/// Memory that a layer needs beside its input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkSize {
    /// Numbers per sample kept from forward to backward (the winner of each pooling window).
    pub saved: usize,
    /// Floats that forward and backward may overwrite at will, per shard.
    pub scratch: usize,
}

/// The memory that [`WorkSize`] asked for.
#[derive(Debug)]
pub struct Work<'a> {
    /// Kept from forward to backward; `n · WorkSize::saved` numbers, in inference perhaps none.
    pub saved: &'a mut [u16],
    /// Overwritten at will; at least `WorkSize::scratch` floats.
    pub scratch: &'a mut [f32],
}

/// Whether this is training, and if so where its random numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Inference: dropout is the identity.
    Infer,
    /// Training: every random number is a function of these and the element.
    Train {
        /// The run's seed.
        seed: u64,
        /// Optimizer steps taken so far.
        step: u64,
        /// Position of the layer in the model; that of a layer inside a layer, and which one inside it, in one number.
        layer: usize,
        /// Position of the shard's first sample in the batch.
        first: usize,
    },
}

impl Pass {
    /// The pass of node `i` of a [`Block`]: random numbers of its own. A model has fewer than 65,536 layers.
    pub(crate) fn inside(self, i: usize) -> Self {
        match self {
            Self::Infer => Self::Infer,
            Self::Train { seed, step, layer, first } => {
                Self::Train { seed, step, layer: inside(layer, i), first }
            }
        }
    }
}

/// The number that stands for node `i` of the block that is layer number `layer`.
pub(crate) fn inside(layer: usize, i: usize) -> usize {
    layer | ((i + 1) << 16)
}

/// A function at the end of a network that makes probabilities of scores, and that a loss may compute together with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Exponentials over their sum: probabilities that sum to 1.
    Softmax,
    /// 1 / (1 + exp(−x)) of each number.
    Sigmoid,
}

impl Link {
    /// Applies it in place to rows of `outputs` numbers.
    pub(crate) fn apply(self, isa: Isa, outputs: usize, y: &mut [f32]) {
        match self {
            Self::Softmax => cnn_kernels::activation::softmax(isa, outputs, y),
            Self::Sigmoid => cnn_kernels::activation::sigmoid(isa, y),
        }
    }
}

/// A built layer: everything about it is checked, nothing in it can fail.
pub trait Layer: Send + Sync + fmt::Debug {
    /// Memory needed beside input and output.
    fn work(&self) -> WorkSize {
        WorkSize::default()
    }

    /// Floats that [`Layer::pack`] writes.
    fn packed_len(&self) -> usize {
        0
    }

    /// Rearranges the parameters for [`Layer::backward`], once a step. [`Layer::forward`] does without: an answer to one image
    /// would wait for it.
    fn pack(&self, _params: &[f32], _packed: &mut [f32]) {}

    /// Writes y = f(x) for one shard.
    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        work: Work<'_>,
        pass: Pass,
    );

    /// Runs the layer backwards for one shard.
    ///
    /// `dy` holds ∂loss/∂y and may be overwritten. `dx`, if wanted, is overwritten with ∂loss/∂x. `dw`, if wanted, has the
    /// parameters' gradient **added**. A layer with a [`WholeBatch`] must leave in `dy` what
    /// [`WholeBatch::gradient`] needs.
    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        pass: Pass,
    );

    /// For layers with so many parameters that their gradient is better computed over the whole batch, cut by parameters
    /// instead of samples.
    fn whole_batch(&self) -> Option<&dyn WholeBatch> {
        None
    }

    /// For layers that in training use statistics of the whole batch.
    fn batch_statistics(&self) -> Option<&dyn BatchStatistics> {
        None
    }

    /// What the output adds to the loss, divided by the samples of the batch. The engine counts it, and adds its gradient to `dy`
    /// before [`Layer::backward`].
    fn output_penalty(&self) -> Option<OutputPenalty> {
        None
    }

    /// The layers inside, for a layer that holds some: the engine runs those.
    fn block(&self) -> Option<&Block> {
        None
    }

    /// The work on one sample cut into at most `count` parts that write one part of the output after the other, where that is
    /// possible: what threads share out when there is no other sample for them. Empty means that the work is not cut.
    fn parts(&self, _count: usize) -> Vec<Box<dyn Part>> {
        Vec::new()
    }

    /// True where training draws random numbers and inference does not: dropout, noise, augmentation.
    fn is_random(&self) -> bool {
        false
    }

    /// True where y is x under another shape; the engine then copies nothing.
    fn is_reshape(&self) -> bool {
        false
    }

    /// The one layer that does this one's work and the next one's, where that is faster. Equal numbers.
    fn fuse(&self, _next: &dyn Layer) -> Option<Box<dyn Layer>> {
        None
    }

    /// This layer without this closing function, if it ends in it: for losses that work on the scores before it.
    fn without_link(&self, _link: Link) -> Option<Box<dyn Layer>> {
        None
    }

    /// For layers that pass their input on and only look at it: the same, where the input is the scores before this function. A
    /// function that closes the network may stand before such a layer.
    fn before_link(&self, _link: Link) -> Option<Box<dyn Layer>> {
        None
    }

    /// The function, for layers that do nothing but apply one to each number: what a normalisation looks for when it fuses.
    fn as_function(&self) -> Option<Function> {
        None
    }

    /// The pooling geometry, for layers that are a max pooling: what a convolution looks for when it fuses.
    fn as_max_pool(&self) -> Option<&cnn_kernels::max_pool::PoolGeometry> {
        None
    }
}

/// What [`Layer::backward`] reads of a shard.
#[derive(Debug)]
pub struct Shard<'a> {
    /// The layer's input.
    pub x: &'a [f32],
    /// The layer's output.
    pub y: &'a [f32],
    /// ∂loss/∂y; may be overwritten.
    pub dy: &'a mut [f32],
}

/// Outputs of a product that a thread computes at once: two registers of the widest instruction set.
pub(crate) const COLUMNS: usize = 32;

/// The work of a layer cut by parameters instead of samples, over all shards of a batch at once. Its parameters are a kernel
/// `[inputs, outputs]`, then perhaps more; a sample is one row of inputs, or several.
///
/// `shards` holds, in batch order, each shard's x and the gradient before the activation.
pub trait WholeBatch: Sync {
    /// Numbers in a row of the kernel's input.
    fn inputs(&self) -> usize;

    /// Numbers in a row of the output.
    fn outputs(&self) -> usize;

    /// Writes what the activation is given for the outputs `columns` of all rows: `columns.len()` numbers for each row.
    fn forward(
        &self,
        isa: Isa,
        params: &[f32],
        shards: &[(&[f32], &[f32])],
        columns: Range<usize>,
        y: &mut [f32],
    );

    /// Applies the activation to the output.
    fn activate(&self, isa: Isa, y: &mut [f32]);

    /// Makes of the gradient after the activation the one before it.
    fn backward_activation(&self, isa: Isa, y: &[f32], dy: &mut [f32]);

    /// Writes the gradient of some inputs of all rows, from their rows of the kernel: as many numbers for each row.
    fn backward_input(&self, isa: Isa, kernel: &[f32], shards: &[(&[f32], &[f32])], dx: &mut [f32]);

    /// Adds the gradient of the parameters `part`, which begins at a multiple of [`Self::outputs`], to `dw` (of `part.len()`
    /// floats).
    fn gradient(&self, isa: Isa, shards: &[(&[f32], &[f32])], part: Range<usize>, dw: &mut [f32]);
}

/// A layer that in training measures the whole batch first: every shard is measured on its own, what was found is combined in the
/// order of the shards, and then every shard is carried on with it. The same on the way back. Its [`Layer::forward`] and
/// [`Layer::backward`] do all of that for a shard that is a batch of its own.
pub trait BatchStatistics: Sync {
    /// Numbers that describe a shard, forward or backward.
    fn part_len(&self) -> usize;

    /// Numbers that describe a batch.
    fn whole_len(&self) -> usize;

    /// Writes what describes a shard.
    fn measure(&self, isa: Isa, x: &[f32], part: &mut [f32]);

    /// Makes of the shards' descriptions that of the batch. Each comes with its number of samples.
    fn combine(&self, parts: &[(usize, &[f32])], whole: &mut [f32]);

    /// Writes the output of a shard.
    fn forward(&self, isa: Isa, params: &[f32], whole: &[f32], x: &[f32], y: &mut [f32]);

    /// Writes the sums over a shard that the gradient of every input needs, and adds the parameters' gradient to `dw`. Makes of the
    /// gradient after the activation, if there is one, the one before it.
    fn measure_gradient(
        &self,
        isa: Isa,
        whole: &[f32],
        shard: Shard<'_>,
        part: &mut [f32],
        dw: &mut [f32],
    );

    /// Writes the gradient of a shard's input from what [`Self::measure_gradient`] left in `dy`; `whole` are what describes the batch,
    /// the sums over it, and its samples.
    fn backward(
        &self,
        isa: Isa,
        params: &[f32],
        whole: (&[f32], &[f32], usize),
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
    );

    /// Lets the parameters that are not trained follow a batch.
    fn follow(&self, whole: &[f32], params: &mut [f32]);
}

/// A part of a layer's work on one sample, in inference. To the bits that [`Layer::forward`] writes.
pub trait Part: Send + Sync + fmt::Debug {
    /// What it writes of the sample's output.
    fn output(&self) -> Range<usize>;

    /// Writes that part of the output. `params` are the whole layer's and `x` is the whole sample; `scratch` is at least as long as
    /// the layer's [`WorkSize::scratch`].
    fn forward(&self, isa: Isa, params: &[f32], x: &[f32], y: &mut [f32], scratch: &mut [f32]);
}

/// One named parameter tensor of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Keras's name: `kernel`, `bias`; behind that of the layer, inside a block: `conv2d/kernel`.
    pub name: Cow<'static, str>,
    /// Shape, row-major in the arena.
    pub shape: Vec<usize>,
    /// How it starts.
    pub initializer: Initializer,
    /// What it adds to the loss, if it is regularised.
    pub penalty: Option<Regularizer>,
    /// What it is made to satisfy after every update.
    pub constraint: Option<Constraint>,
    /// How many of its last axes count the outputs, over which a constraint takes no norm: 1, or 2 of a depthwise kernel.
    pub output_axes: usize,
    /// Whether the optimizer changes it. A layer's parameters that are not trained stand behind those that are.
    pub trainable: bool,
}

impl ParamSpec {
    /// A parameter that is trained, without penalty and constraint.
    pub fn new(name: &'static str, shape: Vec<usize>, initializer: Initializer) -> Self {
        let (penalty, constraint) = (None, None);
        let name = name.into();
        Self { name, shape, initializer, penalty, constraint, output_axes: 1, trainable: true }
    }

    /// Its numbers.
    pub fn len(&self) -> usize {
        self.shape.iter().fold(1, |len, &dim| len.saturating_mul(dim))
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A layer built against its input shape.
#[derive(Debug)]
pub struct Built {
    /// The arithmetic.
    pub layer: Box<dyn Layer>,
    /// Output shape without the batch axis.
    pub output: Shape,
    /// Parameters in arena order.
    pub params: Vec<ParamSpec>,
    /// What the layer does, in numbers, for `summary --wide`.
    pub facts: Facts,
}

/// Numbers about a built layer for the wide summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Height and width windows that the layer slides, one behind the other on the way that gives its output its size, for the
    /// derivation and the receptive field.
    pub windows: Vec<[cnn_tensor::Window; 2]>,
    /// Whether every output depends on all pixels of the layer's input, or on all its numbers where it is flat.
    pub sees_all: bool,
    /// Multiply-accumulates per image.
    pub macs: u64,
}

/// Why a layer cannot be built: which key, what was expected, what came, and what would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// The key of the layer's table that is at fault; `None` for the layer as a whole.
    pub key: Option<&'static str>,
    /// Stable code, `M0xx`.
    pub code: &'static str,
    /// What is wrong, with the numbers.
    pub message: String,
    /// What would work.
    pub hint: String,
}
