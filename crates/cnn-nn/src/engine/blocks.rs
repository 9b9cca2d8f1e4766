//! The parameters cut into blocks: what threads share out when gradients are added up and weights updated.

use super::program::Program;
use super::shard::Shard;
use super::{Isa, MAX_SHARDS};
use crate::layer::WholeBatch;
use cnn_kernels::reduce;
use std::ops::Range;

/// Parameters per block, about: large enough to be worth claiming, small enough to share out evenly.
const BLOCK: usize = 4096;

/// Ranges of the trained parameters in the arena, none across two steps of the program. They come in groups that are updated together: one
/// for each wide step, then one for all others.
#[derive(Debug)]
pub(super) struct Blocks {
    ranges: Vec<Range<usize>>,
    /// Block → step.
    steps: Vec<usize>,
    /// Group → its blocks, in the order of the arena.
    groups: Vec<Range<usize>>,
}

/// Pairs of x and dy, one for each shard.
pub(super) type Pairs<'a> = [(&'a [f32], &'a [f32]); MAX_SHARDS];

impl Blocks {
    /// Cuts the arena.
    pub(super) fn new(program: &Program) -> Self {
        let mut blocks = Self { ranges: Vec::new(), steps: Vec::new(), groups: Vec::new() };
        for &step in &program.wide {
            blocks.push_group(program, std::iter::once(step));
        }
        let others = (0..program.steps.len()).filter(|step| !program.wide.contains(step));
        blocks.push_group(program, others);
        blocks
    }

    fn push_group(&mut self, program: &Program, steps: impl Iterator<Item = usize>) {
        let first = self.ranges.len();
        for i in steps {
            let step = &program.steps[i];
            let len = Self::len(step.whole_batch());
            let mut at = step.trained.start;
            while at < step.trained.end {
                let end = (at + len).min(step.trained.end);
                self.ranges.push(at..end);
                self.steps.push(i);
                at = end;
            }
        }
        self.groups.push(first..self.ranges.len());
    }

    /// Parameters of each block of a layer, but for the last one.
    pub(super) fn len(layer: Option<&dyn WholeBatch>) -> usize {
        BLOCK.next_multiple_of(layer.map_or(1, WholeBatch::outputs))
    }

    /// The longest block.
    pub(super) fn longest(&self) -> usize {
        self.ranges.iter().map(Range::len).max().unwrap_or(0)
    }

    pub(super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// The blocks of wide step number `group`, or of all other steps.
    pub(super) fn group(&self, group: usize) -> Range<usize> {
        self.groups[group].clone()
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
        if let Some(layer) = step.whole_batch() {
            let pairs = pairs(program, self.steps[block], shards);
            layer.gradient(isa, &pairs[..shards.len()], part, g);
        } else {
            let own = step.dw.start + part.start..step.dw.start + part.end;
            for shard in shards {
                reduce::add_assign(isa, g, &shard.dw[own.clone()]);
            }
        }
    }
}

/// What each shard has of the step's input and of its output's gradient.
pub(super) fn pairs<'a>(program: &Program, step: usize, shards: &'a [Shard]) -> Pairs<'a> {
    let step = &program.steps[step];
    let mut pairs: Pairs<'a> = [(&[], &[]); MAX_SHARDS];
    for (pair, shard) in pairs.iter_mut().zip(shards) {
        *pair = (shard.act(program, step.x()), shard.dact(program, step.y));
    }
    pairs
}
