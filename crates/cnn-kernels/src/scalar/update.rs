//! Optimizer updates in plain loops; the fast variants are these same loops under another instruction set.

#[inline(always)]
pub(crate) fn add_penalty(l1: f32, l2: f32, w: &[f32], g: &mut [f32]) {
    let twice = 2.0 * l2;
    for (w, g) in w.iter().zip(g) {
        let sign = f32::from(i8::from(*w > 0.0) - i8::from(*w < 0.0));
        *g += l1 * sign + twice * w;
    }
}

#[inline(always)]
pub(crate) fn sgd(lr: f32, w: &mut [f32], g: &[f32]) {
    for (w, g) in w.iter_mut().zip(g) {
        *w -= lr * g;
    }
}

#[inline(always)]
pub(crate) fn sgd_momentum(
    lr: f32,
    momentum: f32,
    nesterov: bool,
    w: &mut [f32],
    g: &[f32],
    v: &mut [f32],
) {
    for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
        *v = momentum * *v - lr * g;
        *w += if nesterov { momentum * *v - lr * g } else { *v };
    }
}

#[inline(always)]
pub(crate) fn adam(
    alpha: f32,
    rest_1: f32,
    rest_2: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m += (g - *m) * rest_1;
        *v += (g * g - *v) * rest_2;
        *w -= *m * alpha / (v.sqrt() + epsilon);
    }
}

/// `w −= w·rate`.
#[inline(always)]
pub(crate) fn decay(rate: f32, w: &mut [f32]) {
    for w in w {
        *w -= *w * rate;
    }
}

#[inline(always)]
pub(crate) fn adagrad(
    lr: f32,
    initial: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    a: &mut [f32],
) {
    for ((w, g), a) in w.iter_mut().zip(g).zip(a) {
        *a += g * g;
        *w -= lr * g / (*a + initial + epsilon).sqrt();
    }
}

#[inline(always)]
pub(crate) fn lion(
    lr: f32,
    beta_1: f32,
    beta_2: f32,
    rests: [f32; 2],
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
) {
    for ((w, g), m) in w.iter_mut().zip(g).zip(m) {
        let direction = *m * beta_1 + g * rests[0];
        let sign = f32::from(i8::from(direction > 0.0) - i8::from(direction < 0.0));
        *w -= lr * sign;
        *m = *m * beta_2 + g * rests[1];
    }
}

#[inline(always)]
pub(crate) fn nadam(
    factors: [f32; 3],
    rests: [f32; 2],
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let [of_m, of_g, of_v] = factors;
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m += (g - *m) * rests[0];
        *v += (g * g - *v) * rests[1];
        *w -= (of_m * *m + of_g * g) / ((*v * of_v).sqrt() + epsilon);
    }
}

/// `average` and `momentum` may be empty: not centered, no momentum.
#[inline(always)]
pub(crate) fn rmsprop(
    lr: f32,
    [rho, rest]: [f32; 2],
    momentum: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    velocity: &mut [f32],
    average: &mut [f32],
    moved: &mut [f32],
) {
    for (i, ((w, g), v)) in w.iter_mut().zip(g).zip(velocity).enumerate() {
        *v = rho * *v + rest * (g * g);
        let mut variance = *v;
        if let Some(average) = average.get_mut(i) {
            *average = rho * *average + rest * g;
            variance -= *average * *average;
        }
        let mut step = lr * g / (variance + epsilon).sqrt();
        if let Some(moved) = moved.get_mut(i) {
            *moved = momentum * *moved + step;
            step = *moved;
        }
        *w -= step;
    }
}
