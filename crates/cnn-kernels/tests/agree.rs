//! Every instruction set gives the bits of the plain loops, on awkward sizes; and the plain loops give what a brute-force
//! sum in f64 gives, written here from the formula.

mod common;

use cnn_kernels::conv::{self, ConvGeometry};
use cnn_kernels::max_pool::{self, PoolGeometry};
use cnn_kernels::{Isa, average_pool, dense};
use common::{assert_close, assert_same, numbers, scalar, sparse, vectorised};
use proptest::prelude::*;

/// Lane counts are 8 and 16: one less, equal, one more, twice, primes.
const AWKWARD: [usize; 14] = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 37];

/// All results of a convolution: output, input gradient, kernel and bias gradients.
fn convolution(isa: Isa, g: &ConvGeometry, n: usize, relu: bool, dz: &[f32]) -> [Vec<f32>; 4] {
    let x = numbers(1, n * g.input_len());
    let kernel = numbers(2, g.kernel_len());
    let bias = numbers(3, if relu { g.f } else { 0 });
    let mut y = vec![7.0; n * g.output_len()];
    conv::forward(isa, g, &x, &kernel, &bias, relu, &mut y);
    let mut packed = vec![0.0; conv::packed_len(g)];
    conv::transpose_kernel(g, &kernel, &mut packed);
    let mut dx = vec![7.0; x.len()];
    conv::backward_input(isa, g, &packed, dz, &mut dx);
    let (mut dkernel, mut dbias) = (numbers(4, kernel.len()), numbers(5, bias.len()));
    conv::backward_kernel(isa, g, &x, dz, &mut dkernel, &mut dbias);
    [y, dx, dkernel, dbias]
}

/// The same in f64, from the formula.
fn brute_force(g: &ConvGeometry, n: usize, relu: bool, dz: &[f32]) -> [Vec<f64>; 4] {
    let wide = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<_>>();
    let (x, kernel) = (wide(numbers(1, n * g.input_len())), wide(numbers(2, g.kernel_len())));
    let bias = wide(numbers(3, if relu { g.f } else { 0 }));
    let (mut y, mut dx) = (vec![0.0; n * g.output_len()], vec![0.0; x.len()]);
    let (mut dkernel, mut dbias) = (wide(numbers(4, kernel.len())), wide(numbers(5, bias.len())));
    for at in 0..y.len() {
        let (f, ox, oy, i) =
            (at % g.f, at / g.f % g.ow, at / g.f / g.ow % g.oh, at / g.output_len());
        let d = f64::from(dz[at]);
        y[at] = bias.get(f).copied().unwrap_or(0.0);
        let each = g.c / g.groups;
        for k in 0..g.kh * g.kw * each {
            let (c, kx, ky) = (k % each, k / each % g.kw, k / each / g.kw);
            let iy = (oy * g.stride_h + ky * g.dilation_h) as isize - g.pad_top as isize;
            let ix = (ox * g.stride_w + kx * g.dilation_w) as isize - g.pad_left as isize;
            if iy < 0 || ix < 0 || iy >= g.h as isize || ix >= g.w as isize {
                continue;
            }
            let group = f / (g.f / g.groups);
            let from = ((i * g.h + iy as usize) * g.w + ix as usize) * g.c + group * each + c;
            y[at] += x[from] * kernel[k * g.f + f];
            dx[from] += d * kernel[k * g.f + f];
            dkernel[k * g.f + f] += d * x[from];
        }
        if let Some(db) = dbias.get_mut(f) {
            *db += d;
        }
        if relu {
            y[at] = y[at].max(0.0);
        }
    }
    [y, dx, dkernel, dbias]
}

fn check_convolution(g: &ConvGeometry, n: usize, relu: bool) {
    let dense_dz = numbers(6, n * g.output_len());
    let sparse_dz = sparse(6, n * g.output_len());
    for dz in [dense_dz, sparse_dz] {
        let expected = convolution(scalar(), g, n, relu, &dz);
        let truth = brute_force(g, n, relu, &dz);
        let terms = [g.kh * g.kw * g.c, g.kh * g.kw * g.f, n * g.oh * g.ow, n * g.oh * g.ow];
        for (part, name) in ["y", "dx", "dkernel", "dbias"].iter().enumerate() {
            assert_close(
                &expected[part],
                &truth[part],
                terms[part],
                &format!("scalar {name} of {g:?}"),
            );
        }
        for isa in vectorised() {
            let got = convolution(isa, g, n, relu, &dz);
            for (part, name) in ["y", "dx", "dkernel", "dbias"].iter().enumerate() {
                assert_same(
                    &got[part],
                    &expected[part],
                    &format!("{} {name} of {g:?}", isa.name()),
                );
            }
        }
    }
}

#[test]
fn convolution_of_awkward_channels_agrees() {
    for c in [1, 2, 7, 16, 17] {
        for f in AWKWARD {
            let g = common::conv((6, 7, c, f), (3, 3), (1, 1), (0, 0, 0, 0)).expect("fits");
            check_convolution(&g, 2, f % 2 == 0);
            let g = common::conv((5, 4, c, f), (3, 2), (1, 1), (1, 1, 0, 1)).expect("fits");
            check_convolution(&g, 1, f % 2 == 1);
        }
    }
}

#[test]
fn convolution_of_the_course_s_shapes_agrees() {
    for (h, c, f) in [(28, 1, 32), (13, 32, 32), (13, 64, 64)] {
        let g = common::conv((h, h, c, f), (3, 3), (1, 1), (0, 0, 0, 0)).expect("fits");
        check_convolution(&g, 2, true);
    }
}

/// One filter for each channel, where every border is padded and where none is; and several filters for each.
#[test]
fn depthwise_convolution_of_awkward_channels_agrees() {
    for c in AWKWARD.into_iter().filter(|c| *c > 1).chain([64, 65, 130]) {
        for (size, kernel, stride, dilation, pad) in [
            ((6, 7), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
            ((7, 9), (3, 3), (1, 1), (1, 1), (0, 0, 0, 0)),
            ((7, 6), (3, 3), (2, 2), (1, 1), (1, 1, 0, 1)),
            ((5, 8), (2, 5), (3, 1), (1, 1), (0, 2, 2, 0)),
            ((9, 7), (3, 3), (1, 1), (3, 2), (0, 0, 0, 0)),
            ((6, 7), (3, 3), (1, 1), (2, 3), (2, 2, 3, 3)),
        ] {
            for multiplier in [1, 1 + c % 3] {
                let size = (size.0, size.1, c, c * multiplier);
                let g = common::dilated(size, kernel, stride, dilation, c, pad).expect("fits");
                check_convolution(&g, 2, c % 2 == 0);
            }
        }
    }
}

#[test]
fn pooling_fused_to_groups_and_dilation_equals_the_two_steps() {
    for (size, dilation, groups) in [
        ((8, 9, 24, 24), (1, 1), 24),
        ((8, 9, 6, 12), (1, 1), 6),
        ((8, 9, 6, 9), (1, 1), 3),
        ((9, 8, 1, 17), (2, 2), 1),
        ((9, 8, 3, 17), (1, 2), 1),
    ] {
        let g = common::dilated(size, (3, 3), (1, 1), dilation, groups, (0, 0, 0, 0));
        let g = g.expect("fits");
        let p = common::pool(g.oh, g.ow, g.f, (2, 2), (2, 2));
        check_fused(&g, &p, 2, true);
        check_fused_gradients(&g, &p, 2, true);
    }
}

/// Few enough numbers for Miri to follow each: a vector of 8, its rest, and one more row of registers.
#[test]
fn small_shapes_agree() {
    for (c, f, groups) in [(1, 17, 1), (9, 2, 1), (2, 2, 2)] {
        let g = common::dilated((5, 4, c, f), (3, 2), (1, 1), (1, 1), groups, (0, 0, 0, 0));
        let g = g.expect("fits");
        check_convolution(&g, 1, true);
        let p = common::pool(g.oh, g.ow, g.f, (2, 2), (1, 1));
        check_fused(&g, &p, 1, true);
        check_fused_gradients(&g, &p, 1, true);
    }
    check_convolution(
        &common::conv((3, 3, 2, 9), (2, 2), (2, 2), (1, 1, 1, 1)).expect("fits"),
        1,
        false,
    );
    check_pooling(&common::pool(4, 3, 9, (2, 2), (2, 1)), 1);
    check_products(5, 4, 17);
}

#[test]
fn no_images_give_no_output_and_no_gradient() {
    let g = common::conv((4, 4, 2, 3), (3, 3), (1, 1), (0, 0, 0, 0)).expect("fits");
    check_convolution(&g, 0, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn convolution_of_any_geometry_agrees(
        size in (1_usize..9, 1_usize..9, 1_usize..5, 1_usize..20),
        kernel in (1_usize..5, 1_usize..5),
        stride in (1_usize..4, 1_usize..4),
        pad in (0_usize..4, 0_usize..4, 0_usize..4, 0_usize..4),
        n in 1_usize..3,
        relu: bool,
    ) {
        if let Some(g) = common::conv(size, kernel, stride, pad) {
            check_convolution(&g, n, relu);
        }
    }

    #[test]
    fn convolution_of_any_groups_and_dilation_agrees(
        size in (1_usize..10, 1_usize..10, 1_usize..4, 1_usize..7),
        kernel in (1_usize..4, 1_usize..4),
        step in (1_usize..4, 1_usize..4),
        dilated in (any::<bool>(), any::<bool>()),
        groups in 1_usize..5,
        pad in (0_usize..4, 0_usize..4, 0_usize..4, 0_usize..4),
        relu: bool,
    ) {
        let size = (size.0, size.1, size.2 * groups, size.3 * groups);
        let axis = |step, dilated| if dilated { (1, step) } else { (step, 1) };
        let (high, wide) = (axis(step.0, dilated.0), axis(step.1, dilated.1));
        let (stride, dilation) = ((high.0, wide.0), (high.1, wide.1));
        if let Some(g) = common::dilated(size, kernel, stride, dilation, groups, pad) {
            check_convolution(&g, 2, relu);
        }
    }

    #[test]
    fn pooling_of_any_geometry_agrees(
        (h, w, c) in (1_usize..9, 1_usize..9, 1_usize..20),
        window in (1_usize..4, 1_usize..4),
        stride in (1_usize..4, 1_usize..4),
        (top, left) in (0_usize..3, 0_usize..3),
        n in 1_usize..3,
    ) {
        let mut p = common::pool(h + top, w + left, c, window, stride);
        (p.h, p.w, p.pad_top, p.pad_left) = (h, w, top, left);
        check_pooling(&p, n);
    }

    #[test]
    fn fused_pooling_equals_the_two_steps(
        size in (3_usize..9, 3_usize..9, 1_usize..4, 1_usize..20),
        window in (1_usize..4, 1_usize..4),
        stride in (1_usize..4, 1_usize..4),
        pad in (0_usize..2, 0_usize..2, 0_usize..2, 0_usize..2),
        pool_pad in (0_usize..2, 0_usize..2),
        relu: bool,
    ) {
        let g = common::conv(size, (3, 3), (1, 1), pad).expect("fits");
        let mut p = common::pool(g.oh + pool_pad.0, g.ow + pool_pad.1, g.f, window, stride);
        (p.h, p.w, p.pad_top, p.pad_left) = (g.oh, g.ow, pool_pad.0, pool_pad.1);
        check_fused(&g, &p, 2, relu);
        check_fused_gradients(&g, &p, 2, relu);
    }

    #[test]
    fn fused_gradients_of_any_kernel_equal_the_two_steps(
        size in (5_usize..12, 5_usize..12, 1_usize..20, 1_usize..20),
        kernel in (1_usize..4, 1_usize..4),
        stride in (1_usize..3, 1_usize..3),
        window in (1_usize..3, 1_usize..4),
        relu: bool,
    ) {
        let g = common::conv(size, kernel, stride, (0, 0, 0, 0)).expect("fits");
        let p = common::pool(g.oh, g.ow, g.f, window, window);
        check_fused_gradients(&g, &p, 2, relu);
    }
}

fn check_fused(g: &ConvGeometry, p: &PoolGeometry, n: usize, relu: bool) {
    let (x, kernel, bias) =
        (numbers(1, n * g.input_len()), numbers(2, g.kernel_len()), numbers(3, g.f));
    for isa in Isa::available() {
        let mut image = vec![0.0; n * g.output_len()];
        conv::forward(isa, g, &x, &kernel, &bias, relu, &mut image);
        let (mut y, mut argmax) = (vec![0.0; n * p.output_len()], vec![0; n * p.output_len()]);
        max_pool::forward(isa, p, &image, &mut y, &mut argmax);
        let (mut fused_y, mut fused_argmax) = (vec![7.0; y.len()], vec![9; y.len()]);
        let mut scratch = vec![f32::NAN; conv::pool_scratch_len(g, p)];
        conv::forward_max_pool(
            isa,
            g,
            p,
            &x,
            &kernel,
            &bias,
            relu,
            &mut fused_y,
            &mut fused_argmax,
            &mut scratch,
        );
        assert_same(&fused_y, &y, &format!("{} fused {g:?} {p:?}", isa.name()));
        assert_eq!(fused_argmax, argmax, "{} fused {g:?} {p:?}", isa.name());
        fused_y.fill(7.0);
        conv::forward_max_pool(
            isa,
            g,
            p,
            &x,
            &kernel,
            &bias,
            relu,
            &mut fused_y,
            &mut [],
            &mut scratch,
        );
        assert_same(&fused_y, &y, "without argmax");
    }
}

/// The gradients of a fused pooling have the bits of the two steps, on every instruction set.
fn check_fused_gradients(g: &ConvGeometry, p: &PoolGeometry, n: usize, relu: bool) {
    let (x, kernel, bias) =
        (numbers(1, n * g.input_len()), numbers(2, g.kernel_len()), numbers(3, g.f));
    let (mut y, mut argmax) = (vec![0.0; n * p.output_len()], vec![0; n * p.output_len()]);
    let mut scratch = vec![f32::NAN; conv::pool_scratch_len(g, p)];
    conv::forward_max_pool(
        scalar(),
        g,
        p,
        &x,
        &kernel,
        &bias,
        relu,
        &mut y,
        &mut argmax,
        &mut scratch,
    );
    let dy = numbers(7, y.len());
    let mut dz = vec![0.0; n * g.output_len()];
    if relu {
        max_pool::backward_relu(scalar(), p, &y, &dy, &argmax, &mut dz);
    } else {
        max_pool::backward(scalar(), p, &dy, &argmax, &mut dz);
    }
    let mut packed = vec![0.0; conv::packed_len(g)];
    conv::transpose_kernel(g, &kernel, &mut packed);
    let (mut dx, mut dkernel, mut dbias) =
        (vec![7.0; x.len()], numbers(4, kernel.len()), numbers(5, bias.len()));
    conv::backward_input(scalar(), g, &packed, &dz, &mut dx);
    conv::backward_kernel(scalar(), g, &x, &dz, &mut dkernel, &mut dbias);
    for isa in Isa::available() {
        let what = format!("{} {g:?} {p:?}", isa.name());
        let mut scratch = vec![f32::NAN; conv::backward_pool_scratch_len(g)];
        let (mut fused_dx, mut fused_dkernel, mut fused_dbias) =
            (vec![7.0; x.len()], numbers(4, kernel.len()), numbers(5, bias.len()));
        conv::backward_max_pool_kernel(
            isa,
            g,
            p,
            relu,
            &x,
            &y,
            &dy,
            &argmax,
            &mut fused_dkernel,
            &mut fused_dbias,
            &mut scratch,
        );
        scratch.fill(f32::NAN);
        conv::backward_max_pool_input(
            isa,
            g,
            p,
            relu,
            &packed,
            &y,
            &dy,
            &argmax,
            &mut fused_dx,
            &mut scratch,
        );
        assert_same(&fused_dkernel, &dkernel, &format!("dkernel {what}"));
        assert_same(&fused_dbias, &dbias, &format!("dbias {what}"));
        assert_same(&fused_dx, &dx, &format!("dx {what}"));
    }
}

#[test]
fn fused_pooling_of_the_course_s_shapes_equals_the_two_steps() {
    for (h, c, f) in [
        (28, 1, 32),
        (28, 1, 64),
        (28, 1, 17),
        (27, 1, 32),
        (13, 32, 32),
        (13, 64, 64),
        (12, 3, 40),
        (9, 16, 80),
        (9, 13, 65),
    ] {
        let g = common::conv((h, h, c, f), (3, 3), (1, 1), (0, 0, 0, 0)).expect("fits");
        let p = common::pool(g.oh, g.ow, f, (2, 2), (2, 2));
        check_fused(&g, &p, 2, true);
        check_fused(&g, &p, 1, false);
        check_fused_gradients(&g, &p, 2, true);
        check_fused_gradients(&g, &p, 1, false);
    }
}

/// `y` and `argmax`, then the gradients with and without relu.
fn check_pooling(p: &PoolGeometry, n: usize) {
    // Few distinct values, so that there are ties.
    let x: Vec<f32> = numbers(1, n * p.input_len()).iter().map(|x| (x * 3.0).round()).collect();
    let dy = numbers(2, n * p.output_len());
    let run = |isa| {
        let (mut y, mut argmax) = (vec![0.0; dy.len()], vec![9; dy.len()]);
        max_pool::forward(isa, p, &x, &mut y, &mut argmax);
        let (mut dx, mut dz) = (vec![7.0; x.len()], vec![7.0; x.len()]);
        max_pool::backward(isa, p, &dy, &argmax, &mut dx);
        max_pool::backward_relu(isa, p, &y, &dy, &argmax, &mut dz);
        (y, argmax, dx, dz)
    };
    let (y, argmax, dx, dz) = run(scalar());
    let mean = |isa| {
        let (mut y, mut dx) = (vec![7.0; dy.len()], vec![7.0; x.len()]);
        average_pool::forward(isa, p, &x, &mut y);
        average_pool::backward(isa, p, &dy, &mut dx);
        [y, dx]
    };
    let means = mean(scalar());
    let (mut true_mean, mut share) = (vec![0.0; y.len()], vec![0.0; x.len()]);
    let (mut true_dx, mut true_dz) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for at in 0..y.len() {
        let (c, ox, oy, i) =
            (at % p.c, at / p.c % p.ow, at / p.c / p.ow % p.oh, at / p.output_len());
        let (mut best, mut from, mut index) = (f32::NEG_INFINITY, None, 0);
        let mut inside = Vec::new();
        for k in 0..p.ph * p.pw {
            let iy = (oy * p.stride_h + k / p.pw) as isize - p.pad_top as isize;
            let ix = (ox * p.stride_w + k % p.pw) as isize - p.pad_left as isize;
            if iy < 0 || ix < 0 || iy >= p.h as isize || ix >= p.w as isize {
                continue;
            }
            let here = ((i * p.h + iy as usize) * p.w + ix as usize) * p.c + c;
            inside.push(here);
            if x[here] > best {
                (best, from, index) = (x[here], Some(here), k);
            }
        }
        assert_eq!((y[at], argmax[at] as usize), (best, index), "{p:?} at {at}");
        let count = inside.len().max(1) as f64;
        for here in inside {
            true_mean[at] += f64::from(x[here]) / count;
            share[here] += f64::from(dy[at]) / count;
        }
        if let Some(from) = from {
            true_dx[from] += f64::from(dy[at]);
            true_dz[from] += if best > 0.0 { f64::from(dy[at]) } else { 0.0 };
        }
    }
    assert_close(&dx, &true_dx, p.ph * p.pw, &format!("scalar dx of {p:?}"));
    assert_close(&dz, &true_dz, p.ph * p.pw, &format!("scalar dz of {p:?}"));
    assert_close(&means[0], &true_mean, p.ph * p.pw, &format!("mean of {p:?}"));
    assert_close(&means[1], &share, p.ph * p.pw, &format!("shares of {p:?}"));
    for isa in vectorised() {
        let averages = mean(isa);
        assert_same(&averages[0], &means[0], &format!("{} mean of {p:?}", isa.name()));
        assert_same(&averages[1], &means[1], &format!("{} shares of {p:?}", isa.name()));
        let got = run(isa);
        assert_same(&got.0, &y, &format!("{} y of {p:?}", isa.name()));
        assert_eq!(got.1, argmax, "{} argmax of {p:?}", isa.name());
        assert_same(&got.2, &dx, &format!("{} dx of {p:?}", isa.name()));
        assert_same(&got.3, &dz, &format!("{} dz of {p:?}", isa.name()));
    }
}

#[test]
fn pooling_of_awkward_channels_agrees() {
    for c in AWKWARD {
        check_pooling(&common::pool(7, 6, c, (2, 2), (2, 2)), 2);
        check_pooling(&common::pool(5, 5, c, (3, 2), (1, 2)), 1);
    }
}

/// `y`, `dx`, `dkernel`, `dbias` of two shards, the second one smaller.
fn product(isa: Isa, n: usize, n_in: usize, n_out: usize) -> [Vec<f32>; 4] {
    let (x, kernel, bias) = (numbers(1, n * n_in), numbers(2, n_in * n_out), numbers(3, n_out));
    let dz = numbers(4, n * n_out);
    let mut y = vec![7.0; n * n_out];
    dense::forward(isa, n_in, n_out, &x, &kernel, &bias, &mut y);
    let mut dx = vec![7.0; n * n_in];
    dense::backward_input(isa, n_in, n_out, &kernel, &dz, &mut dx);
    let cut = n / 2 + n % 2;
    let (x, dz) = (x.split_at(cut * n_in), dz.split_at(cut * n_out));
    let batch = [(x.0, dz.0), (x.1, dz.1)];
    let (mut dkernel, mut dbias) = (numbers(5, n_in * n_out), numbers(6, n_out));
    let middle = n_in / 3;
    let (low, high) = dkernel.split_at_mut(middle * n_out);
    dense::backward_kernel(isa, n_in, n_out, &batch, 0..middle, low);
    dense::backward_kernel(isa, n_in, n_out, &batch, middle..n_in, high);
    dense::backward_bias(isa, n_out, &batch, &mut dbias);
    let third = n_out / 3;
    for columns in [0..third, third..n_out] {
        let mut part = vec![7.0; n * columns.len()];
        dense::forward_columns(
            isa,
            n_in,
            n_out,
            &batch,
            columns.clone(),
            &kernel,
            &bias,
            &mut part,
        );
        let row = |s: usize| &y[s * n_out..][columns.clone()];
        assert_same(&part, &(0..n).flat_map(row).copied().collect::<Vec<_>>(), "columns");
    }
    [y, dx, dkernel, dbias]
}

#[test]
fn dense_products_agree() {
    for n in [0, 1, 3, 4, 5, 9] {
        for n_in in [0, 1, 4, 7, 13, 32, 131] {
            for n_out in AWKWARD {
                check_products(n, n_in, n_out);
            }
        }
    }
}

fn check_products(n: usize, n_in: usize, n_out: usize) {
    let names = ["y", "dx", "dkernel", "dbias"];
    let what = format!("{n} x {n_in} x {n_out}");
    let expected = product(scalar(), n, n_in, n_out);
    let truth = true_product(n, n_in, n_out);
    for part in 0..4 {
        assert_close(
            &expected[part],
            &truth[part],
            n + n_in + n_out,
            &format!("{} {what}", names[part]),
        );
    }
    for isa in vectorised() {
        let got = product(isa, n, n_in, n_out);
        for part in 0..4 {
            assert_same(
                &got[part],
                &expected[part],
                &format!("{} {} {what}", isa.name(), names[part]),
            );
        }
    }
}

fn true_product(n: usize, n_in: usize, n_out: usize) -> [Vec<f64>; 4] {
    let wide = |seed, len| numbers(seed, len).into_iter().map(f64::from).collect::<Vec<_>>();
    let (x, kernel, bias) = (wide(1, n * n_in), wide(2, n_in * n_out), wide(3, n_out));
    let (dz, mut y, mut dx) = (wide(4, n * n_out), vec![0.0; n * n_out], vec![0.0; n * n_in]);
    let (mut dkernel, mut dbias) = (wide(5, n_in * n_out), wide(6, n_out));
    for s in 0..n {
        for o in 0..n_out {
            let d = dz[s * n_out + o];
            y[s * n_out + o] = bias[o];
            dbias[o] += d;
            for i in 0..n_in {
                y[s * n_out + o] += x[s * n_in + i] * kernel[i * n_out + o];
                dx[s * n_in + i] += d * kernel[i * n_out + o];
                dkernel[i * n_out + o] += d * x[s * n_in + i];
            }
        }
    }
    [y, dx, dkernel, dbias]
}
