//! The parameters cut into blocks: what threads share out in the second half of a training step.

use super::program::Program;
use super::shard::Shard;
use super::{Isa, MAX_SHARDS};
use crate::layer::BatchGradient;
use cnn_kernels::reduce;
use std::ops::Range;

/// Parameters per block, about: large enough to be worth claiming, small enough to share out evenly.
const BLOCK: usize = 4096;

/// Ranges of the parameter arena, none across two steps of the program.
#[derive(Debug)]
pub(super) struct Blocks {
    ranges: Vec<Range<usize>>,
    /// Block → step.
    steps: Vec<usize>,
}

impl Blocks {
    /// Cuts the arena.
    pub(super) fn new(program: &Program) -> Self {
        let (mut ranges, mut steps) = (Vec::new(), Vec::new());
        for (i, step) in program.steps.iter().enumerate() {
            let unit = step.layer.batch_gradient().map_or(1, BatchGradient::unit);
            let len = BLOCK.next_multiple_of(unit);
            let mut at = step.params.start;
            while at < step.params.end {
                let end = (at + len).min(step.params.end);
                ranges.push(at..end);
                steps.push(i);
                at = end;
            }
        }
        Self { ranges, steps }
    }

    pub(super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// The step of the program whose parameters the block is part of.
    pub(super) fn step(&self, block: usize) -> usize {
        self.steps[block]
    }

    /// Writes the gradient of one block, from all shards in order.
    pub(super) fn gradient(
        &self,
        block: usize,
        program: &Program,
        isa: Isa,
        shards: &[Shard],
        g: &mut [f32],
    ) {
        let (range, step) = (&self.ranges[block], &program.steps[self.steps[block]]);
        let part = range.start - step.params.start..range.end - step.params.start;
        g.fill(0.0);
        if let Some(batch) = step.layer.batch_gradient() {
            let mut pairs: [(&[f32], &[f32]); MAX_SHARDS] = [(&[], &[]); MAX_SHARDS];
            for (pair, shard) in pairs.iter_mut().zip(shards) {
                *pair = (shard.act(program, step.x), shard.dact(program, step.y));
            }
            batch.gradient(isa, &pairs[..shards.len()], part, g);
        } else {
            let own = step.dw.start + part.start..step.dw.start + part.end;
            for shard in shards {
                reduce::add_assign(isa, g, &shard.dw[own.clone()]);
            }
        }
    }
}
