//! What four steps of training see of a picture of an L: random layers at the beginning of a model, as text.
//!
//! `cargo run -p cnn-nn --example augment`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_nn::ModelSpec;
use cnn_nn::augment::Front;
use cnn_nn::engine::TrainKey;

const MODEL: &str = r#"
input = [8, 8, 1]

[[layers]]
type = "RandomFlip"
mode = "horizontal"

[[layers]]
type = "RandomTranslation"
height_factor = 0.2
width_factor = 0.2
fill_mode = "constant"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 2
activation = "softmax"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = ModelSpec::from_toml("letters.toml", MODEL)?.0.build()?;
    let front = Front::of(&model).ok_or("nothing random")?;
    let bar = |i: usize| (1..7).contains(&(i / 8)) && i % 8 == 2;
    let foot = |i: usize| i / 8 == 6 && (2..6).contains(&(i % 8));
    let letter: Vec<f32> = (0..64).map(|i| if bar(i) || foot(i) { 1.0 } else { 0.0 }).collect();
    let seen = (0..4).map(|step| front.train(&letter, TrainKey { seed: 42, step }, 0));
    let all: Vec<Vec<f32>> = std::iter::once(letter.clone()).chain(seen).collect();

    println!("the image, then behind {}:", front.kinds().join(", "));
    for row in 0..8 {
        let line = |image: &Vec<f32>| -> String {
            let shade = |value: &f32| [' ', '.', ':', '+', '#'][(value * 4.0).round() as usize];
            image[row * 8..][..8].iter().map(shade).collect()
        };
        println!("{}", all.iter().map(line).collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}
