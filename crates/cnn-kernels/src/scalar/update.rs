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
