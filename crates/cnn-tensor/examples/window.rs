//! How the course's network shrinks a 28×28 image, and what an edge filter makes of a small one.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_tensor::{Padding, Window, ops};
use ndarray::Array4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut size = 28;
    for (layer, kernel, stride) in
        [("Conv2D 3×3", 3, 1), ("MaxPooling2D", 2, 2), ("Conv2D 3×3", 3, 1), ("MaxPooling2D", 2, 2)]
    {
        let window = Window::new(size, kernel, stride, Padding::Valid)?;
        println!("{layer:<13} {}", window.derivation());
        size = window.output;
    }

    let image = Array4::from_shape_fn((1, 4, 6, 1), |(_, _, x, _)| if x < 3 { 0.0 } else { 1.0 });
    let vertical =
        Array4::from_shape_vec((3, 3, 1, 1), vec![-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0])?;
    let edges = ops::conv2d(image.view(), vertical.view(), None, [1, 1], Padding::Valid)?;
    println!("\nA vertical edge under the Sobel filter:");
    for row in edges.slice(ndarray::s![0, .., .., 0]).rows() {
        println!("  {row:>3}");
    }
    Ok(())
}
