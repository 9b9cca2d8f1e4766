//! A training step.

use super::blocks::{Blocks, pairs};
use super::panels::{Panels, columns_of};
use super::profile::{Times, timed};
use super::program::Program;
use super::shard::Shard;
use super::{BatchMetrics, Buffer, Engine, Feed, MAX_SLOTS, Source, TrainKey, Update};
use crate::layer::COLUMNS;

/// What the whole batch has in common at a wide step.
#[derive(Debug)]
pub(super) struct Wide {
    step: usize,
    /// Outputs, before the activation.
    y: Panels,
    /// Gradient of the inputs; of no numbers where nothing before the step is trained.
    dx: Panels,
}

impl Wide {
    /// Room for the wide steps of the program, in order.
    pub(super) fn all(program: &Program, batch_size: usize) -> Vec<Self> {
        let wide = program.wide.iter().filter_map(|&step| {
            let layer = program.steps[step].layer.whole_batch()?;
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            let rows = batch_size * program.rows(step);
            let len = Blocks::len(Some(layer));
            let blocks = program.steps[step].params.len().div_ceil(len);
            let trained = if step > program.first_trained() { inputs } else { 0 };
            Some(Self {
                step,
                y: Panels::new(outputs, COLUMNS, outputs.div_ceil(COLUMNS), rows),
                dx: Panels::new(trained, len / outputs, blocks, rows),
            })
        });
        wide.collect()
    }
}

impl Engine {
    /// One optimizer step. `times` has the time of each part added.
    pub(super) fn step(
        &mut self,
        weights: &mut [f32],
        slots: &mut [Buffer],
        n: usize,
        source: Source<'_>,
        key: TrainKey,
        update: &Update<'_>,
        times: Option<&Times>,
    ) -> BatchMetrics {
        let metrics = self.run_forward(weights, n, source, key, times);
        match slots {
            [] => self.run_backward::<2, 0>(weights, [], n, source, key, update, times),
            [a] => self.run_backward::<3, 1>(weights, [a], n, source, key, update, times),
            [a, b] => self.run_backward::<4, 2>(weights, [a, b], n, source, key, update, times),
            [a, b, c] => {
                self.run_backward::<5, 3>(weights, [a, b, c], n, source, key, update, times);
            }
            [a, b, c, d] => {
                self.run_backward::<6, 4>(weights, [a, b, c, d], n, source, key, update, times);
            }
            [a, b, c, d, e] => {
                self.run_backward::<7, 5>(weights, [a, b, c, d, e], n, source, key, update, times);
            }
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
        let (mut same, source) = (weights.to_vec(), Source::Plain(feed));
        let keep = |_: usize, _: &mut [f32], g: &mut [f32], kept: &mut [&mut [f32]]| {
            kept[0].copy_from_slice(g);
        };
        let metrics = self.run_forward(weights, n, source, key, None);
        self.run_backward::<3, 1>(&mut same, [gradient], n, source, key, &keep, None);
        metrics
    }

    /// Every shard forward, and back through the last segment.
    fn run_forward(
        &mut self,
        weights: &[f32],
        n: usize,
        source: Source<'_>,
        key: TrainKey,
        times: Option<&Times>,
    ) -> BatchMetrics {
        assert!(0 < n && n <= self.batch_size, "a batch of {n}, made for 1 to {}", self.batch_size);
        timed(times.map(|times| &times.pack), || self.pack(weights));
        let mut shards = std::mem::take(&mut self.shards);
        let mut wide = std::mem::take(&mut self.wide);
        let batch = self.batch(weights, source, Some(key), times);
        let (size, scale) = (self.shard_size, 1.0 / n as f32);
        let used = &mut shards[..n.div_ceil(size)];
        for (i, segment) in self.program.segments.iter().enumerate() {
            let before = i.checked_sub(1).map(|before| &wide[before]);
            self.pool.for_each(used, |j, shard| {
                match before {
                    None => shard.load(&batch, j * size..((j + 1) * size).min(n)),
                    Some(wide) => shard.take_output(&batch, wide.step, &wide.y),
                }
                shard.forward(&batch, segment.clone(), 0..shard.len());
                if i == wide.len() {
                    shard.counts.clear();
                    timed(times.map(|times| &times.loss), || shard.evaluate_loss(&batch, scale));
                    shard.backward(&batch, segment.clone());
                    if let Some(wide) = before {
                        shard.backward_activation(&batch, wide.step);
                    }
                }
            });
            if let Some(wide) = wide.get_mut(i) {
                self.run_wide(weights, n, used, wide, times);
            }
        }
        let mut metrics = BatchMetrics::default();
        self.counts.clear();
        for shard in used {
            metrics.add(&shard.metrics);
            self.counts.add(&shard.counts);
        }
        (self.shards, self.wide) = (shards, wide);
        metrics.penalty_sum = self.penalty(weights) * n as f64;
        metrics
    }

    /// The outputs of a wide step.
    fn run_wide(
        &self,
        weights: &[f32],
        n: usize,
        shards: &[Shard],
        wide: &mut Wide,
        times: Option<&Times>,
    ) {
        let step = &self.program.steps[wide.step];
        let Some(layer) = step.layer.whole_batch() else { return };
        let pairs = pairs(&self.program, wide.step, shards);
        let params = &weights[step.params.clone()];
        wide.y.set_rows(n * self.program.rows(wide.step));
        let (sums, bounds) = wide.y.parts();
        let none = &mut vec![(); self.threads()];
        self.pool.for_each_range(bounds.len(), none, [(sums, bounds)], |(), panel, [y]| {
            timed(times.map(|times| &times.forward[wide.step]), || {
                let columns = columns_of(panel, COLUMNS, layer.outputs());
                layer.forward(self.isa, params, &pairs[..shards.len()], columns, y);
            });
        });
    }

    /// The rest of the way back, and the update. N = K + 2: weights, the gradient of a wide step's input, and K slots.
    fn run_backward<const N: usize, const K: usize>(
        &mut self,
        weights: &mut [f32],
        mut slots: [&mut [f32]; K],
        n: usize,
        source: Source<'_>,
        key: TrainKey,
        update: &Update<'_>,
        times: Option<&Times>,
    ) {
        let mut shards = std::mem::take(&mut self.shards);
        let mut wide = std::mem::take(&mut self.wide);
        let mut gradients = std::mem::take(&mut self.gradients);
        let used = &mut shards[..n.div_ceil(self.shard_size)];
        for i in (0..wide.len()).rev() {
            let (before, rest) = wide.split_at_mut(i);
            let this = &mut rest[0];
            this.dx.set_rows(n * self.program.rows(this.step));
            let dx = &mut this.dx;
            self.update_blocks::<N, K>(
                i,
                used,
                weights,
                &mut slots,
                dx,
                &mut gradients,
                update,
                times,
            );
            if this.step <= self.program.first_trained() {
                continue;
            }
            let batch = self.batch(weights, source, Some(key), times);
            self.pool.for_each(used, |_, shard| {
                shard.take_input_gradient(&batch, this.step, &this.dx);
                shard.backward(&batch, self.program.segments[i].clone());
                if let Some(before) = before.last() {
                    shard.backward_activation(&batch, before.step);
                }
            });
        }
        let others = wide.len();
        let mut none = std::mem::take(&mut self.nothing);
        let dx = &mut none;
        self.update_blocks::<N, K>(
            others,
            used,
            weights,
            &mut slots,
            dx,
            &mut gradients,
            update,
            times,
        );
        (self.shards, self.wide, self.nothing, self.gradients) = (shards, wide, none, gradients);
    }

    /// The gradients of a group of blocks, then their update. What a wide step hands back to its input comes first, from the
    /// same weights while they are hot and not yet changed.
    fn update_blocks<const N: usize, const K: usize>(
        &self,
        group: usize,
        shards: &[Shard],
        weights: &mut [f32],
        slots: &mut [&mut [f32]; K],
        dx: &mut Panels,
        gradients: &mut [Buffer],
        update: &Update<'_>,
        times: Option<&Times>,
    ) {
        let (program, isa, blocks) = (&self.program, self.isa, self.blocks.group(group));
        let ranges = &self.blocks.ranges()[blocks.clone()];
        let mut slots = slots.iter_mut().map(|slot| (&mut **slot, ranges));
        let mut first = [(weights, ranges), dx.parts()].into_iter();
        let slices: [(&mut [f32], &[_]); N] =
            std::array::from_fn(|_| first.next().or_else(|| slots.next()).unwrap_or_default());
        self.pool.for_each_range(blocks.len(), gradients, slices, |g, i, parts| {
            let block = blocks.start + i;
            let step = self.blocks.step(block);
            let mut parts = parts.into_iter();
            let (Some(w), Some(dx)) = (parts.next(), parts.next()) else { return };
            let mut slots: [&mut [f32]; K] =
                std::array::from_fn(|_| parts.next().unwrap_or_default());
            if let Some(layer) = program.steps[step].layer.whole_batch().filter(|_| !dx.is_empty())
            {
                timed(times.map(|times| &times.backward[step]), || {
                    let pairs = pairs(program, step, shards);
                    let rows: usize = pairs.iter().map(|(_, dy)| dy.len() / layer.outputs()).sum();
                    let kernel = &w[..dx.len() / rows * layer.outputs()];
                    layer.backward_input(isa, kernel, &pairs[..shards.len()], dx);
                });
            }
            timed(times.map(|times| &times.update[step]), || {
                let g = &mut g[..w.len()];
                self.blocks.gradient(block, program, isa, shards, g);
                self.penalties.add_gradient(block, &ranges[i], isa, w, g);
                update(ranges[i].start, w, g, &mut slots);
            });
        });
    }
}
