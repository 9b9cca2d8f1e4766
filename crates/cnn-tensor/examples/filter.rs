//! The course's three filters on a white square, by the lab's rules, and one pixel followed by hand.
//!
//! `cargo run -p cnn-tensor --example filter`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_tensor::course;
use cnn_tensor::filters::Named;
use ndarray::Array2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inside = |(y, x): (usize, usize)| (2..6).contains(&y) && (3..9).contains(&x);
    let square = Array2::from_shape_fn((8, 12), |at| if inside(at) { 60_u8 } else { 10 });
    show("the picture", &square);
    for name in ["vertical", "horizontal", "laplacian"] {
        let kernel = Named::find(name).ok_or("no such kernel")?.kernel();
        show(name, &course::convolve(&square.view(), &kernel, 1.0)?);
    }
    let vertical = Named::find("vertical").ok_or("no such kernel")?.kernel();
    let trace = course::filter(vertical, 1.0).trace(&square.mapv(f32::from).view(), [3, 3])?;
    println!("vertical at row 3, column 3: {:?}", trace.products.iter().collect::<Vec<_>>());
    println!("sum {}, stored as {}", trace.sum, course::store(trace.result));
    Ok(())
}

fn show(name: &str, image: &Array2<u8>) {
    println!("{name}");
    for row in image.rows() {
        println!("{:>4?}", row.to_vec());
    }
    println!();
}
