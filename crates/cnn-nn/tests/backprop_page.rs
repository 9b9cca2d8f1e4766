//! The numbers of docs/backprop.md are those of the code.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_nn::layer::{Pass, Shape};
use cnn_nn::layers::{Conv2D, Spec as _};
use cnn_nn::testing::Bench;

/// The rows in brackets of the page's block, from its `name = ` on, as one list.
fn numbers_of(name: &str, rows: usize) -> Vec<f32> {
    let page = include_str!("../../../docs/backprop.md");
    let (at, line) = (page.lines().enumerate()).find(|(_, line)| line.contains(name)).unwrap();
    let column = line.find(name).unwrap() + name.len();
    (page.lines().skip(at).take(rows))
        .flat_map(|line| {
            let row = line[column..].trim_start_matches('[');
            let row = &row[..row.find(']').unwrap()];
            row.split(',').map(|x| x.trim().parse::<f32>().unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_example_by_hand_is_right() {
    let conv = Conv2D::new(1, 2).without_bias();
    let built = conv.build(&Shape::new([3, 3, 1])).unwrap();
    let (x, k) = (numbers_of("x = ", 3), numbers_of("k = ", 2));
    let mut bench = Bench::new(built, x, 1, k, Pass::Infer);
    assert_eq!(bench.forward(), numbers_of("     y = ", 2));
    let mut dk = vec![0.0; 4];
    let dx = bench.backward(&numbers_of("dy = ", 2), &mut dk, true);
    assert_eq!(dk, numbers_of("dk = ", 2));
    assert_eq!(dx, numbers_of("dx = ", 3));
}
