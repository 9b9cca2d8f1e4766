//! Windows and operations against counting and summing by hand.
#![expect(clippy::float_cmp, reason = "a maximum is one of its numbers, and flattening moves them")]

use cnn_tensor::{Padding, Window, ops};
use ndarray::{Array1, Array2, Array4, s};
use proptest::prelude::*;

/// Places a window may take in a padded row, counted one by one.
fn count(padded: usize, kernel: usize, stride: usize) -> usize {
    (0..padded).step_by(stride).filter(|start| start + kernel <= padded).count()
}

proptest! {
    #[test]
    fn valid_and_explicit_padding_count_the_windows(input in 1usize..60, kernel in 1usize..12, stride in 1usize..6, pad in 0usize..5) {
        let expected = count(input + 2 * pad, kernel, stride);
        let window = Window::new(input, kernel, stride, Padding::Explicit(pad)).ok();
        prop_assert_eq!(window.map_or(0, |window| window.output), expected);
        prop_assert!(window.is_none_or(|window| (window.before, window.after) == (pad, pad)));
    }

    #[test]
    fn same_padding_centres_every_stride(input in 1usize..60, kernel in 1usize..12, stride in 1usize..6) {
        let window = Window::new(input, kernel, stride, Padding::Same).unwrap();
        prop_assert_eq!(window.output, (0..input).step_by(stride).count());
        let padded = input + window.before + window.after;
        prop_assert!(count(padded, kernel, stride) >= window.output);
        prop_assert!(window.after == window.before || window.after == window.before + 1, "the odd pixel goes to the end");
    }

    /// The windows of a kernel with holes are those of a kernel without, as long as it reaches.
    #[test]
    fn dilated_windows_are_those_of_their_span(input in 1usize..60, kernel in 1usize..6, dilation in 1usize..6, pad in 0usize..5) {
        for padding in [Padding::Valid, Padding::Same, Padding::Explicit(pad)] {
            let (first, last) = (0, (kernel - 1) * dilation);
            let dilated = Window::dilated(input, kernel, 1, dilation, padding);
            let plain = Window::new(input, last - first + 1, 1, padding);
            prop_assert_eq!(dilated.is_ok(), plain.is_ok());
            if let (Ok(dilated), Ok(plain)) = (dilated, plain) {
                prop_assert_eq!((dilated.output, dilated.before, dilated.after), (plain.output, plain.before, plain.after));
                prop_assert_eq!((dilated.span(), dilated.kernel), (plain.kernel, kernel));
                prop_assert_eq!(dilated.has_padding_only_window(), plain.has_padding_only_window());
            }
        }
    }

    #[test]
    fn any_numbers_give_an_answer(input: u32, kernel: u32, stride: u32, pad: u64) {
        let pad = usize::try_from(pad).unwrap_or(usize::MAX);
        for padding in [Padding::Valid, Padding::Same, Padding::Explicit(pad)] {
            if let Ok(window) = Window::new(input as usize, kernel as usize, stride as usize, padding) {
                prop_assert!(window.output >= 1);
                prop_assert!(!window.derivation().is_empty());
            }
        }
    }
}

fn image(n: usize, h: usize, w: usize, c: usize) -> Array4<f32> {
    Array4::from_shape_fn((n, h, w, c), |(n, y, x, c)| {
        ((n * 7 + y * 5 + x * 3 + c * 11) % 13) as f32 - 6.0
    })
}

#[test]
fn convolution_sums_its_window() {
    let (x, k) = (image(2, 6, 5, 3), image(3, 2, 3, 4));
    let bias = Array1::from(vec![0.5, -1.0, 2.0, 0.0]);
    let y = ops::conv2d(x.view(), k.view(), Some(bias.view()), [2, 1], Padding::Same).unwrap();
    let (rows, cols) = (
        Window::new(6, 3, 2, Padding::Same).unwrap(),
        Window::new(5, 2, 1, Padding::Same).unwrap(),
    );
    assert_eq!(y.dim(), (2, rows.output, cols.output, 4));
    for ((n, oy, ox, f), &value) in y.indexed_iter() {
        let mut sum = f64::from(bias[f]);
        for ((ky, kx, c, kf), &weight) in k.indexed_iter() {
            let (iy, ix) =
                ((oy * 2 + ky).wrapping_sub(rows.before), (ox + kx).wrapping_sub(cols.before));
            if kf == f && iy < 6 && ix < 5 {
                sum += f64::from(x[[n, iy, ix, c]]) * f64::from(weight);
            }
        }
        assert!((sum - f64::from(value)).abs() < 1e-4, "{sum} and {value}");
    }
}

#[test]
fn pooling_takes_the_largest_and_views_may_be_strided() {
    let x = image(2, 8, 9, 2);
    let every_second = x.slice(s![.., ..;2, .., ..]);
    let y = ops::max_pool2d(every_second, [2, 3], [2, 3], Padding::Valid).unwrap();
    assert_eq!(y.dim(), (2, 2, 3, 2));
    for ((n, oy, ox, c), &value) in y.indexed_iter() {
        let window = every_second.slice(s![n, oy * 2..oy * 2 + 2, ox * 3..ox * 3 + 3, c]);
        assert_eq!(value, window.fold(f32::NEG_INFINITY, |m, &v| m.max(v)));
    }
}

#[test]
fn dense_softmax_relu_and_flatten() {
    let x = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32 / 4.0 - 1.0);
    let k = Array2::from_shape_fn((4, 5), |(i, j)| (i as f32 - j as f32) / 3.0);
    let y = ops::dense(x.view(), k.view(), None).unwrap();
    let expected = x.dot(&k);
    assert!(y.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
    for row in ops::softmax(y.view()).rows() {
        assert!((row.sum() - 1.0).abs() < 1e-5);
    }
    assert!(ops::relu(y.view()).iter().all(|&v| v >= 0.0));
    let flat = ops::flatten(image(2, 3, 4, 5).view());
    assert_eq!(flat.dim(), (2, 60));
    assert_eq!(flat[[1, 59]], image(2, 3, 4, 5)[[1, 2, 3, 4]]);
}

#[test]
fn softmax_and_relu_are_their_formulas() {
    let x = Array2::from_shape_fn((5, 7), |(i, j)| (i * 7 + j) as f32 * 0.9 - 11.0);
    for (row, shares) in x.rows().into_iter().zip(ops::softmax(x.view()).rows()) {
        let sum: f64 = row.iter().map(|&v| f64::from(v).exp()).sum();
        for (&v, &share) in row.iter().zip(shares) {
            assert!((f64::from(v).exp() / sum - f64::from(share)).abs() < 1e-6, "{v}: {share}");
        }
    }
    let large = ops::softmax(Array2::from_elem((1, 4), 3e38).view());
    assert!(large.iter().all(|&share| share == 0.25), "{large}");
    for (&v, &y) in x.t().iter().zip(&ops::relu(x.t())) {
        assert_eq!(y, if v > 0.0 { v } else { 0.0 });
    }
    assert!(ops::relu(Array1::from(vec![f32::NAN]).view())[0].is_nan());
}

#[test]
fn empty_and_endless_results_are_errors_or_empty() {
    let conv = |x: &Array4<f32>, kernel: &Array4<f32>, padding| {
        ops::conv2d(x.view(), kernel.view(), None, [1, 1], padding)
    };
    let error = conv(&image(1, 4, 4, 0), &image(3, 3, 0, 2), Padding::Valid).unwrap_err();
    assert_eq!(error.to_string(), "conv2d: the channel axis is 0, expected at least 1");
    let none = conv(&image(0, 4, 4, 1), &image(3, 3, 1, 2), Padding::Valid).unwrap();
    assert_eq!(none.dim(), (0, 2, 2, 2));
    for pad in [1 << 20, 1 << 30] {
        let error =
            conv(&image(1, 4, 4, 1), &image(2, 2, 1, 1), Padding::Explicit(pad)).unwrap_err();
        assert!(error.to_string().contains("more than 1073741824 numbers"), "{error}");
        assert!(error.hint().contains("smaller padding"));
    }
    let y = ops::dense(Array2::zeros((2, 0)).view(), Array2::zeros((0, 3)).view(), None).unwrap();
    assert_eq!(y, Array2::<f32>::zeros((2, 3)));
}

#[test]
fn what_does_not_fit_is_an_error_with_both_sizes() {
    let error = ops::conv2d(
        image(1, 4, 4, 2).view(),
        image(3, 3, 1, 8).view(),
        None,
        [1, 1],
        Padding::Valid,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "conv2d: the kernel's channel axis is 1, expected 2");
    let error =
        ops::max_pool2d(image(1, 1, 1, 2).view(), [2, 2], [2, 2], Padding::Valid).unwrap_err();
    assert!(error.to_string().contains("floor((1 − 2 + 2·0)/2) + 1 = 0"), "{error}");
    assert!(error.hint().contains("same"));
    assert!(
        ops::max_pool2d(image(1, 4, 4, 1).view(), [2, 2], [2, 2], Padding::Explicit(2)).is_err()
    );
    assert!(ops::dense(Array2::zeros((1, 3)).view(), Array2::zeros((4, 2)).view(), None).is_err());
}
