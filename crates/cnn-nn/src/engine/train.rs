//! A training step.

use super::blocks::pairs;
use super::meeting::{Meeting, Wide};
use super::panels::{Panels, columns_of};
use super::profile::{Times, timed};
use super::shard::Shard;
use super::{BatchMetrics, Buffer, Engine, Feed, MAX_SLOTS, Source, TrainKey, Update};
use crate::layer::COLUMNS;

impl Engine {
    /// One optimizer step, unless the loss is no number. `times` has the time of each part added.
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
        if !metrics.loss().is_finite() {
            return metrics;
        }
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
        for meeting in &self.meetings {
            if let Meeting::Statistics(of) = meeting {
                of.follow(&self.program, weights);
            }
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
        let mut meetings = std::mem::take(&mut self.meetings);
        let batch = self.batch(weights, source, Some(key), times);
        let (size, scale) = (self.shard_size, 1.0 / n as f32);
        let used = &mut shards[..n.div_ceil(size)];
        for (i, segment) in self.program.segments.iter().enumerate() {
            let before = i.checked_sub(1).map(|before| &meetings[before]);
            let next = self.program.meetings.get(i);
            self.pool.for_each(used, |j, shard| {
                match before {
                    None => shard.load(&batch, j * size..((j + 1) * size).min(n)),
                    Some(meeting) => meeting.leave(&batch, shard),
                }
                shard.forward(&batch, segment.clone(), 0..shard.len());
                if let Some(&next) = next {
                    Meeting::arrive(&batch, next, shard);
                    return;
                }
                shard.counts.clear();
                timed(times.map(|times| &times.loss), || shard.evaluate_loss(&batch, scale));
                shard.backward(&batch, segment.clone());
                if let Some(meeting) = before {
                    meeting.return_to(&batch, shard);
                }
            });
            match meetings.get_mut(i) {
                Some(Meeting::Wide(wide)) => self.run_wide(weights, n, used, wide, times),
                Some(Meeting::Statistics(of)) => of.combine(&self.program, used),
                None => {}
            }
        }
        let mut metrics = BatchMetrics::default();
        self.counts.clear();
        for shard in used {
            metrics.add(&shard.metrics);
            self.counts.add(&shard.counts);
        }
        (self.shards, self.meetings) = (shards, meetings);
        metrics.penalty_sum += self.penalty(weights) * n as f64;
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
        let Some(layer) = step.whole_batch() else { return };
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
        let mut meetings = std::mem::take(&mut self.meetings);
        let mut gradients = std::mem::take(&mut self.gradients);
        let used = &mut shards[..n.div_ceil(self.shard_size)];
        for i in (0..meetings.len()).rev() {
            let (before, rest) = meetings.split_at_mut(i);
            let this = &mut rest[0];
            let x = self.program.steps[this.step()].x();
            match this {
                Meeting::Wide(wide) => {
                    wide.dx.set_rows(n * self.program.rows(wide.step));
                    let (group, dx) = (wide.group, &mut wide.dx);
                    self.update_blocks::<N, K>(
                        group,
                        used,
                        weights,
                        &mut slots,
                        dx,
                        &mut gradients,
                        update,
                        times,
                    );
                }
                Meeting::Statistics(of) => {
                    of.add_up(&self.batch(weights, source, Some(key), times), used);
                }
            }
            if this.step() <= self.program.first_trained() {
                continue;
            }
            let batch = self.batch(weights, source, Some(key), times);
            let learns = self.program.learns[x];
            self.pool.for_each(used, |_, shard| {
                if learns {
                    this.leave_back(&batch, shard);
                }
                shard.backward(&batch, self.program.segments[i].clone());
                if let Some(before) = before.last() {
                    before.return_to(&batch, shard);
                }
            });
        }
        let others = self.program.wide.len();
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
        (self.shards, self.meetings) = (shards, meetings);
        (self.nothing, self.gradients) = (none, gradients);
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
            if let Some(layer) = program.steps[step].whole_batch().filter(|_| !dx.is_empty()) {
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
