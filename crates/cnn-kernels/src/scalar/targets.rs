//! Losses for targets of any kind: soft, smoothed and weighted. In f64 throughout, as they are a small part of a step.

use super::math::{exp_f64 as exp, ln};
use crate::loss::Targets;
use std::cmp::Ordering;

/// The targets of one sample, and what it counts.
struct Target {
    /// Classes and their shares.
    label: usize,
    partner: usize,
    shares: (f64, f64),
    smoothing: (f64, f64),
    /// The class of the first output: 1 where there is a single output.
    first: usize,
    weight: f64,
}

impl Target {
    fn of(targets: &Targets<'_>, sample: usize, outputs: usize) -> Self {
        let label = targets.labels[sample] as usize;
        let (partner, share) = targets
            .mixed
            .map_or((label, 1.0), |(partners, shares)| (partners[sample] as usize, shares[sample]));
        let dominant = match share.partial_cmp(&(1.0 - share)) {
            Some(Ordering::Greater) => label,
            Some(Ordering::Equal) => label.min(partner),
            _ => partner,
        };
        let weight = targets.weights.get(dominant).map_or(1.0, |&weight| f64::from(weight));
        let shares = (f64::from(share), 1.0 - f64::from(share));
        let first = usize::from(outputs == 1);
        Self { label, partner, shares, smoothing: targets.smoothing, first, weight }
    }

    /// What output `k` should be.
    fn at(&self, k: usize) -> f64 {
        let class = k + self.first;
        let own = if class == self.label { self.shares.0 } else { 0.0 };
        let other = if class == self.partner { self.shares.1 } else { 0.0 };
        (own + other) * self.smoothing.0 + self.smoothing.1
    }
}

/// Adds the weighted losses of the samples. `row` returns a sample's loss, and writes its gradient through the function that it
/// is given; what it writes is multiplied by the weight and `scale`.
fn each(
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
    row: impl Fn(&[f32], &Target, &mut dyn FnMut(usize, f64)) -> f64,
) -> f64 {
    let mut total = 0.0;
    for (s, z) in z.chunks_exact(outputs).enumerate() {
        let target = Target::of(targets, s, outputs);
        let factor = target.weight * f64::from(scale);
        let d = if dz.is_empty() { &mut [] } else { &mut dz[s * outputs..(s + 1) * outputs] };
        let mut write = |k: usize, gradient: f64| {
            if let Some(d) = d.get_mut(k) {
                *d = (gradient * factor) as f32;
            }
        };
        total += target.weight * row(z, &target, &mut write);
    }
    total
}

/// A row's softmax: the place of its largest number, and Σ exp(z − max) over all numbers and over the others.
struct Softmax {
    best: usize,
    max: f64,
    sum: f64,
    rest: f64,
}

impl Softmax {
    fn of(z: &[f32]) -> Self {
        let mut best = 0;
        for (k, &x) in z.iter().enumerate() {
            if x > z[best] {
                best = k;
            }
        }
        let max = f64::from(z[best]);
        let others = z.iter().enumerate().filter(|(k, _)| *k != best);
        let rest: f64 = others.map(|(_, &x)| exp(f64::from(x) - max)).sum();
        // NaN where the largest number is.
        Self { best, max, sum: exp(f64::from(z[best]) - max) + rest, rest }
    }

    /// exp(z − max).
    fn part(&self, x: f32) -> f64 {
        exp(f64::from(x) - self.max)
    }

    /// −ln p.
    fn cost(&self, x: f32) -> f64 {
        ln(self.sum) + (self.max - f64::from(x))
    }

    /// 1 − p of output `k`, without cancellation.
    fn others(&self, k: usize, part: f64) -> f64 {
        (if k == self.best { self.rest } else { self.sum - part }) / self.sum
    }
}

pub(crate) fn softmax(
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    each(outputs, z, targets, scale, dz, |z, target, write| {
        let soft = Softmax::of(z);
        let mut loss = 0.0;
        for (k, &x) in z.iter().enumerate() {
            let t = target.at(k);
            if t > 0.0 {
                loss += t * soft.cost(x);
            }
            write(k, soft.part(x) / soft.sum - t);
        }
        loss
    })
}

/// With aₖ = ∂loss/∂ln pₖ = α tₖ (γ (1 − pₖ)^(γ−1) pₖ ln pₖ − (1 − pₖ)^γ): ∂loss/∂zⱼ = aⱼ − pⱼ Σ aₖ.
pub(crate) fn softmax_focal(
    alpha: f64,
    gamma: f64,
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    each(outputs, z, targets, scale, dz, |z, target, write| {
        let soft = Softmax::of(z);
        let by_log = |k: usize, x: f32| {
            let (t, part) = (alpha * target.at(k), soft.part(x));
            if t == 0.0 {
                return (0.0, 0.0);
            }
            let (cost, others) = (soft.cost(x), soft.others(k, part));
            let (power, slope) = power(others, gamma);
            (t * power * cost, -t * (slope * part / soft.sum * cost + power))
        };
        let (mut loss, mut sum) = (0.0, 0.0);
        for (k, &x) in z.iter().enumerate() {
            let (value, a) = by_log(k, x);
            loss += value;
            sum += a;
        }
        for (k, &x) in z.iter().enumerate() {
            write(k, by_log(k, x).1 - soft.part(x) / soft.sum * sum);
        }
        loss
    })
}

pub(crate) fn sigmoid(
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    let share = 1.0 / outputs as f64;
    each(outputs, z, targets, scale, dz, |z, target, write| {
        let mut loss = 0.0;
        for (k, &x) in z.iter().enumerate() {
            let (unit, t) = (Unit::of(x), target.at(k));
            loss += unit.cost(t) * share;
            write(k, (unit.p - t) * share);
        }
        loss
    })
}

pub(crate) fn sigmoid_focal(
    alpha: Option<f64>,
    gamma: f64,
    outputs: usize,
    z: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dz: &mut [f32],
) -> f64 {
    let share = 1.0 / outputs as f64;
    each(outputs, z, targets, scale, dz, |z, target, write| {
        let mut loss = 0.0;
        for (k, &x) in z.iter().enumerate() {
            let (unit, t) = (Unit::of(x), target.at(k));
            let balance = alpha.map_or(1.0, |alpha| t * alpha + (1.0 - t) * (1.0 - alpha)) * share;
            // 1 − p′, and how fast it falls with z.
            let wrong = t * unit.q + (1.0 - t) * unit.p;
            let falls = (2.0 * t - 1.0) * unit.p * unit.q;
            let (power, slope) = power(wrong, gamma);
            let cost = unit.cost(t);
            loss += balance * power * cost;
            write(k, balance * (power * (unit.p - t) - slope * falls * cost));
        }
        loss
    })
}

pub(crate) fn squared_error(
    outputs: usize,
    y: &[f32],
    targets: &Targets<'_>,
    scale: f32,
    dy: &mut [f32],
) -> f64 {
    let share = 1.0 / outputs as f64;
    each(outputs, y, targets, scale, dy, |y, target, write| {
        let mut loss = 0.0;
        for (k, &x) in y.iter().enumerate() {
            let off = f64::from(x) - target.at(k);
            loss += off * off * share;
            write(k, 2.0 * off * share);
        }
        loss
    })
}

/// The sigmoid of a number: p, 1 − p, and what its cross-entropy needs.
struct Unit {
    z: f64,
    p: f64,
    q: f64,
    /// ln(1 + exp(−|z|)).
    tail: f64,
}

impl Unit {
    fn of(x: f32) -> Self {
        let z = f64::from(x);
        let small = exp(-z.abs());
        let (large, small, tail) = (1.0 / (1.0 + small), small / (1.0 + small), ln(1.0 + small));
        let (p, q) = if z < 0.0 { (small, large) } else { (large, small) };
        Self { z, p, q, tail }
    }

    /// −t ln p − (1 − t) ln(1 − p) = max(z, 0) − t z + ln(1 + exp(−|z|)).
    fn cost(&self, t: f64) -> f64 {
        let positive = if self.z < 0.0 { 0.0 } else { self.z };
        positive - t * self.z + self.tail
    }
}

/// x^γ and its derivative, for 0 ≤ x ≤ 1 and γ ≥ 0. At 0 the derivative is taken as 0: it is always multiplied by something
/// that vanishes faster than it grows.
fn power(x: f64, gamma: f64) -> (f64, f64) {
    if gamma == 0.0 || x <= 0.0 {
        return (if gamma == 0.0 { 1.0 } else { 0.0 }, 0.0);
    }
    if x < f64::MIN_POSITIVE {
        return (0.0, 0.0);
    }
    let value = exp(gamma * ln(x));
    (value, gamma * value / x)
}
