//! Inference: evaluation, prediction, and what every layer answers.

use super::shard::{Batch, Shard};
use super::{BatchMetrics, Engine, Feed, MAX_SHARDS, Source};

/// Samples that a wide step is run over at once: enough to read its weights seldom, and no more than 16 threads have something to
/// do with a few hundred.
const CHUNK: usize = 16;

/// Samples that the other steps are run over at once: few, so that their activations stay in the second-level cache, but enough
/// for the kernels.
const PIECE: usize = 4;

impl Engine {
    /// Loss, penalties included, and right answers over `n` samples, in inference mode.
    pub fn evaluate(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>) -> BatchMetrics {
        let visit: &Visit<'_> = &|shard, batch, metrics, _| {
            shard.evaluate_loss(batch, 1.0);
            metrics.add(&shard.metrics);
        };
        let mut metrics = self.read(weights, n, feed, visit, &mut []);
        metrics.penalty_sum += self.penalty(weights) * n as f64;
        metrics
    }

    /// The network's output for `n` samples: probabilities where the model ends in a softmax.
    ///
    /// # Panics
    /// If `output` is not `n` times the model's output.
    pub fn predict(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>, output: &mut [f32]) {
        let slot = self.program.output();
        let classes = self.program.slots[slot];
        assert_eq!(output.len(), n * classes, "room for {n} outputs of {classes} numbers");
        let link = self.link;
        let visit: &Visit<'_> = &|shard, batch, _, out| {
            out.copy_from_slice(shard.act(batch.program, slot));
            if let Some(link) = link {
                link.apply(batch.isa, classes, out);
            }
        };
        self.read(weights, n, feed, visit, output);
    }

    /// Every layer's output for `n` samples, in one forward pass. Meant for engines built with `fuse: false`: a fused
    /// convolution has no output of its own, and its pooling's is returned in its place.
    pub fn activations(&mut self, weights: &[f32], n: usize, feed: &Feed<'_>) -> Vec<Vec<f32>> {
        self.check(weights);
        let mut shard = Shard::new(&self.program, n.max(1), false);
        let batch = self.batch(weights, Source::Plain(feed), None, None);
        self.pool.for_each(std::slice::from_mut(&mut shard), |_, shard| {
            shard.load(&batch, 0..n);
            shard.forward(&batch, 0..self.program.steps.len(), 0..n);
        });
        let mut outputs: Vec<Vec<f32>> = self
            .program
            .outputs
            .iter()
            .map(|&slot| shard.act(&self.program, slot).to_vec())
            .collect();
        if let Some(link) = self.link {
            let output = self.program.output();
            for (out, _) in
                outputs.iter_mut().zip(&self.program.outputs).filter(|(_, slot)| **slot == output)
            {
                link.apply(self.isa, self.program.slots[output], out);
            }
        }
        outputs
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
        self.check(weights);
        let share = n.div_ceil(MAX_SHARDS).next_multiple_of(CHUNK);
        let mut readers = std::mem::take(&mut self.readers);
        // A single sample is carried through one, by all threads.
        let wanted = if n == 1 { 1 } else { self.threads() };
        while readers.len() < wanted {
            readers.push(Shard::new(&self.program, CHUNK, false));
        }
        let mut single = std::mem::take(&mut self.single);
        let batch = self.batch(weights, Source::Plain(feed), None, None);
        let per_sample = output.len().checked_div(n).unwrap_or(0);
        let mut outputs = output.chunks_mut((share * per_sample).max(1));
        let mut jobs: Vec<Job<'_>> = (0..n.div_ceil(share.max(1)))
            .map(|_| (BatchMetrics::default(), outputs.next().unwrap_or_default()))
            .collect();
        if n == 1 {
            let (shard, (metrics, out)) = (&mut readers[0], &mut jobs[0]);
            single.infer(&self.pool, shard, &batch);
            visit(shard, &batch, metrics, out);
        } else {
            self.pool.for_each_with(&mut readers, &mut jobs, |shard, i, (metrics, out)| {
                let (begin, end) = ((i * share).min(n), ((i + 1) * share).min(n));
                let mut at = begin;
                while at < end {
                    let next = (at + CHUNK).min(end);
                    shard.load(&batch, at..next);
                    shard.infer(&batch, PIECE);
                    let part = &mut out[(at - begin) * per_sample..(next - begin) * per_sample];
                    visit(shard, &batch, metrics, part);
                    at = next;
                }
            });
        }
        let mut total = BatchMetrics::default();
        self.counts.clear();
        for (metrics, _) in &jobs {
            total.add(metrics);
        }
        for shard in &mut readers {
            self.counts.add(&shard.counts);
            shard.counts.clear();
        }
        (self.readers, self.single) = (readers, single);
        total
    }
}

/// What reading does with each chunk that went through the network: sums to add to, and the chunk's part of the output.
type Visit<'a> = dyn Fn(&mut Shard, &Batch<'_>, &mut BatchMetrics, &mut [f32]) + Sync + 'a;

/// The sums of neighbouring samples, and their part of the output.
type Job<'a> = (BatchMetrics, &'a mut [f32]);
