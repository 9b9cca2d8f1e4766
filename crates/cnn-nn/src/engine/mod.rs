//! The engine: runs a model over batches, on any number of threads, to the same bits.
//!
//! A batch is cut into **shards** whose size depends on the batch size alone. A thread takes a shard through a **segment** of
//! the network while its activations are in cache: through all of it, or from one step where the shards **meet** to the next. A
//! **wide** step is a Dense layer whose kernel is so large that it is worth reading once per batch: the threads share out its outputs.
//! A batch normalisation is measured shard by shard, and goes on when the whole batch's statistics are known. After the
//! backward pass of each segment the parameters are cut into **blocks**: for each block the shards' gradients are added in
//! shard order (or, for a Dense kernel, the gradient is computed over the whole batch), then the gradient of its penalties,
//! and the optimizer updates the block while it is hot. Which thread takes which shard or block changes nothing, so neither
//! does the number of threads.
//!
//! ```text
//! shards:   feed → forward                        (threads claim shards)
//! columns:  outputs of a wide step                (threads claim columns)
//! shards:   forward → loss → backward
//! blocks:   of the wide step: gradient of its input from the block, gradient of the block → update
//! shards:   backward
//! blocks:   of all other steps: gradient of the block → update        (threads claim blocks)
//! ```
//!
//! Between any two lines all threads meet. A network without such steps has two lines.
//!
//! To answer, threads claim samples, some at a time; the work on a single one is cut layer by layer.

mod blocks;
mod fault;
mod feed;
mod meeting;
mod metrics;
mod panels;
mod penalties;
mod profile;
mod program;
mod read;
mod shard;
mod single;
mod train;

use crate::layer::Link;
use crate::loss::Loss;
use crate::model::Model;
use blocks::Blocks;
pub use cnn_kernels::pool::Pool;
pub use cnn_kernels::{Buffer, Isa};
pub use fault::NotFinite;
use feed::Source;
pub use feed::{Feed, MixedFeed, Targets};
use meeting::Meeting;
pub use metrics::{BatchMetrics, ClassCounts, MAX_TOP_K};
use panels::Panels;
use penalties::Penalties;
use profile::Times;
pub use profile::{PartTime, Profile, peak_multiply_adds};
use program::Program;
use shard::{Batch, Shard};
use single::Single;

/// Updates a block of weights from its gradient: where the block begins among all parameters, its weights, its gradient (not needed
/// afterwards), and its part of each optimizer slot.
pub type Update<'a> = dyn Fn(usize, &mut [f32], &mut [f32], &mut [&mut [f32]]) + Sync + 'a;

/// Shards per batch, at most: the parallelism that a batch can have.
pub const MAX_SHARDS: usize = 16;

/// Optimizer slots, at most.
pub const MAX_SLOTS: usize = 5;

/// Samples per shard, at least: fewer would starve the kernels.
const MIN_SHARD: usize = 4;

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads; 1 or more.
    pub threads: usize,
    /// Instruction set.
    pub isa: Isa,
    /// The largest training batch.
    pub batch_size: usize,
    /// Whether the work is rearranged where that is faster: pairs of layers merged, large Dense layers run over the whole
    /// batch at once. The numbers are the same.
    pub fuse: bool,
}

/// Where the random numbers of a training step come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainKey {
    /// The run's seed.
    pub seed: u64,
    /// Optimizer steps taken before this one.
    pub step: u64,
}

/// Runs one model: its program, its threads and its memory.
#[derive(Debug)]
pub struct Engine {
    program: Program,
    loss: Option<Loss>,
    isa: Isa,
    pool: Pool,
    batch_size: usize,
    shard_size: usize,
    shards: Vec<Shard>,
    /// A shard for inference for each thread; made when first needed.
    readers: Vec<Shard>,
    single: Single,
    packed: Buffer,
    /// Where all shards meet, in order.
    meetings: Vec<Meeting>,
    /// What the blocks that are of no wide step write in place of an input's gradient.
    nothing: Panels,
    blocks: Blocks,
    /// The gradient of one block, for each thread.
    gradients: Vec<Buffer>,
    penalties: Penalties,
    counts: ClassCounts,
    /// Applied after the network, where the program stops at the scores before it.
    link: Option<Link>,
}

impl Engine {
    /// An engine for training and evaluation with this loss.
    pub fn new(model: &Model, loss: &Loss, options: Options) -> Self {
        Self::build(model, Some(loss.clone()), options)
    }

    /// An engine for inference only.
    pub fn for_inference(model: &Model, options: Options) -> Self {
        Self::build(model, None, options)
    }

    fn build(model: &Model, loss: Option<Loss>, options: Options) -> Self {
        let link = loss.as_ref().and_then(Loss::link);
        let program = Program::new(model, options.fuse, link);
        let train = loss.is_some();
        let batch_size = options.batch_size.max(1);
        let shard_size = batch_size.div_ceil(MAX_SHARDS).max(MIN_SHARD);
        let count = if train { batch_size.div_ceil(shard_size) } else { 0 };
        let blocks = Blocks::new(&program);
        let pool = Pool::with_denormals(options.threads, options.isa.denormals());
        let longest = if train { blocks.longest() } else { 0 };
        Self {
            shards: (0..count).map(|_| Shard::new(&program, shard_size, true)).collect(),
            readers: Vec::new(),
            single: Single::new(&program, pool.threads()),
            packed: Buffer::zeros(program.packed_len),
            nothing: Panels::new(0, 0, blocks.group(program.wide.len()).len(), 0),
            meetings: if train { Meeting::all(&program, batch_size) } else { Vec::new() },
            gradients: (0..pool.threads()).map(|_| Buffer::zeros(longest)).collect(),
            isa: options.isa,
            pool,
            batch_size,
            shard_size,
            penalties: Penalties::new(model, &blocks),
            blocks,
            counts: ClassCounts::new(loss.as_ref().map_or(0, Loss::classes)),
            loss,
            link,
            program,
        }
    }

    /// Balances the classes where the loss asks for that, for training images of which there are so many of each class.
    pub fn balance(&mut self, images: &[u64]) {
        if let Some(loss) = &mut self.loss {
            loss.balance(images);
        }
    }

    /// Threads at work, the caller's included.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The threads, for work between two steps.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// One optimizer step on a batch of `n` samples: forward, loss, backward, update. Metrics are those before the update. Where the
    /// loss is NaN or infinite nothing is updated, unlike in Keras and `PyTorch`, where all weights become NaN:
    /// [`Self::first_not_finite`] says where it comes from.
    ///
    /// # Panics
    /// If `n` is 0 or above the batch size, or a slice has not the model's length.
    pub fn train_step(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Buffer],
        n: usize,
        feed: &Feed<'_>,
        key: TrainKey,
        update: &Update<'_>,
    ) -> BatchMetrics {
        self.step(weights, slots, n, Source::Plain(feed), key, update, None)
    }

    /// As [`Self::train_step`], on a batch whose images are mixed in pairs: the loss is share·CE(label) +
    /// (1 − share)·CE(partner), and a sample counts as right where the answer is the label with the larger share.
    ///
    /// # Panics
    /// As [`Self::train_step`].
    pub fn train_step_mixed(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Buffer],
        n: usize,
        feed: &MixedFeed<'_>,
        key: TrainKey,
        update: &Update<'_>,
    ) -> BatchMetrics {
        self.step(weights, slots, n, Source::Mixed(feed), key, update, None)
    }

    /// Samples and right answers of each class in the last batch trained on or data set evaluated.
    pub fn class_counts(&self) -> &ClassCounts {
        &self.counts
    }

    /// The penalty of regularised weights: what [`Self::evaluate`] adds to the mean loss. 0 for a model without regularisers.
    pub fn penalty(&mut self, weights: &[f32]) -> f64 {
        self.penalties.sum(&self.pool, self.isa, weights)
    }

    fn batch<'a>(
        &'a self,
        weights: &'a [f32],
        source: Source<'a>,
        key: Option<TrainKey>,
        times: Option<&'a Times>,
    ) -> Batch<'a> {
        Batch {
            program: &self.program,
            isa: self.isa,
            loss: self.loss.as_ref(),
            weights,
            packed: &self.packed,
            source,
            key,
            times,
        }
    }

    fn check(&self, weights: &[f32]) {
        assert_eq!(weights.len(), self.program.params_len, "the weights are the model's");
    }

    /// Rearranges the weights for the way back.
    fn pack(&mut self, weights: &[f32]) {
        self.check(weights);
        for step in &self.program.steps {
            let Some(layer) = step.layer() else { continue };
            layer.pack(&weights[step.params.clone()], &mut self.packed[step.packed.clone()]);
        }
    }
}
