//! Where the time of a training step goes, and how far that is from what the processor could do.

use super::shard::{Batch, Shard};
use super::{BatchMetrics, Engine, Feed, Isa, Source, TrainKey, Update};
use crate::model::Model;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Time spent on each part of training steps, added up over [`Engine::profile_step`].
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Steps taken.
    pub steps: u64,
    /// Images carried through the network, forward and back.
    pub images: u64,
    /// Fetching images: gathering, and bytes to floats.
    pub feed: Duration,
    /// Rearranging weights for the kernels, once a step.
    pub pack: Duration,
    /// The loss and its gradient.
    pub loss: Duration,
    /// The layers, or pairs of layers that are run as one, in order; reshapes have no part.
    pub parts: Vec<PartTime>,
}

/// Time spent on one layer, or on two that are run as one.
#[derive(Clone, Debug, PartialEq)]
pub struct PartTime {
    /// Positions in the model: one layer or two.
    pub layers: Range<usize>,
    /// Multiply-adds of one image, forward, as the plain algorithm has them.
    pub macs_forward: u64,
    /// The same of both gradients, or of one of them in the first layer that is trained. A kernel that skips zeros does fewer.
    pub macs_backward: u64,
    /// Forward.
    pub forward: Duration,
    /// Backward, as far as it goes image by image.
    pub backward: Duration,
    /// Per batch: adding gradients up (or computing them, for a Dense kernel), penalties, and the optimizer.
    pub update: Duration,
}

impl Profile {
    /// All of the time.
    pub fn total(&self) -> Duration {
        let parts = self.parts.iter().map(|part| part.forward + part.backward + part.update);
        self.feed + self.pack + self.loss + parts.sum::<Duration>()
    }

    /// Multiply-adds of one image, forward and backward.
    pub fn macs(&self) -> u64 {
        self.parts.iter().map(|part| part.macs_forward + part.macs_backward).sum()
    }
}

impl Engine {
    /// An empty profile of this engine's program. `model` is the one that the engine was made of.
    pub fn profile(&self, model: &Model) -> Profile {
        let program = &self.program;
        let mut next = 0;
        let parts = program.steps.iter().enumerate().map(|(i, step)| {
            let reshapes = model.layers()[next..].iter().take_while(|l| l.layer.is_reshape());
            let layers = next + reshapes.count()..step.index + 1;
            next = layers.end;
            let macs: u64 = model.layers()[layers.clone()].iter().map(|layer| layer.macs).sum();
            let gradients = match i.cmp(&program.first_trained()) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => 1,
                std::cmp::Ordering::Greater => 2,
            };
            PartTime {
                layers,
                macs_forward: macs,
                macs_backward: gradients * macs,
                forward: Duration::ZERO,
                backward: Duration::ZERO,
                update: Duration::ZERO,
            }
        });
        let parts = parts.collect();
        let zero = Duration::ZERO;
        Profile { steps: 0, images: 0, feed: zero, pack: zero, loss: zero, parts }
    }

    /// One training step, as [`Engine::train_step`] and to the same bits, but on one thread alone and with the time of each
    /// part added to `profile`.
    ///
    /// # Panics
    /// As [`Engine::train_step`]; also if `profile` is of another program.
    pub fn profile_step(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Vec<f32>],
        n: usize,
        feed: &Feed<'_>,
        key: TrainKey,
        update: &Update<'_>,
        profile: &mut Profile,
    ) -> BatchMetrics {
        assert!(0 < n && n <= self.batch_size, "a batch of {n}, made for 1 to {}", self.batch_size);
        assert_eq!(profile.parts.len(), self.program.steps.len(), "a profile of this engine");
        let mut clock = Clock::new();
        self.pack(weights);
        clock.add(&mut profile.pack);
        let mut shards = std::mem::take(&mut self.shards);
        let mut gradient = std::mem::take(&mut self.gradient);
        let batch = self.batch(weights, Source::Plain(feed), Some(key));
        let size = self.shard_size;
        let used = &mut shards[..n.div_ceil(size)];
        // One job: one thread does all of it, with denormals flushed as the pool does.
        self.pool.for_each(&mut [(&mut *used, &mut *profile)], |_, (used, profile)| {
            for (i, shard) in used.iter_mut().enumerate() {
                let range = i * size..((i + 1) * size).min(n);
                profile_shard(shard, &batch, range, 1.0 / n as f32, profile);
            }
        });
        let mut metrics = BatchMetrics::default();
        for shard in used.iter() {
            metrics.add(&shard.metrics);
        }
        metrics.penalty_sum = self.penalty(weights) * n as f64;

        let used = &shards[..n.div_ceil(size)];
        let job = (weights, gradient.as_mut_slice(), slots, &mut *profile);
        self.pool.for_each(&mut [job], |_, (weights, gradient, slots, profile)| {
            let mut clock = Clock::new();
            for (i, range) in self.blocks.ranges().iter().enumerate() {
                let (w, g) = (&mut weights[range.clone()], &mut gradient[range.clone()]);
                self.blocks.gradient(i, &self.program, self.isa, used, g);
                self.penalties.add_gradient(i, range, self.isa, w, g);
                let mut slots: Vec<&mut [f32]> =
                    slots.iter_mut().map(|slot| &mut slot[range.clone()]).collect();
                update(w, g, &mut slots);
                clock.add(&mut profile.parts[self.blocks.step(i)].update);
            }
        });
        (self.shards, self.gradient) = (shards, gradient);
        profile.steps += 1;
        profile.images += n as u64;
        metrics
    }
}

/// One shard forward and back.
fn profile_shard(
    shard: &mut Shard,
    batch: &Batch<'_>,
    range: Range<usize>,
    scale: f32,
    profile: &mut Profile,
) {
    let mut clock = Clock::new();
    shard.load(batch, range);
    clock.add(&mut profile.feed);
    for (step, part) in profile.parts.iter_mut().enumerate() {
        shard.forward_step(batch, step);
        clock.add(&mut part.forward);
    }
    shard.evaluate_loss(batch, scale);
    shard.dw.fill(0.0);
    clock.add(&mut profile.loss);
    let trained = profile.parts.iter_mut().enumerate().skip(batch.program.first_trained());
    for (step, part) in trained.rev() {
        shard.backward_step(batch, step);
        clock.add(&mut part.backward);
    }
}

/// Gives each part of the work the time since the part before it.
struct Clock(Instant);

impl Clock {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn add(&mut self, to: &mut Duration) {
        let now = Instant::now();
        *to += now - self.0;
        self.0 = now;
    }
}

/// Multiply-adds per second that `threads` threads reach together in registers alone, the best of a few short attempts: what
/// no kernel can exceed, except by leaving terms out. Takes about a tenth of a second.
pub fn peak_multiply_adds(isa: Isa, threads: usize) -> f64 {
    const ATTEMPTS: usize = 8;
    let attempt = || {
        let mut rounds = 1000;
        loop {
            let start = Instant::now();
            let (count, sum) = cnn_kernels::peak::multiply_adds(isa, rounds);
            std::hint::black_box(sum);
            let seconds = start.elapsed().as_secs_f64();
            // Long enough for the clock, short enough to fit between two other programs' turns.
            if seconds > 5e-3 {
                return count as f64 / seconds;
            }
            rounds *= 2;
        }
    };
    let of_thread = || (0..ATTEMPTS).map(|_| attempt()).fold(0.0, f64::max);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(of_thread)).collect();
        let own = of_thread();
        own + others.into_iter().map(|other| other.join().unwrap_or(0.0)).sum::<f64>()
    })
}
