//! What Muon does with a matrix: a momentum, made orthogonal, is the step.
//!
//! ```text
//! m ← μ·m + g;   x = g + μ·m with nesterov, else m
//! x ← x / (‖x‖ + 1e-7), then ns_steps times   A = xᵀx,  x ← a·x + x·(b·A + c·A²)
//! w ← w − lr·x·rms_rate·√max(rows, columns)
//! ```
//! A quintic Newton–Schulz iteration: it brings every singular value near 1, from about 0.7 to 1.2. A wide matrix is transposed for it.

use crate::Variable;
use cnn_kernels::pool::Pool;
use cnn_kernels::{Buffer, Isa, dense, reduce};
use std::ops::Range;

/// Rows that a thread takes at once.
const ROWS: usize = 32;

/// How matrices are updated, and what makes the rest of the variables' updates differ from plain Adam's.
#[derive(Clone, Debug)]
pub(crate) struct Matrices {
    /// Variables that are matrices and yet left to Adam.
    pub(crate) exclude: Vec<String>,
    pub(crate) momentum: f32,
    pub(crate) nesterov: bool,
    pub(crate) steps: usize,
    /// a, b and c.
    pub(crate) factors: [f32; 3],
    /// 0 leaves the step as it is.
    pub(crate) rms_rate: f32,
    /// Weight decay of the other variables.
    pub(crate) other_decay: f64,
    /// Learning rate of the other variables over that of matrices.
    pub(crate) other_ratio: f32,
}

/// Memory for the largest matrix.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The matrix, taller than wide, and the next one.
    tall: [Buffer; 2],
    /// xᵀx, and what x is multiplied by.
    square: [Buffer; 2],
    rows: Vec<Range<usize>>,
    locals: Vec<()>,
}

impl Scratch {
    pub(crate) fn new(matrices: &Matrices, variables: &[Variable], threads: usize) -> Self {
        let shapes: Vec<[usize; 2]> =
            variables.iter().filter_map(|variable| matrices.matrix(variable)).collect();
        let most = |of: fn([usize; 2]) -> usize| shapes.iter().map(|&it| of(it)).max().unwrap_or(0);
        let numbers = most(|[rows, columns]| rows * columns);
        let square = most(|[rows, columns]| rows.min(columns).pow(2));
        let bounds = most(|[rows, columns]| rows.max(columns).div_ceil(ROWS));
        Self {
            tall: [Buffer::zeros(numbers), Buffer::zeros(numbers)],
            square: [Buffer::zeros(square), Buffer::zeros(square)],
            rows: Vec::with_capacity(bounds),
            locals: vec![(); threads.max(1)],
        }
    }
}

/// Cuts a matrix with so many rows of so many numbers.
fn cut(bounds: &mut Vec<Range<usize>>, rows: usize, columns: usize) {
    bounds.clear();
    let starts = (0..rows).step_by(ROWS);
    bounds.extend(starts.map(|row| row * columns..(row + ROWS).min(rows) * columns));
}

fn transpose(rows: usize, columns: usize, from: &[f32], to: &mut [f32]) {
    for (i, row) in from.chunks_exact(columns).enumerate().take(rows) {
        for (j, number) in row.iter().enumerate() {
            to[j * rows + i] = *number;
        }
    }
}

impl Matrices {
    /// Rows and columns of a variable that is updated as a matrix.
    pub(crate) fn matrix(&self, variable: &Variable) -> Option<[usize; 2]> {
        let shape: [usize; 2] = variable.shape.as_slice().try_into().ok()?;
        let kept = self.exclude.iter().all(|word| !variable.is_meant(word));
        (kept && shape.iter().all(|&n| n > 0)).then_some(shape)
    }

    /// The momentum of some numbers of a matrix; `g` becomes the direction.
    pub(crate) fn momentum(&self, g: &mut [f32], slots: &mut [&mut [f32]]) {
        let Some(m) = slots.first_mut() else { return };
        for (g, m) in g.iter_mut().zip(m.iter_mut()) {
            *m += *g + *m * (self.momentum - 1.0);
            *g = if self.nesterov { *g + self.momentum * *m } else { *m };
        }
    }

    /// Makes the direction `g` orthogonal and takes the step.
    pub(crate) fn step(
        &self,
        scratch: &mut Scratch,
        pool: &Pool,
        isa: Isa,
        learning_rate: f32,
        [rows, columns]: [usize; 2],
        w: &mut [f32],
        g: &mut [f32],
    ) {
        let (tall, wide) = (rows.max(columns), rows.min(columns));
        let size = tall * wide;
        let norm = reduce::sum_squares_f64(isa, g).sqrt() as f32;
        let scale = 1.0 / (norm + 1e-7);
        for g in g.iter_mut() {
            *g *= scale;
        }
        if rows < columns {
            transpose(rows, columns, g, &mut scratch.tall[0][..size]);
        } else {
            scratch.tall[0][..size].copy_from_slice(g);
        }
        for _ in 0..self.steps {
            self.iterate(scratch, pool, isa, tall, wide);
        }
        if rows < columns {
            transpose(columns, rows, &scratch.tall[0][..size], g);
        } else {
            g.copy_from_slice(&scratch.tall[0][..size]);
        }
        let adjust = if self.rms_rate > 0.0 { (tall as f32).sqrt() * self.rms_rate } else { 1.0 };
        for (w, g) in w.iter_mut().zip(g.iter()) {
            *w -= learning_rate * *g * adjust;
        }
    }

    /// One step of the iteration, on the matrix in `scratch.tall[0]`.
    fn iterate(&self, scratch: &mut Scratch, pool: &Pool, isa: Isa, tall: usize, wide: usize) {
        let Scratch { tall: [x, next], square: [product, factor], rows, locals } = scratch;
        let [a, b, c] = self.factors;
        let (x_now, squares) = (&x[..tall * wide], wide * wide);
        cut(rows, wide, wide);
        let of_product = [(&mut product[..squares], rows.as_slice())];
        pool.for_each_range(rows.len(), locals, of_product, |(), i, [part]| {
            let range = rows[i].start / wide..rows[i].end / wide;
            part.fill(0.0);
            dense::backward_kernel(isa, wide, wide, &[(x_now, x_now)], range, part);
        });
        let product = &product[..squares];
        let of_factor = [(&mut factor[..squares], rows.as_slice())];
        pool.for_each_range(rows.len(), locals, of_factor, |(), i, [part]| {
            let own = &product[rows[i].clone()];
            dense::forward(isa, wide, wide, own, product, &[], part);
            for (factor, product) in part.iter_mut().zip(own) {
                *factor = b * product + c * *factor;
            }
        });
        let factor = &factor[..squares];
        cut(rows, tall, wide);
        let of_next = [(&mut next[..tall * wide], rows.as_slice())];
        pool.for_each_range(rows.len(), locals, of_next, |(), i, [part]| {
            let own = &x_now[rows[i].clone()];
            dense::forward(isa, wide, wide, own, factor, &[], part);
            for (next, x) in part.iter_mut().zip(own) {
                *next += a * x;
            }
        });
        scratch.tall.swap(0, 1);
    }
}
