//! The engine: runs a model over batches, on any number of threads, to the same bits.
//!
//! A batch is cut into **shards** whose size depends on the batch size alone. A thread takes a shard through the whole
//! network and back while its activations are in cache. Then, after one barrier, the parameters are cut into **blocks**: for
//! each block the shards' gradients are added in shard order (or, for a Dense kernel, the gradient is computed over the
//! whole batch), then the gradient of its penalties, and the optimizer updates the block while it is hot. Which thread takes which shard or block changes
//! nothing, so neither does the number of threads.
//!
//! ```text
//! shards:  feed → forward → loss → backward      (threads claim shards)
//! barrier
//! blocks:  gradient of the block → update        (threads claim blocks)
//! ```

mod blocks;
mod feed;
mod metrics;
mod penalties;
mod profile;
mod program;
mod shard;

use crate::loss::Loss;
use crate::model::Model;
use blocks::Blocks;
pub use cnn_kernels::Isa;
use cnn_kernels::pool::Pool;
use feed::Source;
pub use feed::{Feed, MixedFeed, Targets};
pub use metrics::{BatchMetrics, ClassCounts};
use penalties::Penalties;
pub use profile::{PartTime, Profile, peak_multiply_adds};
use program::Program;
use shard::{Batch, Shard};

/// Updates a block of weights from its gradient; the last argument is the block's part of each optimizer slot.
pub type Update<'a> = dyn Fn(&mut [f32], &[f32], &mut [&mut [f32]]) + Sync + 'a;

/// Shards per batch, at most: the parallelism that a batch can have.
pub const MAX_SHARDS: usize = 16;

/// Optimizer slots, at most.
pub const MAX_SLOTS: usize = 3;

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
    /// Whether pairs of layers are merged where that is faster.
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
    /// Shards for inference; made when first needed.
    readers: Vec<Shard>,
    packed: Vec<f32>,
    gradient: Vec<f32>,
    blocks: Blocks,
    penalties: Penalties,
    counts: ClassCounts,
    /// Applied after the network, where the program stops at the logits.
    softmax: bool,
}

impl Engine {
    /// An engine for training and evaluation with this loss.
    pub fn new(model: &Model, loss: &Loss, options: Options) -> Self {
        Self::build(model, Some(*loss), options)
    }

    /// An engine for inference only.
    pub fn for_inference(model: &Model, options: Options) -> Self {
        Self::build(model, None, options)
    }

    fn build(model: &Model, loss: Option<Loss>, options: Options) -> Self {
        let softmax = loss.is_some() && model.ends_in_softmax();
        let program = Program::new(model, options.fuse, softmax);
        let train = loss.is_some();
        let batch_size = options.batch_size.max(1);
        let shard_size = batch_size.div_ceil(MAX_SHARDS).max(MIN_SHARD);
        let count = if train { batch_size.div_ceil(shard_size) } else { 0 };
        let blocks = Blocks::new(&program);
        Self {
            shards: (0..count).map(|_| Shard::new(&program, shard_size, true)).collect(),
            readers: Vec::new(),
            packed: vec![0.0; program.packed_len],
            gradient: vec![0.0; if train { program.params_len } else { 0 }],
            loss,
            isa: options.isa,
            pool: Pool::new(options.threads),
            batch_size,
            shard_size,
            penalties: Penalties::new(model, &blocks),
            blocks,
            counts: ClassCounts::new(loss.map_or(0, |loss| loss.classes())),
            softmax,
            program,
        }
    }

    /// Threads at work, the caller's included.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// One optimizer step on a batch of `n` samples: forward, loss, backward, update. Metrics are those before the update.
    ///
    /// # Panics
    /// If `n` is 0 or above the batch size, or a slice has not the model's length.
    pub fn train_step(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Vec<f32>],
        n: usize,
        feed: &Feed<'_>,
        key: TrainKey,
        update: &Update<'_>,
    ) -> BatchMetrics {
        self.step(weights, slots, n, Source::Plain(feed), key, update)
    }

    /// As [`Self::train_step`], on a batch whose images are mixed in pairs: the loss is share·CE(label) +
    /// (1 − share)·CE(partner), and a sample counts as right where the answer is the label with the larger share.
    ///
    /// # Panics
    /// As [`Self::train_step`].
    pub fn train_step_mixed(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Vec<f32>],
        n: usize,
        feed: &MixedFeed<'_>,
        key: TrainKey,
        update: &Update<'_>,
    ) -> BatchMetrics {
        self.step(weights, slots, n, Source::Mixed(feed), key, update)
    }

    fn step(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Vec<f32>],
        n: usize,
        source: Source<'_>,
        key: TrainKey,
        update: &Update<'_>,
    ) -> BatchMetrics {
        let metrics = self.run_shards(weights, n, source, key);
        match slots {
            [] => self.run_blocks::<2, 0>(n, weights, [], update),
            [a] => self.run_blocks::<3, 1>(n, weights, [a], update),
            [a, b] => self.run_blocks::<4, 2>(n, weights, [a, b], update),
            [a, b, c] => self.run_blocks::<5, 3>(n, weights, [a, b, c], update),
            _ => panic!("{} optimizer slots, at most {MAX_SLOTS}", slots.len()),
        }
        metrics
    }

    /// The mean gradient over a batch, penalties included, written to `gradient`; nothing is updated.
    ///
    /// # Panics
    /// As [`Self::train_step`].
    pub fn gradients(
        &mut self,
        weights: &[f32],
        n: usize,
        feed: &Feed<'_>,
        key: TrainKey,
        gradient: &mut [f32],
    ) -> BatchMetrics {
        let metrics = self.run_shards(weights, n, Source::Plain(feed), key);
        let mut same = weights.to_vec();
        self.run_blocks::<2, 0>(n, &mut same, [], &|_, _, _| {});
        gradient.copy_from_slice(&self.gradient);
        metrics
    }

    /// Loss, penalties included, and right answers over `n` samples, in inference mode.
    pub fn evaluate(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>) -> BatchMetrics {
        let visit: &Visit<'_> = &|shard, batch, metrics, _| {
            shard.evaluate_loss(batch, 1.0);
            metrics.add(&shard.metrics);
        };
        let mut metrics = self.read(weights, n, feed, visit, &mut []);
        metrics.penalty_sum = self.penalty(weights) * n as f64;
        metrics
    }

    /// Samples and right answers of each class in the last batch trained on or data set evaluated.
    pub fn class_counts(&self) -> &ClassCounts {
        &self.counts
    }

    /// The penalty of regularised weights: what [`Self::evaluate`] adds to the mean loss. 0 for a model without regularisers.
    pub fn penalty(&mut self, weights: &[f32]) -> f64 {
        self.penalties.sum(&self.pool, self.isa, weights)
    }

    /// The network's output for `n` samples: probabilities where the model ends in a softmax.
    ///
    /// # Panics
    /// If `output` is not `n` times the model's output.
    pub fn predict(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>, output: &mut [f32]) {
        let slot = self.program.output();
        let classes = self.program.slots[slot];
        assert_eq!(output.len(), n * classes, "room for {n} outputs of {classes} numbers");
        let softmax = self.softmax;
        let visit: &Visit<'_> = &|shard, batch, _, out| {
            out.copy_from_slice(shard.act(batch.program, slot));
            if softmax {
                cnn_kernels::activation::softmax(batch.isa, classes, out);
            }
        };
        self.read(weights, n, feed, visit, output);
    }

    /// Every layer's output for `n` samples, in one forward pass. Meant for engines built with `fuse: false`: a fused
    /// convolution has no output of its own, and its pooling's is returned in its place.
    pub fn activations(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>) -> Vec<Vec<f32>> {
        self.pack(weights);
        let mut shard = Shard::new(&self.program, n.max(1), false);
        let batch = self.batch(weights, Source::Plain(feed), None);
        self.pool
            .for_each(std::slice::from_mut(&mut shard), |_, shard| shard.forward(&batch, 0..n));
        let mut outputs: Vec<Vec<f32>> = self
            .program
            .outputs
            .iter()
            .map(|&slot| shard.act(&self.program, slot).to_vec())
            .collect();
        if self.softmax {
            let output = self.program.output();
            for (out, _) in
                outputs.iter_mut().zip(&self.program.outputs).filter(|(_, slot)| **slot == output)
            {
                cnn_kernels::activation::softmax(self.isa, self.program.slots[output], out);
            }
        }
        outputs
    }

    fn batch<'a>(
        &'a self,
        weights: &'a [f32],
        source: Source<'a>,
        key: Option<TrainKey>,
    ) -> Batch<'a> {
        Batch {
            program: &self.program,
            isa: self.isa,
            loss: self.loss.as_ref(),
            weights,
            packed: &self.packed,
            source,
            key,
        }
    }

    fn pack(&mut self, weights: &[f32]) {
        assert_eq!(weights.len(), self.program.params_len, "the weights are the model's");
        for step in &self.program.steps {
            step.layer.pack(&weights[step.params.clone()], &mut self.packed[step.packed.clone()]);
        }
    }

    /// First half of a step: every shard forward and back.
    fn run_shards(
        &mut self,
        weights: &[f32],
        n: usize,
        source: Source<'_>,
        key: TrainKey,
    ) -> BatchMetrics {
        assert!(0 < n && n <= self.batch_size, "a batch of {n}, made for 1 to {}", self.batch_size);
        self.pack(weights);
        let mut shards = std::mem::take(&mut self.shards);
        let batch = self.batch(weights, source, Some(key));
        let (size, scale) = (self.shard_size, 1.0 / n as f32);
        let used = &mut shards[..n.div_ceil(size)];
        self.pool.for_each(used, |i, shard| {
            shard.counts.clear();
            shard.forward(&batch, i * size..((i + 1) * size).min(n));
            shard.evaluate_loss(&batch, scale);
            shard.backward(&batch);
        });
        let mut metrics = BatchMetrics::default();
        self.counts.clear();
        for shard in used {
            metrics.add(&shard.metrics);
            self.counts.add(&shard.counts);
        }
        self.shards = shards;
        metrics.penalty_sum = self.penalty(weights) * n as f64;
        metrics
    }

    /// Second half of a step: every block's gradient, then its update. N = K + 2: weights, gradient and K slots.
    fn run_blocks<const N: usize, const K: usize>(
        &mut self,
        n: usize,
        weights: &mut [f32],
        slots: [&mut [f32]; K],
        update: &Update<'_>,
    ) {
        let shards = &self.shards[..n.div_ceil(self.shard_size)];
        let (program, isa) = (&self.program, self.isa);
        let (blocks, penalties) = (&self.blocks, &self.penalties);
        let mut slots = slots.into_iter();
        let mut first = [Some(weights), Some(self.gradient.as_mut_slice())].into_iter();
        let slices: [&mut [f32]; N] = std::array::from_fn(|_| {
            first.next().flatten().or_else(|| slots.next()).unwrap_or_default()
        });
        self.pool.for_each_range(blocks.ranges(), slices, |i, parts: [&mut [f32]; N]| {
            let mut parts = parts.into_iter();
            let (Some(w), Some(g)) = (parts.next(), parts.next()) else { return };
            let mut slots: [&mut [f32]; K] =
                std::array::from_fn(|_| parts.next().unwrap_or_default());
            blocks.gradient(i, program, isa, shards, g);
            penalties.add_gradient(i, &blocks.ranges()[i], isa, w, g);
            update(w, g, &mut slots);
        });
    }

    /// Carries `n` samples through the network on all threads; `visit` sees each chunk with its part of `output`.
    /// Returns the sums that it added up, in the order of the samples.
    fn read(
        &mut self,
        weights: &[f32],
        n: usize,
        feed: &Feed<'_>,
        visit: &Visit<'_>,
        output: &mut [f32],
    ) -> BatchMetrics {
        self.pack(weights);
        if self.readers.is_empty() {
            let program = &self.program;
            self.readers =
                (0..MAX_SHARDS).map(|_| Shard::new(program, READ_CHUNK, false)).collect();
        }
        let mut readers = std::mem::take(&mut self.readers);
        let batch = self.batch(weights, Source::Plain(feed), None);
        let share = n.div_ceil(MAX_SHARDS).next_multiple_of(READ_CHUNK);
        let per_sample = output.len().checked_div(n).unwrap_or(0);
        let mut outputs = output.chunks_mut((share * per_sample).max(1));
        let mut jobs: Vec<Job<'_>> = readers
            .iter_mut()
            .map(|shard| (shard, BatchMetrics::default(), outputs.next().unwrap_or_default()))
            .collect();
        self.pool.for_each(&mut jobs, |i, (shard, metrics, out)| {
            shard.counts.clear();
            let (begin, end) = ((i * share).min(n), ((i + 1) * share).min(n));
            let mut at = begin;
            while at < end {
                let next = (at + READ_CHUNK).min(end);
                shard.forward(&batch, at..next);
                let part = &mut out[(at - begin) * per_sample..(next - begin) * per_sample];
                visit(shard, &batch, metrics, part);
                at = next;
            }
        });
        let mut total = BatchMetrics::default();
        self.counts.clear();
        for (shard, metrics, _) in &jobs {
            total.add(metrics);
            self.counts.add(&shard.counts);
        }
        drop(jobs);
        self.readers = readers;
        total
    }
}

/// What reading does with each chunk that went through the network: sums to add to, and the chunk's part of the output.
type Visit<'a> = dyn Fn(&mut Shard, &Batch<'_>, &mut BatchMetrics, &mut [f32]) + Sync + 'a;

/// A reader's memory, its sums and its part of the output.
type Job<'a> = (&'a mut Shard, BatchMetrics, &'a mut [f32]);

/// Samples that a reader carries at once.
const READ_CHUNK: usize = 8;
