//! Two values made one.

use cnn_kernels::{Isa, gate, reduce};

/// How two values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Their sum; both have the same shape.
    Add,
    /// Their last axes one after the other, so many numbers of the first and of the second.
    Concatenate([usize; 2]),
    /// The first with each of its channels multiplied by a number of the second: `[h, w, c]` and `[c]`.
    Gate {
        /// c.
        channels: usize,
    },
}

impl Join {
    /// Writes the joined value of some samples.
    pub(crate) fn forward(self, isa: Isa, [a, b]: [&[f32]; 2], y: &mut [f32]) {
        match self {
            Self::Add => reduce::add(isa, a, b, y),
            Self::Concatenate([first, second]) => {
                let rows = a.chunks_exact(first).zip(b.chunks_exact(second));
                for (y, (a, b)) in y.chunks_exact_mut(first + second).zip(rows) {
                    y[..first].copy_from_slice(a);
                    y[first..].copy_from_slice(b);
                }
            }
            Self::Gate { channels } => gate::forward(isa, channels, a, b, y),
        }
    }

    /// Writes the gradient of the first (`side` 0) or second (1) value to `dx`; with `adds`, adds it to what the value's other readers
    /// have left there.
    pub(crate) fn backward(
        self,
        isa: Isa,
        side: usize,
        [a, b]: [&[f32]; 2],
        dy: &[f32],
        dx: &mut [f32],
        adds: bool,
    ) {
        let pass_on = |dx: &mut [f32], dy: &[f32]| {
            if adds { reduce::add_assign(isa, dx, dy) } else { dx.copy_from_slice(dy) }
        };
        match (self, side) {
            (Self::Add, _) => pass_on(dx, dy),
            (Self::Concatenate(sizes), _) => {
                let first = side * sizes[0];
                let rows = dy.chunks_exact(sizes[0] + sizes[1]);
                for (dx, dy) in dx.chunks_exact_mut(sizes[side]).zip(rows) {
                    pass_on(dx, &dy[first..first + sizes[side]]);
                }
            }
            (Self::Gate { channels }, 0) if adds => {
                gate::backward_input(isa, channels, b, dy, dx);
            }
            // dx = dy · s, as y = x · s.
            (Self::Gate { channels }, 0) => gate::forward(isa, channels, dy, b, dx),
            (Self::Gate { channels }, _) => {
                if !adds {
                    dx.fill(0.0);
                }
                gate::backward_gates(isa, channels, a, dy, dx);
            }
        }
    }
}
