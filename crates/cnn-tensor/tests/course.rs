//! The lab's arithmetic against its own loops (data/golden/lab.npz), and filters against sums by hand.
#![expect(clippy::float_cmp, reason = "whole numbers, equal to the last one")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::npz;
use cnn_tensor::filters::{self, Display, Filter, KernelTextError, NAMED, Named, Pool};
use cnn_tensor::{Padding, course, ops};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn golden(name: &str) -> Array2<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/golden/lab.npz");
    let entries = npz::read(path.as_ref()).unwrap();
    let array = &entries.iter().find(|entry| entry.name == name).unwrap().array;
    let shape = (array.shape[0], array.shape.get(1).copied().unwrap_or(1));
    Array2::from_shape_vec(shape, array.to_f32()).unwrap()
}

#[test]
fn the_lab_pixel_for_pixel() {
    let image = golden("image").mapv(|v| v as u8);
    assert_eq!(image, cnn_data::scene::stairs().slice(ndarray::s![220..300, 140..204]));
    for (case, weight) in
        [("laplacian", 1.0), ("horizontal", 1.0), ("vertical", 1.0), ("weighted", 0.1)]
    {
        let kernel = golden(&format!("{case}/filter")).mapv(f64::from);
        if let Some(named) = Named::find(case) {
            assert_eq!(kernel, named.kernel());
        }
        assert_eq!(golden(&format!("{case}/weight"))[[0, 0]], weight as f32);
        let transformed = course::convolve(&image.view(), &kernel, weight).unwrap();
        assert_eq!(transformed.mapv(f32::from), golden(&format!("{case}/transformed")), "{case}");
        let pooled = course::max_pool(&transformed.view()).unwrap();
        assert_eq!(pooled, golden(&format!("{case}/pooled")), "{case}");
        let filter = course::filter(kernel, weight);
        for at in [[0, 0], [1, 1], [40, 31], [79, 63]] {
            let trace = filter.trace(&image.mapv(f32::from).view(), at).unwrap();
            let kept = trace.window.iter().any(Option::is_none);
            let expected = if kept { image[at] } else { course::store(trace.result) };
            assert_eq!(transformed[at], expected, "{case} {at:?}");
        }
    }
}

#[test]
fn odd_sides_lose_their_last_row_and_column() {
    let image = array![[1u8, 2, 3], [4, 5, 6], [7, 8, 9]];
    assert_eq!(course::max_pool(&image.view()).unwrap(), array![[5.0]]);
    assert!(course::max_pool(&array![[1u8, 2, 3]].view()).is_err());
    let wide = course::convolve(&image.view(), &Array2::ones((3, 4)), 1.0).unwrap_err();
    assert!(wide.to_string().contains("kernel 4 is larger than the input 3"), "{wide}");
    // An even kernel covers one pixel more to the right and below: of 3 pixels the last is border.
    let even = course::convolve(&image.view(), &Array2::ones((2, 2)), 1.0).unwrap();
    assert_eq!(even, array![[12, 16, 3], [24, 28, 6], [7, 8, 9]]);
}

proptest! {
    #[test]
    fn filters_sum_their_windows(
        h in 1usize..9, w in 1usize..9, kh in 1usize..5, kw in 1usize..5, sy in 1usize..4, sx in 1usize..4, pad in 0usize..3, salt in 0usize..100,
    ) {
        let plane = Array2::from_shape_fn((h, w), |(y, x)| ((y * 31 + x * 17 + salt) % 256) as f32);
        let kernel = Array2::from_shape_fn((kh, kw), |(y, x)| ((y * 5 + x * 3 + salt) % 7) as f64 - 3.0);
        for padding in [Padding::Valid, Padding::Same, Padding::Explicit(pad)] {
            let filter = Filter { weight: 0.5, bias: -4.0, strides: [sy, sx], padding, ..Filter::new(kernel.clone()) };
            let Ok(result) = filter.apply(&plane.view()) else { continue };
            let [rows, cols] = filter.windows(plane.dim()).unwrap();
            for ((i, j), &value) in result.indexed_iter() {
                let mut sum = 0.0;
                for ((y, x), k) in kernel.indexed_iter() {
                    let (y, x) = ((i * sy + y).wrapping_sub(rows.before), (j * sx + x).wrapping_sub(cols.before));
                    sum += plane.get((y, x)).map_or(0.0, |&v| f64::from(v)) * k;
                }
                prop_assert_eq!(f64::from(value), sum * 0.5 - 4.0);
                let trace = filter.trace(&plane.view(), [i, j]).unwrap();
                prop_assert_eq!((trace.sum, trace.result), (sum, sum * 0.5 - 4.0));
            }
            let (oh, ow) = result.dim();
            prop_assert!(filter.trace(&plane.view(), [oh, 0]).is_err());
            prop_assert!(filter.trace(&plane.view(), [0, ow]).is_err());
        }
    }

    #[test]
    fn what_is_shown_reads_back(h in 1usize..6, w in 1usize..6, salt: u32) {
        let kernel = Array2::from_shape_fn((h, w), |(y, x)| f64::from(salt % 1000) / 8.0 - (y * 7 + x) as f64);
        prop_assert_eq!(filters::parse(&filters::show(&kernel)), Ok(kernel));
    }

    #[test]
    fn any_text_gets_an_answer(text: String) {
        if let Ok(kernel) = filters::parse(&text) {
            prop_assert!(!kernel.is_empty() && kernel.iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn averages_do_not_count_the_padding() {
    let x = ndarray::Array4::from_shape_vec((1, 1, 3, 1), vec![2.0, 4.0, 9.0]).unwrap();
    // Windows of 2 at stride 2 over 3 pixels and 1 of padding after them: the last window is the last pixel alone.
    let y = ops::average_pool2d(x.view(), [1, 2], [1, 2], Padding::Same).unwrap();
    assert_eq!(y.as_slice().unwrap(), [3.0, 9.0]);
    assert!(ops::average_pool2d(x.view(), [1, 2], [1, 2], Padding::Explicit(2)).is_err());
    let plane = Array2::from_shape_fn((4, 5), |(y, x)| (y * 5 + x) as f32);
    assert_eq!(Pool::Average.apply(&plane.view(), 2).unwrap(), array![[3.0, 5.0], [13.0, 15.0]]);
    assert_eq!(Pool::Max.apply(&plane.view(), 2).unwrap(), array![[6.0, 8.0], [16.0, 18.0]]);
    assert!(Pool::Average.apply(&plane.view(), 5).is_err());
    assert!(Pool::Max.apply(&plane.view(), 0).is_err());
}

#[test]
fn every_name_is_found_and_keeps_a_flat_picture_sensible() {
    for named in NAMED {
        assert_eq!(Named::find(named.name), Some(&named).copied().as_ref());
        let sum: f64 = named.kernel().sum() * named.weight;
        assert!(sum.abs() < 1e-12 || (sum - 1.0).abs() < 1e-12, "{}: {sum}", named.name);
    }
    assert!(Named::find("sobel").is_none());
}

#[test]
fn texts_that_are_no_kernel() {
    use KernelTextError::{Empty, Mixed, NotANumber, Ragged, TooLarge, TooMany};
    let word = |word: &str| word.to_owned();
    let cases = [
        ("", Empty),
        (" ;\n; # nothing", Empty),
        (",", Empty),
        ("1 2; 3", Ragged { row: 2, expected: 2, got: 1 }),
        ("1 2\n3 4 5", Ragged { row: 2, expected: 2, got: 3 }),
        ("0 1 0, 1 -4 1, 0 1 0", Mixed { row: 1 }),
        ("1, 2; 3 4,", Mixed { row: 2 }),
        ("1 x", NotANumber { row: 1, place: 2, word: word("x") }),
        ("1/0 2", TooLarge { row: 1, place: 1, word: word("1/0") }),
        ("1; inf", TooLarge { row: 2, place: 1, word: word("inf") }),
        ("nan", TooLarge { row: 1, place: 1, word: word("nan") }),
        ("1e7", TooLarge { row: 1, place: 1, word: word("1e7") }),
    ];
    for (text, error) in cases {
        assert_eq!(filters::parse(text).unwrap_err(), error, "{text:?}");
    }
    assert_eq!(filters::parse(&"1 ".repeat(256)).unwrap_err(), TooMany { height: 1, width: 256 });
    assert_eq!(
        filters::parse("# a file\r\n1, -2.5\r\n1/4 0 # its end\r\n").unwrap(),
        array![[1.0, -2.5], [0.25, 0.0]]
    );
}

#[test]
fn signs_are_shown_by_rule() {
    let plane = array![[-200.0f32, -1.0, 0.4, 127.6, 300.0]];
    assert_eq!(Display::Clamp.bytes(&plane.view()), array![[0u8, 0, 0, 128, 255]]);
    assert_eq!(Display::Abs.bytes(&plane.view()), array![[200u8, 1, 0, 128, 255]]);
    assert_eq!(Display::Shift.bytes(&plane.view()), array![[0u8, 127, 128, 255, 255]]);
    assert_eq!(Display::Stretch.bytes(&plane.view()), array![[0u8, 101, 102, 167, 255]]);
    assert_eq!(Display::Stretch.bytes(&array![[7.0f32, 7.0]].view()), array![[0u8, 0]]);
}
