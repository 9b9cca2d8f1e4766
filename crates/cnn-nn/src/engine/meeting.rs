//! The steps of a training step at which all shards meet, with what the whole batch has in common there.

use super::blocks::Blocks;
use super::panels::Panels;
use super::program::Program;
use super::shard::{Batch, Shard};
use crate::layer::COLUMNS;
use cnn_kernels::reduce;

/// A step where shards meet.
#[derive(Debug)]
pub(super) enum Meeting {
    /// It is run over the whole batch at once.
    Wide(Wide),
    /// It uses statistics of the batch.
    Statistics(Statistics),
}

/// What the whole batch has in common at a wide step.
#[derive(Debug)]
pub(super) struct Wide {
    pub(super) step: usize,
    /// Its group of blocks.
    pub(super) group: usize,
    /// Outputs, before the activation.
    pub(super) y: Panels,
    /// Gradient of the inputs; of no numbers where nothing before the step is trained.
    pub(super) dx: Panels,
}

/// What the whole batch has in common at a step that uses its statistics.
#[derive(Debug)]
pub(super) struct Statistics {
    step: usize,
    /// Forward.
    whole: Vec<f32>,
    /// Backward.
    sums: Vec<f32>,
    /// Samples of the batch.
    samples: usize,
}

impl Meeting {
    /// Room for the meetings of the program, in order.
    pub(super) fn all(program: &Program, batch_size: usize) -> Vec<Self> {
        let meeting = |&step: &usize| {
            let of = &program.steps[step];
            let statistics = of.batch_statistics().map(|layer| {
                Self::Statistics(Statistics {
                    step,
                    whole: vec![0.0; layer.whole_len()],
                    sums: vec![0.0; layer.part_len()],
                    samples: 0,
                })
            });
            statistics.or_else(|| Wide::new(program, step, batch_size).map(Self::Wide))
        };
        program.meetings.iter().filter_map(meeting).collect()
    }

    /// Which step it is.
    pub(super) fn step(&self) -> usize {
        match self {
            Self::Wide(wide) => wide.step,
            Self::Statistics(statistics) => statistics.step,
        }
    }

    /// What a shard does before it comes here, going forward.
    pub(super) fn arrive(batch: &Batch<'_>, step: usize, shard: &mut Shard) {
        if batch.program.steps[step].batch_statistics().is_some() {
            shard.measure(batch, step);
        }
    }

    /// How a shard leaves, going forward.
    pub(super) fn leave(&self, batch: &Batch<'_>, shard: &mut Shard) {
        match self {
            Self::Wide(wide) => shard.take_output(batch, wide.step, &wide.y),
            Self::Statistics(of) => shard.forward_known(batch, of.step, &of.whole),
        }
    }

    /// What a shard does before it comes back here.
    pub(super) fn return_to(&self, batch: &Batch<'_>, shard: &mut Shard) {
        match self {
            Self::Wide(wide) => shard.backward_activation(batch, wide.step),
            Self::Statistics(of) => shard.measure_gradient(batch, of.step, &of.whole),
        }
    }

    /// How a shard leaves, going back.
    pub(super) fn leave_back(&self, batch: &Batch<'_>, shard: &mut Shard) {
        match self {
            Self::Wide(wide) => shard.take_input_gradient(batch, wide.step, &wide.dx),
            Self::Statistics(of) => {
                shard.backward_known(batch, of.step, (&of.whole, &of.sums, of.samples));
            }
        }
    }
}

impl Wide {
    fn new(program: &Program, step: usize, batch_size: usize) -> Option<Self> {
        let layer = program.steps[step].whole_batch()?;
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        let rows = batch_size * program.rows(step);
        let len = Blocks::len(Some(layer));
        let blocks = program.steps[step].params.len().div_ceil(len);
        let trained = if program.learns[program.steps[step].x()] { inputs } else { 0 };
        Some(Self {
            step,
            group: program.wide.iter().position(|&wide| wide == step)?,
            y: Panels::new(outputs, COLUMNS, outputs.div_ceil(COLUMNS), rows),
            dx: Panels::new(trained, len / outputs, blocks, rows),
        })
    }
}

impl Statistics {
    /// Makes the batch's statistics of the shards'.
    pub(super) fn combine(&mut self, program: &Program, shards: &[Shard]) {
        let step = &program.steps[self.step];
        let Some(layer) = step.batch_statistics() else { return };
        let mut parts = [(0, &[][..]); super::MAX_SHARDS];
        for (part, shard) in parts.iter_mut().zip(shards) {
            *part = shard.part(step);
        }
        self.samples = shards.iter().map(Shard::len).sum();
        layer.combine(&parts[..shards.len()], &mut self.whole);
    }

    /// Adds up the shards' sums.
    pub(super) fn add_up(&mut self, batch: &Batch<'_>, shards: &[Shard]) {
        self.sums.fill(0.0);
        for shard in shards {
            let (_, part) = shard.part(&batch.program.steps[self.step]);
            reduce::add_assign(batch.isa, &mut self.sums, part);
        }
    }

    /// Lets the moving statistics follow the batch.
    pub(super) fn follow(&self, program: &Program, weights: &mut [f32]) {
        let step = &program.steps[self.step];
        if let Some(layer) = step.batch_statistics() {
            layer.follow(&self.whole, &mut weights[step.params.clone()]);
        }
    }
}
