//! One network, its summary, its gradient, and twenty steps of plain gradient descent on bars and dots.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_kernels::Isa;
use cnn_nn::ModelSpec;
use cnn_nn::engine::{Engine, Options, TrainKey};
use cnn_nn::loss::{Loss, LossSpec};
use std::ops::Range;

const MODEL: &str = r#"
name = "bars"
input = [8, 8, 1]

[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"
"#;

/// Class 0 is a horizontal bar, class 1 a vertical bar, class 2 a dot, each at its own place.
fn draw(sample: usize, image: &mut [f32]) -> u32 {
    let (class, place) = (sample % 3, sample / 3 % 8);
    image.fill(0.0);
    for i in 0..8 {
        match class {
            0 => image[place * 8 + i] = 1.0,
            1 => image[i * 8 + place] = 1.0,
            _ => image[place * 9] = 1.0,
        }
    }
    class as u32
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (spec, _) = ModelSpec::from_toml("bars.toml", MODEL)?;
    let model = spec.build()?;
    println!("{}", cnn_nn::summary::text(&model, 80));

    let loss = Loss::new(&LossSpec::default(), model.output(), model.link())?;
    let mut engine = Engine::new(
        &model,
        &loss,
        Options { threads: 2, isa: Isa::best(), batch_size: 24, fuse: true },
    );
    let mut weights = model.initial_weights(42);
    let feed = |samples: Range<usize>, x: &mut [f32], labels: &mut [u32]| {
        for ((image, label), sample) in x.chunks_exact_mut(64).zip(labels).zip(samples) {
            *label = draw(sample, image);
        }
    };
    let descend = |_: usize, w: &mut [f32], g: &mut [f32], _: &mut [&mut [f32]]| {
        for (w, g) in w.iter_mut().zip(g) {
            *w -= 0.5 * *g;
        }
    };
    for step in 0..20 {
        let metrics = engine.train_step(
            &mut weights,
            &mut [],
            24,
            &feed,
            TrainKey { seed: 42, step },
            &descend,
        );
        println!("step {step:>2}  loss {:.4}  accuracy {:.3}", metrics.loss(), metrics.accuracy());
    }
    Ok(())
}
