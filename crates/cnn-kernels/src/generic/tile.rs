//! The one inner loop under convolution, dense products and their gradients: a sum of products kept in registers.
//!
//! ```text
//! for each point p, each column v:   y[p, v] = start + Σ_part Σ_a Σ_b Σ_t  x[at p, a, b, t] · k[a, b, t; v]
//! ```
//!
//! A *point* is what `x` differs in (an output pixel, a sample, a row of a weight gradient); a *column* is what `k` is
//! contiguous in (a filter, an output). Of `x` there is one number for all columns, or, **lane by lane**, one for each of them
//! beside each other (`x[at p, a, b, t; v]`: the channels of a depthwise convolution). A tile of up to 6 points × 2 registers of columns is summed in registers over all
//! of the loops: 12 sums, which hides the latency of the multiply-adds and fits the 16 registers of AVX2; each `x` that is
//! broadcast serves 2 registers, each register of `k` serves 6 points. Every sum runs over its terms in the order of the loops,
//! whatever the tile.

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
    /// Sums `columns` for `points` points; `places` says of one after the other where its `x` begins and where in `y` its row
    /// begins.
    #[inline(always)]
    pub(super) fn sweep<S: Simd>(
        &self,
        s: S,
        columns: Range<usize>,
        points: usize,
        places: &(impl Iterator<Item = (usize, usize)> + Clone),
        y: &mut [f32],
    ) {
        self.sweep_as::<S, false>(s, columns, points, places, y);
    }

    /// As [`Self::sweep`] with a number of `x` for each of the columns, from column 0 at the place that `places` says.
    #[inline(always)]
    pub(super) fn sweep_lanes<S: Simd>(
        &self,
        s: S,
        columns: Range<usize>,
        points: usize,
        places: &(impl Iterator<Item = (usize, usize)> + Clone),
        y: &mut [f32],
    ) {
        self.sweep_as::<S, true>(s, columns, points, places, y);
    }

    #[inline(always)]
    fn sweep_as<S: Simd, const EACH: bool>(
        &self,
        s: S,
        columns: Range<usize>,
        points: usize,
        places: &(impl Iterator<Item = (usize, usize)> + Clone),
        y: &mut [f32],
    ) {
        let mut v = columns.start;
        while S::REGISTERS >= 32 && columns.end - v >= 4 * S::LANES {
            self.points::<S, 4, EACH>(s, v, S::LANES, points, places.clone(), y);
            v += 4 * S::LANES;
        }
        while columns.end - v >= 2 * S::LANES {
            self.points::<S, 2, EACH>(s, v, S::LANES, points, places.clone(), y);
            v += 2 * S::LANES;
        }
        while v < columns.end {
            let lanes = S::LANES.min(columns.end - v);
            self.points::<S, 1, EACH>(s, v, lanes, points, places.clone(), y);
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
        place: (usize, usize),
        y: &mut [f32],
    ) {
        let (mut v, places) = (columns.start, std::iter::once(place));
        while S::REGISTERS >= 32 && columns.end - v >= 8 * S::LANES {
            self.tile::<S, 1, 8, false>(s, v, S::LANES, &mut places.clone(), y);
            v += 8 * S::LANES;
        }
        self.sweep(s, v..columns.end, 1, &places, y);
    }

    #[inline(always)]
    fn points<S: Simd, const VEC: usize, const EACH: bool>(
        &self,
        s: S,
        v: usize,
        lanes: usize,
        points: usize,
        mut places: impl Iterator<Item = (usize, usize)>,
        y: &mut [f32],
    ) {
        let mut left = points;
        while left > 0 {
            // Twice 4 and a 3 hide the latency of the sums better than a 6, a 3 and a 2.
            left -= match left {
                // Fewer sizes of tiles, of which a row of three taps has its own.
                6.. if EACH => self.tile::<S, 6, VEC, EACH>(s, v, lanes, &mut places, y),
                3.. if EACH => self.tile::<S, 3, VEC, EACH>(s, v, lanes, &mut places, y),
                _ if EACH => self.tile::<S, 1, VEC, EACH>(s, v, lanes, &mut places, y),
                // Alone, a register of columns needs more points to hide the latency.
                8.. if VEC == 1 => self.tile::<S, 8, VEC, EACH>(s, v, lanes, &mut places, y),
                4 | 7 | 8 | 11 => self.tile::<S, 4, VEC, EACH>(s, v, lanes, &mut places, y),
                6.. => self.tile::<S, 6, VEC, EACH>(s, v, lanes, &mut places, y),
                3 | 5 => self.tile::<S, 3, VEC, EACH>(s, v, lanes, &mut places, y),
                2 => self.tile::<S, 2, VEC, EACH>(s, v, lanes, &mut places, y),
                _ => self.tile::<S, 1, VEC, EACH>(s, v, lanes, &mut places, y),
            };
        }
    }

    /// One tile: the next `P` points, `VEC` registers of columns from `v`. With `VEC == 1` only `lanes` of them exist.
    ///
    /// Loops and not `from_fn`: its closures are compiled for any processor, and where they are not inlined they copy registers
    /// in pieces.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const VEC: usize, const EACH: bool>(
        &self,
        s: S,
        v: usize,
        lanes: usize,
        places: &mut impl Iterator<Item = (usize, usize)>,
        y: &mut [f32],
    ) -> usize {
        let (mut x_at, mut y_at) = ([0; P], [0; P]);
        for p in 0..P {
            (x_at[p], y_at[p]) = places.next().unwrap_or_default();
            x_at[p] += if EACH { v } else { 0 };
        }
        let part = lanes < S::LANES;
        let mut acc = [[s.splat(0.0); VEC]; P];
        if matches!(self.start, Start::Sum) {
            for p in 0..P {
                for j in 0..VEC {
                    let from = &y[y_at[p] + v + j * S::LANES..][..lanes];
                    acc[p][j] = if part { s.load_part(from) } else { s.load(from) };
                }
            }
        }
        // A sum of nothing reads nothing.
        let parts = if self.loops.iter().any(|l| l.count == 0) { &[] } else { self.parts };
        for &(x, k) in parts {
            for a in 0..self.loops[0].count {
                for b in 0..self.loops[1].count {
                    let moved = |from: usize, by: fn(&Loop) -> usize| {
                        from.wrapping_add(a.wrapping_mul(by(&self.loops[0])))
                            .wrapping_add(b.wrapping_mul(by(&self.loops[1])))
                    };
                    let x_by = moved(0, |l| l.x);
                    let k = &k[moved(self.k + v, |l| l.k)..];
                    let (xs, l) = ((x, x_at, x_by), self.loops[2]);
                    if part {
                        run::<S, P, VEC, EACH, true>(s, &mut acc, xs, k, lanes, l);
                    } else {
                        run::<S, P, VEC, EACH, false>(s, &mut acc, xs, k, lanes, l);
                    }
                }
            }
        }
        for p in 0..P {
            for j in 0..VEC {
                let mut value = acc[p][j];
                if !self.bias.is_empty() {
                    let bias = &self.bias[v + j * S::LANES..][..lanes];
                    value = s.add(value, if part { s.load_part(bias) } else { s.load(bias) });
                }
                if self.relu {
                    value = s.max(s.splat(0.0), value);
                }
                let y = &mut y[y_at[p] + v + j * S::LANES..][..lanes];
                if part { s.store_part(value, y) } else { s.store(value, y) }
            }
        }
        P
    }
}

/// The innermost loop. Point `p` begins in `x` at `x_at[p] + x_by`.
#[inline(always)]
#[expect(
    unsafe_code,
    reason = "the loop that all the time goes to checks its bounds once, not in every round"
)]
fn run<S: Simd, const P: usize, const VEC: usize, const EACH: bool, const PART: bool>(
    s: S,
    acc: &mut [[S::V; VEC]; P],
    (x, x_at, x_by): (&[f32], [usize; P], usize),
    k: &[f32],
    lanes: usize,
    l: Loop,
) {
    let width = if PART { lanes } else { VEC * S::LANES };
    let x_width = if EACH { width } else { 1 };
    let k = &k[..span(l.count, l.k, width)];
    let len = span(l.count, l.x, x_width);
    let mut xs: [&[f32]; P] = [&[]; P];
    for p in 0..P {
        xs[p] = &x[x_at[p].wrapping_add(x_by)..][..len];
    }
    let mut sums = *acc;
    let (mut i, mut j) = (0, 0);
    for _ in 0..l.count {
        // SAFETY: in round `n < l.count`, `j` is `n * l.k`. `k` has `(l.count - 1) * l.k + width` numbers, so that `width` numbers
        // from `j` on are in it; `span` panics where that would overflow.
        let row = unsafe { k.get_unchecked(j..j + width) };
        let mut columns = [s.splat(0.0); VEC];
        for v in 0..VEC {
            columns[v] = if PART { s.load_part(row) } else { s.load(&row[v * S::LANES..]) };
        }
        for p in 0..P {
            // SAFETY: likewise `i` is `n * l.x`, and each of `xs` has `(l.count - 1) * l.x + x_width` numbers.
            let x = unsafe { xs[p].get_unchecked(i..i + x_width) };
            let mut factor = s.splat(if EACH { 0.0 } else { x[0] });
            for v in 0..VEC {
                if EACH {
                    factor = if PART { s.load_part(x) } else { s.load(&x[v * S::LANES..]) };
                }
                sums[p][v] = s.fma(factor, columns[v], sums[p][v]);
            }
        }
        i += l.x;
        j += l.k;
    }
    *acc = sums;
}

/// Numbers from the first to the last that a loop sees, where it sees `width` in each round.
#[inline(always)]
fn span(count: usize, step: usize, width: usize) -> usize {
    let last = count.checked_sub(1).and_then(|rounds| rounds.checked_mul(step));
    last.and_then(|last| last.checked_add(width)).expect("a loop within memory")
}
