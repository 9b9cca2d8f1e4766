//! The one inner loop under convolution, dense products and their gradients: a sum of products kept in registers.
//!
//! ```text
//! for each point p, each column v:   y[p, v] = start + Σ_part Σ_a Σ_b Σ_t  x[at p, a, b, t] · k[a, b, t; v]
//! ```
//!
//! A *point* is what `x` differs in (an output pixel, a sample, a row of a weight gradient); a *column* is what `k` is
//! contiguous in (a filter, an output). A tile of up to 6 points × 2 registers of columns is summed in registers over all
//! of the loops: 12 sums, which hides the latency of the multiply-adds and fits the 16 registers of AVX2; each `x` that is
//! broadcast serves 2 registers, each register of `k` serves 6 points. Every sum runs over its terms in the order of the loops,
//! whatever the tile.

use std::array::from_fn;
use std::ops::Range;

use crate::simd::Simd;

/// One loop of the sum: how often, and how far `x` and `k` move on each round. Moves may be negative: they wrap.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    pub(super) count: usize,
    pub(super) x: usize,
    pub(super) k: usize,
}

impl Loop {
    pub(super) const ONCE: Loop = Loop { count: 1, x: 0, k: 0 };
}

/// What a sum starts from.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Zero,
    /// What is already in `y`.
    Sum,
}

/// A sum of products over the same loops for many points and all columns.
#[derive(Clone, Copy)]
pub(super) struct Sum<'a> {
    /// Pairs of `x` and `k`: the outermost loop.
    pub(super) parts: &'a [(&'a [f32], &'a [f32])],
    /// Where `k` of column 0 begins.
    pub(super) k: usize,
    /// The loops over each pair, outermost first.
    pub(super) loops: [Loop; 3],
    pub(super) start: Start,
    /// Added to the finished sum, a number for each column; empty means none. After the sum and not before it, because that is
    /// how Keras's backends round.
    pub(super) bias: &'a [f32],
    pub(super) relu: bool,
}

impl Sum<'_> {
    /// Sums `columns` for each point of `points`; `place(point)` is where its `x` begins and where in `y` its row begins.
    #[inline(always)]
    pub(super) fn sweep<S: Simd>(
        &self,
        s: S,
        columns: Range<usize>,
        points: Range<usize>,
        place: impl Fn(usize) -> (usize, usize),
        y: &mut [f32],
    ) {
        let mut v = columns.start;
        while S::REGISTERS >= 32 && columns.end - v >= 4 * S::LANES {
            self.points::<S, 4>(s, v, S::LANES, points.clone(), &place, y);
            v += 4 * S::LANES;
        }
        while columns.end - v >= 2 * S::LANES {
            self.points::<S, 2>(s, v, S::LANES, points.clone(), &place, y);
            v += 2 * S::LANES;
        }
        while v < columns.end {
            let lanes = S::LANES.min(columns.end - v);
            self.points::<S, 1>(s, v, lanes, points.clone(), &place, y);
            v += lanes;
        }
    }

    /// As [`Self::sweep`] for one point alone: eight registers of columns at a time hide the latency of the sums, and `k` is
    /// read in longer pieces.
    #[inline(always)]
    pub(super) fn sweep_one<S: Simd>(
        &self,
        s: S,
        columns: Range<usize>,
        point: usize,
        place: impl Fn(usize) -> (usize, usize),
        y: &mut [f32],
    ) {
        let mut v = columns.start;
        while S::REGISTERS >= 32 && columns.end - v >= 8 * S::LANES {
            self.tile::<S, 1, 8>(s, v, S::LANES, point, &place, y);
            v += 8 * S::LANES;
        }
        self.sweep(s, v..columns.end, point..point + 1, place, y);
    }

    #[inline(always)]
    fn points<S: Simd, const VEC: usize>(
        &self,
        s: S,
        v: usize,
        lanes: usize,
        points: Range<usize>,
        place: &impl Fn(usize) -> (usize, usize),
        y: &mut [f32],
    ) {
        let Range { start: mut p, end } = points;
        while p < end {
            // Twice 4 and a 3 hide the latency of the sums better than a 6, a 3 and a 2.
            p += match end - p {
                4 | 7 | 8 | 11 => self.tile::<S, 4, VEC>(s, v, lanes, p, place, y),
                6.. => self.tile::<S, 6, VEC>(s, v, lanes, p, place, y),
                3 | 5 => self.tile::<S, 3, VEC>(s, v, lanes, p, place, y),
                2 => self.tile::<S, 2, VEC>(s, v, lanes, p, place, y),
                _ => self.tile::<S, 1, VEC>(s, v, lanes, p, place, y),
            };
        }
    }

    /// One tile: `P` points from `first`, `VEC` registers of columns from `v`. With `VEC == 1` only `lanes` of them exist.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const VEC: usize>(
        &self,
        s: S,
        v: usize,
        lanes: usize,
        first: usize,
        place: &impl Fn(usize) -> (usize, usize),
        y: &mut [f32],
    ) -> usize {
        let places: [(usize, usize); P] = from_fn(|p| place(first + p));
        let mut acc: [[S::V; VEC]; P] =
            from_fn(|p| from_fn(|j| self.initial(s, v + j * S::LANES, lanes, places[p].1, y)));
        let part = lanes < S::LANES;
        // A sum of nothing reads nothing.
        let parts = if self.loops.iter().any(|l| l.count == 0) { &[] } else { self.parts };
        for (x, k) in parts {
            for a in 0..self.loops[0].count {
                for b in 0..self.loops[1].count {
                    let moved = |from: usize, by: fn(&Loop) -> usize| {
                        from.wrapping_add(a.wrapping_mul(by(&self.loops[0])))
                            .wrapping_add(b.wrapping_mul(by(&self.loops[1])))
                    };
                    let x_at: [usize; P] = from_fn(|p| moved(places[p].0, |l| l.x));
                    let k = &k[moved(self.k + v, |l| l.k)..];
                    if part {
                        run::<S, P, VEC, true>(s, &mut acc, x, x_at, k, lanes, self.loops[2]);
                    } else {
                        run::<S, P, VEC, false>(s, &mut acc, x, x_at, k, lanes, self.loops[2]);
                    }
                }
            }
        }
        for (acc, place) in acc.iter().zip(places) {
            for (j, acc) in acc.iter().enumerate() {
                let mut value = *acc;
                if !self.bias.is_empty() {
                    let bias = &self.bias[v + j * S::LANES..][..lanes];
                    value = s.add(value, if part { s.load_part(bias) } else { s.load(bias) });
                }
                if self.relu {
                    value = s.max(s.splat(0.0), value);
                }
                let y = &mut y[place.1 + v + j * S::LANES..][..lanes];
                if part { s.store_part(value, y) } else { s.store(value, y) }
            }
        }
        P
    }

    #[inline(always)]
    fn initial<S: Simd>(&self, s: S, column: usize, lanes: usize, row: usize, y: &[f32]) -> S::V {
        let from = match self.start {
            Start::Zero => return s.splat(0.0),
            Start::Sum => &y[row + column..][..lanes],
        };
        if lanes < S::LANES { s.load_part(from) } else { s.load(from) }
    }
}

/// The innermost loop.
#[inline(always)]
fn run<S: Simd, const P: usize, const VEC: usize, const PART: bool>(
    s: S,
    acc: &mut [[S::V; VEC]; P],
    x: &[f32],
    x_at: [usize; P],
    k: &[f32],
    lanes: usize,
    l: Loop,
) {
    // All of one length, so that one comparison per round covers them.
    let span = (l.count - 1) * l.x + 1;
    let xs: [&[f32]; P] = from_fn(|p| &x[x_at[p]..][..span]);
    let mut sums = *acc;
    let (mut i, mut j) = (0, 0);
    for _ in 0..l.count {
        let columns: [S::V; VEC] = if PART {
            from_fn(|_| s.load_part(&k[j..][..lanes]))
        } else {
            let k = &k[j..][..VEC * S::LANES];
            from_fn(|v| s.load(&k[v * S::LANES..]))
        };
        for p in 0..P {
            let x = s.splat(xs[p][i]);
            for v in 0..VEC {
                sums[p][v] = s.fma(x, columns[v], sums[p][v]);
            }
        }
        i += l.x;
        j += l.k;
    }
    *acc = sums;
}
