//! A layer, a loss and a callback from outside the toolkit, checked and trained with.
//!
//! `cargo run --manifest-path examples/extend/Cargo.toml`

mod best_epoch;
mod channel_scale;
mod huber;

use best_epoch::BestEpoch;
use channel_scale::ChannelScale;
use cnn_callbacks::Callback;
use cnn_data::{Images, Split};
use cnn_nn::layers::{Conv2D, Custom, Dense, Flatten, LayerSpec, MaxPooling2D};
use cnn_nn::losses::{self, LossSpec};
use cnn_nn::{Sequential, testing};
use cnn_train::{CompileSpec, Config, FitSpec, TrainOptions, Trainer};
use huber::Huber;
use ndarray::Array4;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let scale = Custom::new(ChannelScale { start: 1.0 });
    let loss = LossSpec::from(losses::Custom::new(Huber { delta: 0.5 }));
    testing::check_layer(&LayerSpec::from(scale.clone()), &[3, 2, 4])?;
    testing::check_loss(&loss, 2, None)?;

    let model = Sequential::new([12, 12, 1])
        .add(Conv2D::new(8, 3).relu())
        .add(scale)
        .add(MaxPooling2D::default())
        .add(Flatten)
        .add(Dense::new(2).softmax());
    let config = Config {
        model: model.into(),
        compile: CompileSpec { loss, ..CompileSpec::default() },
        fit: FitSpec { epochs: 8, ..FitSpec::default() },
        ..Config::default()
    };
    // The loss is code, and code is not written to files.
    let refused = config.to_toml().map(|_| ()).expect_err("a layer that is made in code");
    println!("{refused}");

    let mut trainer = Trainer::new(&config, config.model.build()?, TrainOptions::default())?;
    let mut callbacks: Vec<Box<dyn Callback>> = vec![Box::new(BestEpoch::new(0.98))];
    let result = trainer.fit(&stripes(600, 1), None, &mut callbacks)?;
    println!("{:?}", result.stopped_by.map(|stop| stop.reason));
    let evaluation = trainer.evaluate(&stripes(200, 2))?;
    println!("{}", evaluation.report(&["across", "down"].map(String::from)));
    assert!(result.history.get("accuracy").is_some_and(|epochs| epochs.last() > epochs.first()));
    Ok(())
}

/// Stripes that go across or down, each with a phase of its own.
fn stripes(n: usize, seed: usize) -> Split {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    let images = Array4::from_shape_fn((n, 12, 12, 1), |(i, y, x, _)| {
        let along = [y, x][i % 2] + (i / 2) * seed;
        let noise = (i * 7919 + y * 104_729 + x * 1_299_709 + seed) % 101;
        (if along % 4 < 2 { 120 } else { 20 } + noise) as u8
    });
    Split { images: Images::U8(images), labels }
}
