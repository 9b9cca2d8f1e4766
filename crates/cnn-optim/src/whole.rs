//! An update that needs all gradients first: norms over variables, and matrices that are updated as such.
//!
//! ```text
//! parts:      squares of the gradient                          (threads claim parts)
//! parts:      clip → decay → rule → lookahead → average        (threads claim parts)
//! matrices:   momentum → orthogonal direction → step           (threads share out one after the other)
//! ```
//! Parts and the order in which their squares are added depend on the model alone, so the bits do not depend on the threads.

use crate::common::Clip;
use crate::muon::Scratch;
use crate::optimizer::{MAX_SLOTS, Optimizer};
use crate::{Step, Variable};
use cnn_kernels::pool::Pool;
use cnn_kernels::{Buffer, reduce};
use std::cmp::Ordering;
use std::ops::Range;

/// Parameters per part, at most.
const PART: usize = 1 << 13;

/// The memory that [`Optimizer::update_all`] works in.
#[derive(Debug)]
pub struct Whole {
    /// No part reaches from one variable into the next.
    parts: Vec<Part>,
    ranges: Vec<Range<usize>>,
    /// As many, of nothing: for slots that an optimizer does not have.
    nothing: Vec<Range<usize>>,
    /// What the gradient of each variable is multiplied by.
    factors: Vec<f32>,
    locals: Vec<()>,
    scratch: Option<Scratch>,
}

#[derive(Debug)]
struct Part {
    range: Range<usize>,
    variable: usize,
    /// Of the gradient.
    squares: f64,
}

impl Whole {
    /// Memory for these variables and this many threads. Almost none for an optimizer that does not need all gradients.
    pub fn new(optimizer: &Optimizer, variables: &[Variable], threads: usize) -> Self {
        let mut parts = Vec::new();
        for (i, variable) in
            variables.iter().enumerate().filter(|_| optimizer.needs_all_gradients())
        {
            let starts = variable.range.clone().step_by(PART);
            parts.extend(starts.map(|start| Part {
                range: start..(start + PART).min(variable.range.end),
                variable: i,
                squares: 0.0,
            }));
        }
        let ranges: Vec<Range<usize>> = parts.iter().map(|part| part.range.clone()).collect();
        let matrices = optimizer.matrices.as_ref();
        Self {
            nothing: vec![0..0; parts.len()],
            factors: vec![1.0; variables.len()],
            locals: vec![(); threads.max(1)],
            scratch: matrices.map(|matrices| Scratch::new(matrices, variables, threads)),
            parts,
            ranges,
        }
    }

    /// Calls `f` with factor, start, weights, gradient and slots of each part, on any thread.
    fn for_parts(
        &mut self,
        pool: &Pool,
        w: &mut [f32],
        g: &mut [f32],
        slots: &mut [Buffer],
        f: impl Fn(f32, usize, &mut [f32], &mut [f32], &mut [&mut [f32]]) + Sync,
    ) {
        let Self { parts, ranges, nothing, factors, locals, .. } = self;
        let count = slots.len();
        let mut rest = slots.iter_mut();
        let mut arenas = [w, g].into_iter();
        let slices: [(&mut [f32], &[Range<usize>]); MAX_SLOTS + 2] = std::array::from_fn(|_| {
            match arenas.next().or_else(|| rest.next().map(|slot| &mut **slot)) {
                Some(slice) => (slice, ranges.as_slice()),
                None => (Default::default(), nothing.as_slice()),
            }
        });
        pool.for_each_range(parts.len(), locals, slices, |(), i, [w, g, slots @ ..]| {
            let (mut slots, part) = (slots, &parts[i]);
            f(factors[part.variable], part.range.start, w, g, &mut slots[..count]);
        });
    }
}

impl Optimizer {
    /// Applies one update to all parameters, in place, from their gradient `g`, which is changed; `slots` are read and written. The
    /// same bits for any number of threads; allocates nothing.
    ///
    /// # Panics
    /// When `g` or a slot is not as long as `w`, the number of slots is not that of [`Optimizer::slot_names`], or the memory is of
    /// another optimizer or for fewer threads.
    pub fn update_all(
        &self,
        whole: &mut Whole,
        pool: &Pool,
        step: &Step,
        w: &mut [f32],
        g: &mut [f32],
        slots: &mut [Buffer],
    ) {
        assert_eq!(slots.len(), self.slot_names().len(), "the slots are {:?}", self.slot_names());
        self.clip_factors(whole, pool, step, g);
        // Matrices have their own step between the two halves; everything else is done in one go.
        let split = self.matrices.is_some();
        whole.for_parts(pool, w, g, slots, |factor, start, w, g, slots| {
            self.begin(step, w, slots);
            // A factor is at most 1, or not a number.
            if factor.partial_cmp(&1.0) != Some(Ordering::Equal) {
                for g in g.iter_mut() {
                    *g *= factor;
                }
            }
            self.cut(g);
            self.apply_rule(step, start, w, g, slots);
            if !split {
                self.end(step, w, slots);
            }
        });
        if let (Some(matrices), Some(scratch)) = (&self.matrices, &mut whole.scratch) {
            for group in &self.groups {
                if let Some(shape) = group.matrix {
                    // Between groups there may be parameters that are not trained.
                    let range = group.end - shape[0] * shape[1]..group.end;
                    let rate = step.learning_rate * group.multiplier;
                    let (w, g) = (&mut w[range.clone()], &mut g[range]);
                    matrices.step(scratch, pool, step.isa, rate, shape, w, g);
                }
            }
            whole.for_parts(pool, w, g, slots, |_, _, w, _, slots| self.end(step, w, slots));
        }
    }

    /// What each variable's gradient is multiplied by: Keras's `g·limit / max(norm, limit)`.
    fn clip_factors(&self, whole: &mut Whole, pool: &Pool, step: &Step, g: &[f32]) {
        let (limit, global) = match self.clip {
            Clip::Norm(limit) => (limit, false),
            Clip::GlobalNorm(limit) => (limit, true),
            Clip::None | Clip::Value(_) => return,
        };
        pool.for_each_with(&mut whole.locals, &mut whole.parts, |(), _, part| {
            part.squares = reduce::sum_squares_f64(step.isa, &g[part.range.clone()]);
        });
        let factor = |squares: f64| (limit / squares.sqrt().max(limit)) as f32;
        if global {
            let squares = whole.parts.iter().map(|part| part.squares).sum();
            whole.factors.fill(factor(squares));
            return;
        }
        for of_variable in whole.parts.chunk_by(|a, b| a.variable == b.variable) {
            let squares = of_variable.iter().map(|part| part.squares).sum();
            whole.factors[of_variable[0].variable] = factor(squares);
        }
    }
}
