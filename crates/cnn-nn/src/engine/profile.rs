//! Where the time of a training step goes, and how far that is from what the processor could do.

use super::program::Program;
use super::{BatchMetrics, Buffer, Engine, Feed, Isa, Source, TrainKey, Update};
use crate::model::Model;
use cnn_kernels::pool::Pool;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Backward, but for what is done once per batch.
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
        let (mut next, mut parts) = (0, Vec::<PartTime>::new());
        for step in &program.steps {
            let gradients =
                if step.params.is_empty() { 0 } else { 1 + u64::from(program.learns[step.x()]) };
            if step.index < next
                && let Some(part) = parts.last_mut()
            {
                part.macs_forward += step.macs;
                part.macs_backward += gradients * step.macs;
                continue;
            }
            let reshapes = model.layers()[next..].iter().take_while(|l| l.layer.is_reshape());
            let layers = next + reshapes.count()..step.index + 1;
            next = layers.end;
            parts.push(PartTime {
                layers,
                macs_forward: step.macs,
                macs_backward: gradients * step.macs,
                forward: Duration::ZERO,
                backward: Duration::ZERO,
                update: Duration::ZERO,
            });
        }
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
        slots: &mut [Buffer],
        n: usize,
        feed: &Feed<'_>,
        key: TrainKey,
        update: &Update<'_>,
        profile: &mut Profile,
    ) -> BatchMetrics {
        let last = profile.parts.last().map(|part| part.layers.end - 1);
        let own = self.program.steps.last().map(|step| step.index);
        assert_eq!(last, own, "a profile of this engine");
        let times = Times::new(self.program.steps.len());
        let alone = Pool::with_denormals(1, self.isa.denormals());
        let pool = std::mem::replace(&mut self.pool, alone);
        let metrics = self.step(weights, slots, n, Source::Plain(feed), key, update, Some(&times));
        self.pool = pool;
        times.add_to(&self.program, profile);
        profile.steps += 1;
        profile.images += n as u64;
        metrics
    }
}

/// Nanoseconds spent on each part of a step, by all threads together.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) feed: AtomicU64,
    pub(super) pack: AtomicU64,
    pub(super) loss: AtomicU64,
    /// By step of the program, as the two below.
    pub(super) forward: Vec<AtomicU64>,
    pub(super) backward: Vec<AtomicU64>,
    pub(super) update: Vec<AtomicU64>,
}

impl Times {
    fn new(steps: usize) -> Self {
        let by_step = || (0..steps).map(|_| AtomicU64::new(0)).collect();
        let [feed, pack, loss] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { feed, pack, loss, forward: by_step(), backward: by_step(), update: by_step() }
    }

    fn add_to(self, program: &Program, profile: &mut Profile) {
        let add = |to: &mut Duration, nanos: AtomicU64| {
            *to += Duration::from_nanos(nanos.into_inner());
        };
        add(&mut profile.feed, self.feed);
        add(&mut profile.pack, self.pack);
        add(&mut profile.loss, self.loss);
        let by_step = self.forward.into_iter().zip(self.backward).zip(self.update);
        for (step, ((forward, backward), update)) in program.steps.iter().zip(by_step) {
            let at = profile.parts.partition_point(|part| part.layers.end <= step.index);
            let part = &mut profile.parts[at];
            add(&mut part.forward, forward);
            add(&mut part.backward, backward);
            add(&mut part.update, update);
        }
    }
}

/// Does the work, and adds its time where it is wanted.
pub(super) fn timed<T>(nanos: Option<&AtomicU64>, work: impl FnOnce() -> T) -> T {
    let Some(nanos) = nanos else { return work() };
    let start = Instant::now();
    let result = work();
    nanos.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    result
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
