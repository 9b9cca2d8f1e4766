//! What two hand-made filters see in a picture of a cross: activations by layer name, and which channels are dead.
//!
//! `cargo run -p cnn-nn --example feature_maps`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_nn::ModelSpec;
use cnn_nn::engine::Isa;
use cnn_nn::inspect::{activations, channel_activity, select_layers};
use std::ops::Range;

const MODEL: &str = r#"
input = [9, 9, 1]

[[layers]]
type = "Conv2D"
name = "edges"
filters = 3
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = ModelSpec::from_toml("edges.toml", MODEL)?.0.build()?;
    // Kernels are [row, column, channel, filter]: vertical edges, horizontal edges, and one that answers to nothing.
    let mut weights = Vec::new();
    for (row, column) in (0..9).map(|i| (i / 3, i % 3)) {
        weights.extend([[-1.0, 0.0, 1.0][column], [-1.0, 0.0, 1.0][row], -1.0]);
    }
    weights.extend([0.0; 3]);
    let cross: Vec<f32> =
        (0..81).map(|i| if i / 9 == 4 || i % 9 == 4 { 1.0 } else { 0.0 }).collect();

    let layers = select_layers(&model, &["edges", "pool"])?;
    for layer in activations(&model, &weights, &cross, &layers, Isa::best()) {
        println!("{} {:?}, channel 0:", layer.layer, layer.shape);
        let map = layer.map(0, 0).ok_or("not an image")?;
        for row in map.rows() {
            let text: Vec<String> = row.iter().map(|value| format!("{value:3.0}")).collect();
            println!(" {}", text.concat());
        }
    }
    let fill = |_: Range<usize>, x: &mut [f32]| x.copy_from_slice(&cross);
    for layer in channel_activity(&model, &weights, 1, &fill, Isa::best()) {
        println!("{}: dead channels {:?}", layer.layer, layer.dead());
    }
    Ok(())
}
