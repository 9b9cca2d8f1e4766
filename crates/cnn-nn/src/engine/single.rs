//! An answer to a single sample: there is no other for the threads to take, so they share out the work of each layer.

use super::program::Program;
use super::shard::{Batch, Shard};
use crate::layer::Part;
use cnn_kernels::Buffer;
use cnn_kernels::pool::Pool;
use std::ops::Range;

/// Multiply-adds from which on a step is shared out: one core does them in a microsecond or two, which is what meeting the other
/// threads costs.
const WORTH: u64 = 1 << 16;

/// Parts for each thread, so that one that comes late leaves some to the others.
const PARTS: usize = 4;

/// How each step is shared out.
#[derive(Debug, Default)]
pub(super) struct Single {
    steps: Vec<Cut>,
    /// For each thread.
    scratch: Vec<Buffer>,
}

/// The parts of a step and where their outputs are; none where it is not cut.
#[derive(Debug)]
struct Cut {
    parts: Vec<Box<dyn Part>>,
    bounds: Vec<Range<usize>>,
}

impl Single {
    pub(super) fn new(program: &Program, threads: usize) -> Self {
        let steps = program.steps.iter().map(|step| {
            let worth = threads > 1 && step.macs >= WORTH;
            let layer = step.layer().filter(|_| worth);
            let parts = layer.map(|layer| layer.parts(PARTS * threads)).unwrap_or_default();
            let bounds = parts.iter().map(|part| part.output()).collect();
            Cut { parts, bounds }
        });
        let scratch = || Buffer::zeros(if threads > 1 { program.scratch_len } else { 0 });
        Self { steps: steps.collect(), scratch: (0..threads).map(|_| scratch()).collect() }
    }

    /// Loads the first sample and carries it through the network.
    pub(super) fn infer(&mut self, pool: &Pool, shard: &mut Shard, batch: &Batch<'_>) {
        shard.load(batch, 0..1);
        for (i, Cut { parts, bounds }) in self.steps.iter().enumerate() {
            if parts.is_empty() {
                shard.forward(batch, i..i + 1, 0..1);
                continue;
            }
            let step = &batch.program.steps[i];
            let params = &batch.weights[step.params.clone()];
            let (x, y) = shard.input_and_output(batch.program, step);
            let (isa, scratch) = (batch.isa, &mut self.scratch);
            pool.for_each_range(parts.len(), scratch, [(y, bounds)], |scratch, part, [y]| {
                parts[part].forward(isa, params, x, y, scratch);
            });
        }
    }
}
