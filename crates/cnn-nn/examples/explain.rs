//! A network made by hand that asks one thing, whether the left half is brighter than the right: what the methods find of
//! it, and whether their sanity checks see that they do.
//!
//! `cargo run -p cnn-nn --example explain`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_nn::ModelSpec;
use cnn_nn::engine::Isa;
use cnn_nn::explain::{
    CurveSettings, Maximise, Method, Network, Question, Settings, explain, maximise, pixel_curves,
    randomised, references,
};
use ndarray::Array2;

const MODEL: &str = r#"
input = [8, 8, 1]

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
name = "sides"
units = 2
activation = "softmax"
"#;

fn show(title: &str, map: &Array2<f32>) {
    println!("{title}");
    for row in map.rows() {
        let text: Vec<String> = row.iter().map(|value| format!("{value:6.2}")).collect();
        println!(" {}", text.concat());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = ModelSpec::from_toml("sides.toml", MODEL)?.0.build()?;
    // Class 0 has the weight 1 for every pixel of the left half, class 1 for every one of the right.
    let left = |pixel: usize| pixel % 8 < 4;
    let sides = |pixel| if left(pixel) { [0.2, 0.0] } else { [0.0, 0.2] };
    let mut weights: Vec<f32> = (0..64).flat_map(sides).collect();
    weights.extend([0.0; 2]);
    let network = Network::new(&model, &weights, Isa::best());

    let image: Vec<f32> = (0..64).map(|i| if left(i) { 0.9 } else { 0.3 }).collect();
    let question = Question::new(&network, &image, 0)?;
    println!("scores {:?}", question.scores());
    let settings = Settings::default();
    let methods = Method::ALL.into_iter().filter(|method| !method.needs_maps());
    let maps = methods
        .map(|method| explain(&question, method, &settings))
        .collect::<Result<Vec<_>, _>>()?;
    show("integrated gradients: each bright pixel's share of the score", &maps[2].map);
    if let Some(completeness) = maps[2].completeness {
        println!("completeness error {:.1e}", completeness.error());
    }

    let curves = CurveSettings::default();
    let random = references(&question, &settings.baseline, &curves)?.random;
    println!("\n{:<22} alike  deletion", "");
    for (map, checked) in maps.iter().zip(randomised(&question, &maps, &settings, 0, 5)?) {
        let ours = pixel_curves(&question, &map.map, &settings.baseline, &curves)?;
        let (alike, area) = (checked.likeness.spearman, ours.deletion_area());
        println!("{:<22} {alike:5.2}  {area:.3}", map.method.name());
    }
    println!("{:<22}        {:.3}", "random order", random.deletion_area());

    let found = maximise(&network, 1, &[1], &Maximise::default())?;
    let image = Array2::from_shape_vec((8, 8), found[0].image.clone())?;
    show("\nthe image that drives class 1", &image);
    Ok(())
}
