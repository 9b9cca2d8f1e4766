//! The penalties of regularised parameters: their sum for the loss, their gradients for the blocks.

use super::blocks::Blocks;
use crate::model::Model;
use crate::regularizer::Regularizer;
use cnn_kernels::Isa;
use cnn_kernels::pool::Pool;
use std::ops::Range;

/// The regularised parameters, cut where the blocks are cut. Empty, and without cost, where a model has none.
#[derive(Debug)]
pub(super) struct Penalties {
    /// In the order of the arena.
    parts: Vec<Part>,
    /// Block → its parts.
    of_block: Vec<Range<usize>>,
}

/// A part of a regularised parameter that lies in one block.
#[derive(Debug)]
struct Part {
    /// In the arena.
    range: Range<usize>,
    regularizer: Regularizer,
    /// The penalty on it, when last asked for.
    value: f64,
}

impl Penalties {
    pub(super) fn new(model: &Model, blocks: &Blocks) -> Self {
        let mut order: Vec<usize> = (0..blocks.ranges().len()).collect();
        order.sort_by_key(|&block| blocks.ranges()[block].start);
        let (mut parts, mut of_block) = (Vec::new(), vec![0..0; order.len()]);
        for index in order {
            let (block, first) = (&blocks.ranges()[index], parts.len());
            for param in model.params() {
                let range = param.range.start.max(block.start)..param.range.end.min(block.end);
                if let Some(regularizer) = param.penalty.filter(|_| range.start < range.end) {
                    parts.push(Part { range, regularizer, value: 0.0 });
                }
            }
            of_block[index] = first..parts.len();
        }
        Self { parts, of_block }
    }

    /// The sum of all penalties, added in the order of the arena whatever the number of threads.
    pub(super) fn sum(&mut self, pool: &Pool, isa: Isa, weights: &[f32]) -> f64 {
        if self.parts.is_empty() {
            return 0.0;
        }
        pool.for_each(&mut self.parts, |_, part| {
            part.value = part.regularizer.penalty(isa, &weights[part.range.clone()]);
        });
        self.parts.iter().map(|part| part.value).sum()
    }

    /// Adds the gradients of one block's penalties; `block` is its place in the arena, `w` and `g` are its own.
    pub(super) fn add_gradient(
        &self,
        index: usize,
        block: &Range<usize>,
        isa: Isa,
        w: &[f32],
        g: &mut [f32],
    ) {
        for part in &self.parts[self.of_block[index].clone()] {
            let own = part.range.start - block.start..part.range.end - block.start;
            part.regularizer.add_gradient(isa, &w[own.clone()], &mut g[own]);
        }
    }
}
