//! The memory of one shard, and the walk of a shard through the network and back.

use super::program::{Program, Step};
use super::{BatchMetrics, ClassCounts, Source, Targets, TrainKey};
use crate::layer::{self, Pass, Weights, Work};
use crate::loss::Loss;
use cnn_kernels::Isa;
use std::ops::Range;

/// Everything a shard touches, allocated once.
#[derive(Debug)]
pub(super) struct Shard {
    /// Activations by slot.
    acts: Vec<Vec<f32>>,
    /// Gradients by slot; empty for inference.
    dacts: Vec<Vec<f32>>,
    /// What each step keeps from forward to backward.
    saved: Vec<Vec<u16>>,
    scratch: Vec<f32>,
    /// Gradient of the parameters that are not left to the whole batch.
    pub(super) dw: Vec<f32>,
    labels: Vec<u32>,
    /// The second labels and the shares of the first, where the batch is mixed.
    partners: Vec<u32>,
    shares: Vec<f32>,
    /// Positions in the batch.
    range: Range<usize>,
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
                Pass::Train { seed, step: count, layer: step.index, first }
            }
        }
    }
}

impl Shard {
    pub(super) fn new(program: &Program, size: usize, train: bool) -> Self {
        let slots = |wanted: bool| -> Vec<Vec<f32>> {
            program
                .slots
                .iter()
                .map(|&len| if wanted { vec![0.0; len * size] } else { Vec::new() })
                .collect()
        };
        Self {
            acts: slots(true),
            dacts: slots(train),
            saved: program.steps.iter().map(|step| vec![0; step.work.saved * size]).collect(),
            scratch: vec![0.0; program.scratch_len],
            dw: if train { vec![0.0; program.dw_len] } else { Vec::new() },
            labels: vec![0; size],
            partners: vec![0; if train { size } else { 0 }],
            shares: vec![0.0; if train { size } else { 0 }],
            range: 0..0,
            metrics: BatchMetrics::default(),
            counts: ClassCounts::new(program.slots[program.output()]),
        }
    }

    /// The samples of a slot's activations that are in use.
    pub(super) fn act(&self, program: &Program, slot: usize) -> &[f32] {
        &self.acts[slot][..program.slots[slot] * self.range.len()]
    }

    /// The same of its gradient.
    pub(super) fn dact(&self, program: &Program, slot: usize) -> &[f32] {
        &self.dacts[slot][..program.slots[slot] * self.range.len()]
    }

    /// Loads the samples `range` and carries them through the network.
    pub(super) fn forward(&mut self, batch: &Batch<'_>, range: Range<usize>) {
        self.load(batch, range);
        for i in 0..batch.program.steps.len() {
            self.forward_step(batch, i);
        }
    }

    /// Takes the samples `range` from the feed.
    pub(super) fn load(&mut self, batch: &Batch<'_>, range: Range<usize>) {
        let (n, program) = (range.len(), batch.program);
        self.range = range.clone();
        let (x, labels) = (&mut self.acts[0][..n * program.slots[0]], &mut self.labels[..n]);
        match batch.source {
            Source::Plain(feed) => feed(range.clone(), x, labels),
            Source::Mixed(feed) => {
                let (partners, shares) = (&mut self.partners[..n], &mut self.shares[..n]);
                feed(range.clone(), x, Targets { labels, partners, shares });
            }
        }
    }

    /// Carries the loaded samples through step `i`.
    pub(super) fn forward_step(&mut self, batch: &Batch<'_>, i: usize) {
        let (n, program) = (self.range.len(), batch.program);
        let step = &program.steps[i];
        let (before, after) = self.acts.split_at_mut(step.y);
        let x = &before[step.x][..n * program.slots[step.x]];
        let y = &mut after[0][..n * program.slots[step.y]];
        let saved = &mut self.saved[i][..n * step.work.saved];
        let work = Work { saved, scratch: &mut self.scratch };
        let pass = batch.pass(step, self.range.start);
        step.layer.forward(batch.isa, batch.weights_of(step), x, y, work, pass);
    }

    /// Loss, metrics and counts of what [`Self::forward`] computed; in training also the output's gradient, times `scale`.
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
                let labels = &self.labels[..n];
                let (loss_sum, correct) = match batch.source {
                    Source::Plain(_) => {
                        loss.count(logits, labels, &mut self.counts);
                        loss.evaluate(batch.isa, logits, labels, scale, dlogits)
                    }
                    Source::Mixed(_) => {
                        let pairs = (labels, &self.partners[..n], &self.shares[..n]);
                        loss.count_mixed(logits, pairs, &mut self.counts);
                        loss.evaluate_mixed(batch.isa, logits, pairs, scale, dlogits)
                    }
                };
                BatchMetrics { loss_sum, correct, count: n, ..BatchMetrics::default() }
            }
        };
    }

    /// Carries the gradient back to the first layer with parameters.
    pub(super) fn backward(&mut self, batch: &Batch<'_>) {
        self.dw.fill(0.0);
        for i in (batch.program.first_trained()..batch.program.steps.len()).rev() {
            self.backward_step(batch, i);
        }
    }

    /// Carries the gradient back through step `i`; no further than to the first layer with parameters.
    pub(super) fn backward_step(&mut self, batch: &Batch<'_>, i: usize) {
        let (n, program) = (self.range.len(), batch.program);
        let step = &program.steps[i];
        let (before, after) = self.dacts.split_at_mut(step.y);
        let wanted = i > program.first_trained();
        let dx = wanted.then(|| &mut before[step.x][..n * program.slots[step.x]]);
        let shard = layer::Shard {
            x: &self.acts[step.x][..n * program.slots[step.x]],
            y: &self.acts[step.y][..n * program.slots[step.y]],
            dy: &mut after[0][..n * program.slots[step.y]],
        };
        let saved = &mut self.saved[i][..n * step.work.saved];
        let work = Work { saved, scratch: &mut self.scratch };
        let dw = (!step.dw.is_empty()).then(|| &mut self.dw[step.dw.clone()]);
        let pass = batch.pass(step, self.range.start);
        step.layer.backward(batch.isa, batch.weights_of(step), shard, work, dx, dw, pass);
    }
}
