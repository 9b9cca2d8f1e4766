//! The memory of one shard, and the walk of a shard through the network and back.

use super::panels::Panels;
use super::profile::{Times, timed};
use super::program::{Program, Step, StepKind};
use super::{BatchMetrics, ClassCounts, Source, Targets, TrainKey};
use crate::block::Join;
use crate::layer::{self, Layer, Pass, Weights, Work};
use crate::loss::{Labels, Loss};
use cnn_kernels::{Buffer, Isa, reduce};
use std::ops::Range;

/// Everything a shard touches, allocated once.
#[derive(Debug)]
pub(super) struct Shard {
    /// Activations by slot.
    acts: Vec<Buffer>,
    /// Gradients by slot; empty for inference.
    dacts: Vec<Buffer>,
    /// What each step keeps from forward to backward.
    saved: Vec<Vec<u16>>,
    scratch: Buffer,
    /// A gradient on its way to one that is already begun.
    spare: Buffer,
    /// What is known of the batch's statistics.
    parts: Vec<f32>,
    /// Gradient of the parameters that are not left to the whole batch.
    pub(super) dw: Buffer,
    labels: Vec<u32>,
    /// The second labels and the shares of the first, where the batch is mixed.
    partners: Vec<u32>,
    shares: Vec<f32>,
    /// Positions in the batch.
    range: Range<usize>,
    /// What the gradient of the loss is multiplied with: 1 over the samples of the batch.
    scale: f32,
    pub(super) metrics: BatchMetrics,
    /// What [`Self::evaluate_loss`] has counted since it was cleared.
    pub(super) counts: ClassCounts,
}

/// What all shards of a batch share.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) program: &'a Program,
    pub(super) isa: Isa,
    pub(super) loss: Option<&'a Loss>,
    pub(super) weights: &'a [f32],
    pub(super) packed: &'a [f32],
    pub(super) source: Source<'a>,
    pub(super) key: Option<TrainKey>,
    /// Where times are added up, if they are wanted.
    pub(super) times: Option<&'a Times>,
}

impl<'a> Batch<'a> {
    fn weights_of(&self, step: &Step) -> Weights<'a> {
        Weights {
            params: &self.weights[step.params.clone()],
            packed: &self.packed[step.packed.clone()],
        }
    }

    fn pass(&self, step: &Step, first: usize) -> Pass {
        match self.key {
            None => Pass::Infer,
            Some(TrainKey { seed, step: count }) => {
                Pass::Train { seed, step: count, layer: step.number, first }
            }
        }
    }
}

impl Shard {
    pub(super) fn new(program: &Program, size: usize, train: bool) -> Self {
        let slots = |wanted: bool| -> Vec<Buffer> {
            let samples = if wanted { size } else { 0 };
            program.slots.iter().map(|&len| Buffer::zeros(len * samples)).collect()
        };
        let kept = if train { size } else { 0 };
        let saved = program.steps.iter().map(|step| vec![0; step.work.saved * kept]);
        Self {
            acts: slots(true),
            dacts: slots(train),
            saved: saved.collect(),
            scratch: Buffer::zeros(program.scratch_len),
            spare: Buffer::zeros(program.spare_len * kept),
            parts: vec![0.0; if train { program.part_len } else { 0 }],
            dw: Buffer::zeros(if train { program.dw_len } else { 0 }),
            labels: vec![0; size],
            partners: vec![0; kept],
            shares: vec![0.0; kept],
            range: 0..0,
            scale: 1.0,
            metrics: BatchMetrics::default(),
            counts: ClassCounts::new(program.slots[program.output()].max(2)),
        }
    }

    /// Samples that were loaded.
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// The samples of a slot's activations that are in use.
    pub(super) fn act(&self, program: &Program, slot: usize) -> &[f32] {
        &self.acts[slot][..program.slots[slot] * self.range.len()]
    }

    /// The same of its gradient.
    pub(super) fn dact(&self, program: &Program, slot: usize) -> &[f32] {
        &self.dacts[slot][..program.slots[slot] * self.range.len()]
    }

    /// Carries the samples that were loaded through the whole network, `piece` at a time but for the wide steps, and leaves only
    /// what a stage begins and ends with: what lies between stays in the cache.
    pub(super) fn infer(&mut self, batch: &Batch<'_>, piece: usize) {
        let n = self.range.len();
        for (i, stage) in batch.program.stages.iter().enumerate() {
            for first in (0..n).step_by(piece) {
                self.forward(batch, stage.clone(), first..n.min(first + piece));
            }
            if let Some(&wide) = batch.program.wide.get(i) {
                self.forward(batch, wide..wide + 1, 0..n);
            }
        }
    }

    /// Takes the samples `range` from the feed.
    pub(super) fn load(&mut self, batch: &Batch<'_>, range: Range<usize>) {
        let (n, program) = (range.len(), batch.program);
        self.range = range.clone();
        let (x, labels) = (&mut self.acts[0][..n * program.slots[0]], &mut self.labels[..n]);
        timed(batch.times.map(|times| &times.feed), || match batch.source {
            Source::Plain(feed) => feed(range, x, labels),
            Source::Mixed(feed) => {
                let (partners, shares) = (&mut self.partners[..n], &mut self.shares[..n]);
                feed(range, x, Targets { labels, partners, shares });
            }
        });
    }

    /// Takes the output of wide step `i` from where it was computed, and applies its activation.
    pub(super) fn take_output(&mut self, batch: &Batch<'_>, i: usize, sums: &Panels) {
        let (program, step) = (batch.program, &batch.program.steps[i]);
        let Some(layer) = step.whole_batch() else { return };
        let y = &mut self.acts[step.y][..self.range.len() * program.slots[step.y]];
        timed(batch.times.map(|times| &times.forward[i]), || {
            sums.read_rows(self.range.start * program.rows(i), y);
            layer.activate(batch.isa, y);
        });
    }

    /// Makes of the gradient of wide step `i`'s output the one before its activation.
    pub(super) fn backward_activation(&mut self, batch: &Batch<'_>, i: usize) {
        let (program, step) = (batch.program, &batch.program.steps[i]);
        let Some(layer) = step.whole_batch() else { return };
        let len = self.range.len() * program.slots[step.y];
        let (y, dy) = (&self.acts[step.y][..len], &mut self.dacts[step.y][..len]);
        timed(batch.times.map(|times| &times.backward[i]), || {
            layer.backward_activation(batch.isa, y, dy);
        });
    }

    /// Takes the gradient of wide step `i`'s input from where it was computed.
    pub(super) fn take_input_gradient(&mut self, batch: &Batch<'_>, i: usize, sums: &Panels) {
        let (program, step) = (batch.program, &batch.program.steps[i]);
        let dx = &mut self.dacts[step.x()][..self.range.len() * program.slots[step.x()]];
        timed(batch.times.map(|times| &times.backward[i]), || {
            sums.read_rows(self.range.start * program.rows(i), dx);
        });
    }

    /// What a layer reads and writes of all samples.
    pub(super) fn input_and_output(
        &mut self,
        program: &Program,
        step: &Step,
    ) -> (&[f32], &mut [f32]) {
        let ([x, _], y) = ends(&mut self.acts, program, step, 0..self.range.len());
        (x, y)
    }

    /// Carries some of the samples through some steps.
    pub(super) fn forward(
        &mut self,
        batch: &Batch<'_>,
        steps: Range<usize>,
        samples: Range<usize>,
    ) {
        let (n, program) = (samples.len(), batch.program);
        for i in steps {
            let step = &program.steps[i];
            let (inputs, y) = ends(&mut self.acts, program, step, samples.clone());
            let saved = &mut self.saved[i];
            // Inference keeps nothing.
            let kept = saved.len().min(n * step.work.saved);
            let work = Work { saved: &mut saved[..kept], scratch: &mut self.scratch };
            let pass = batch.pass(step, self.range.start);
            timed(batch.times.map(|times| &times.forward[i]), || match &step.kind {
                StepKind::Layer(layer) => {
                    layer.forward(batch.isa, batch.weights_of(step), inputs[0], y, work, pass);
                }
                StepKind::Join(join) => join.forward(batch.isa, inputs, y),
            });
        }
    }

    /// Measures what step `i` wants to know of the batch.
    pub(super) fn measure(&mut self, batch: &Batch<'_>, i: usize) {
        let (program, step) = (batch.program, &batch.program.steps[i]);
        let Some(layer) = step.batch_statistics() else { return };
        let ([x, _], _) = ends(&mut self.acts, program, step, 0..self.range.len());
        timed(batch.times.map(|times| &times.forward[i]), || {
            layer.measure(batch.isa, x, &mut self.parts[step.part.clone()]);
        });
    }

    /// What [`Self::measure`] or [`Self::measure_gradient`] has found, with the number of samples.
    pub(super) fn part(&self, step: &Step) -> (usize, &[f32]) {
        (self.range.len(), &self.parts[step.part.clone()])
    }

    /// Carries all samples through step `i`, of which the whole batch's statistics are known.
    pub(super) fn forward_known(&mut self, batch: &Batch<'_>, i: usize, whole: &[f32]) {
        let (program, step) = (batch.program, &batch.program.steps[i]);
        let Some(layer) = step.batch_statistics() else { return };
        let ([x, _], y) = ends(&mut self.acts, program, step, 0..self.range.len());
        timed(batch.times.map(|times| &times.forward[i]), || {
            layer.forward(batch.isa, batch.weights_of(step).params, whole, x, y);
        });
    }

    /// Measures what the gradient of step `i`'s input wants to know of the batch; its parameters' gradient is this shard's alone.
    pub(super) fn measure_gradient(&mut self, batch: &Batch<'_>, i: usize, whole: &[f32]) {
        let (n, program, step) = (self.range.len(), batch.program, &batch.program.steps[i]);
        let Some(layer) = step.batch_statistics() else { return };
        let shard = layer::Shard {
            x: &self.acts[step.x()][..n * program.slots[step.x()]],
            y: &self.acts[step.y][..n * program.slots[step.y]],
            dy: &mut self.dacts[step.y][..n * program.slots[step.y]],
        };
        let (part, dw) = (&mut self.parts[step.part.clone()], &mut self.dw[step.dw.clone()]);
        timed(batch.times.map(|times| &times.backward[i]), || {
            dw.fill(0.0);
            layer.measure_gradient(batch.isa, whole, shard, part, dw);
        });
    }

    /// Carries the gradient back through step `i`, of which the whole batch's statistics and sums are known, and its size.
    pub(super) fn backward_known(
        &mut self,
        batch: &Batch<'_>,
        i: usize,
        whole: (&[f32], &[f32], usize),
    ) {
        let (n, program, step) = (self.range.len(), batch.program, &batch.program.steps[i]);
        let Some(layer) = step.batch_statistics() else { return };
        let x = &self.acts[step.x()][..n * program.slots[step.x()]];
        let params = batch.weights_of(step).params;
        timed(batch.times.map(|times| &times.backward[i]), || {
            let gradients = (&mut self.dacts[..], &mut self.spare);
            back(gradients, batch, step, n, |dx, dy| {
                let Some(dx) = dx else { return };
                layer.backward(batch.isa, params, whole, x, dy, dx);
            });
        });
    }

    /// Loss, metrics and counts of what [`Self::forward`] has computed; in training also the output's gradient, times `scale`.
    pub(super) fn evaluate_loss(&mut self, batch: &Batch<'_>, scale: f32) {
        let n = self.range.len();
        let output = batch.program.output();
        let len = n * batch.program.slots[output];
        let logits = &self.acts[output][..len];
        let dlogits = if self.dacts[output].is_empty() {
            &mut [][..]
        } else {
            &mut self.dacts[output][..len]
        };
        self.metrics = match batch.loss {
            None => BatchMetrics { count: n, ..BatchMetrics::default() },
            Some(loss) => {
                let mixed = matches!(batch.source, Source::Mixed(_))
                    .then(|| (&self.partners[..n], &self.shares[..n]));
                let labels = Labels { classes: &self.labels[..n], mixed };
                let train = batch.key.is_some();
                loss.measure(batch.isa, logits, labels, train, scale, dlogits, &mut self.counts)
            }
        };
        self.scale = scale;
        for step in &batch.program.steps {
            if let Some(penalty) = step.output_penalty() {
                let y = &self.acts[step.y][..n * batch.program.slots[step.y]];
                self.metrics.penalty_sum += penalty.penalty(batch.isa, y);
            }
        }
    }

    /// Carries the gradient back through some steps, where anything before them is trained. The gradients of their parameters are
    /// those of this shard alone.
    pub(super) fn backward(&mut self, batch: &Batch<'_>, steps: Range<usize>) {
        for i in steps.rev().filter(|&i| batch.program.learns[batch.program.steps[i].y]) {
            let step = &batch.program.steps[i];
            timed(batch.times.map(|times| &times.backward[i]), || match &step.kind {
                StepKind::Layer(layer) => self.backward_layer(batch, i, &**layer),
                StepKind::Join(join) => self.backward_join(batch, step, *join),
            });
        }
    }

    fn backward_layer(&mut self, batch: &Batch<'_>, i: usize, layer: &dyn Layer) {
        let (n, program, step) = (self.range.len(), batch.program, &batch.program.steps[i]);
        let x = &self.acts[step.x()][..n * program.slots[step.x()]];
        let y = &self.acts[step.y][..n * program.slots[step.y]];
        let saved = &mut self.saved[i][..n * step.work.saved];
        let work = Work { saved, scratch: &mut self.scratch };
        let own = &mut self.dw[step.dw.clone()];
        let pass = batch.pass(step, self.range.start);
        let scale = self.scale;
        back((&mut self.dacts, &mut self.spare), batch, step, n, |dx, dy| {
            if let Some(penalty) = layer.output_penalty() {
                penalty.add_gradient(batch.isa, scale, y, dy);
            }
            own.fill(0.0);
            let dw = (!own.is_empty()).then_some(own);
            let shard = layer::Shard { x, y, dy };
            layer.backward(batch.isa, batch.weights_of(step), shard, work, dx, dw, pass);
        });
    }

    fn backward_join(&mut self, batch: &Batch<'_>, step: &Step, join: Join) {
        let (n, program) = (self.range.len(), batch.program);
        let values = step.inputs.map(|slot| &self.acts[slot][..n * program.slots[slot]]);
        let (before, after) = self.dacts.split_at_mut(step.y);
        let dy = &after[0][..n * program.slots[step.y]];
        for (side, &slot) in
            step.inputs.iter().enumerate().filter(|(_, slot)| program.learns[**slot])
        {
            let dx = &mut before[slot][..n * program.slots[slot]];
            join.backward(batch.isa, side, values, dy, dx, step.adds[side]);
        }
    }
}

/// Lends `f` the gradient of a layer's output and room for that of its input, if it is wanted; what `f` writes there is added to the
/// input's gradient where that is already begun. `gradients` are those of all slots, and room to spare.
fn back(
    (dacts, spare): (&mut [Buffer], &mut Buffer),
    batch: &Batch<'_>,
    step: &Step,
    n: usize,
    f: impl FnOnce(Option<&mut [f32]>, &mut [f32]),
) {
    let (program, x) = (batch.program, step.x());
    let len = n * program.slots[x];
    let (before, after) = dacts.split_at_mut(step.y);
    let dy = &mut after[0][..n * program.slots[step.y]];
    if !program.learns[x] {
        f(None, dy);
    } else if step.adds[0] {
        f(Some(&mut spare[..len]), dy);
        reduce::add_assign(batch.isa, &mut before[x][..len], &spare[..len]);
    } else {
        f(Some(&mut before[x][..len]), dy);
    }
}

/// What a step reads and writes of some samples' activations. Inside a stage they take the place of those before them.
fn ends<'a>(
    acts: &'a mut [Buffer],
    program: &Program,
    step: &Step,
    samples: Range<usize>,
) -> ([&'a [f32]; 2], &'a mut [f32]) {
    let part = |slot: usize| {
        let len = program.slots[slot];
        let first = if program.inner[slot] { 0 } else { samples.start };
        first * len..(first + samples.len()) * len
    };
    let (before, after) = acts.split_at_mut(step.y);
    let before = &*before;
    (step.inputs.map(|slot| &before[slot][part(slot)]), &mut after[0][part(step.y)])
}
