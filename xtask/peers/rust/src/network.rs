//! The course's networks, read from the presets of `cnn`.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// A 3×3 convolution with ReLU, without padding.
pub struct Convolution {
    /// Channels that come in.
    pub channels: usize,
    /// Channels that go out.
    pub filters: usize,
    /// Whether a 2×2 max pooling follows.
    pub pooled: bool,
}

/// Convolutions, then Flatten, Dense 128 with ReLU, Dense 10 with softmax.
pub struct Network {
    /// In their order.
    pub convolutions: Vec<Convolution>,
    /// Numbers that Flatten makes.
    pub flat: usize,
}

#[derive(Deserialize)]
struct File {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Layer {
    Conv2D { filters: usize, kernel_size: usize, activation: String },
    MaxPooling2D { pool_size: usize },
    Flatten,
    Dense { units: usize, activation: String },
}

impl Network {
    /// The preset of this name.
    pub fn read(name: &str) -> Result<Self> {
        let file =
            format!("{}/../../../crates/cnn-cli/presets/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).context(file)?;
        let file: File = toml::from_str(&text)?;
        let (mut convolutions, mut channels, mut side) = (Vec::<Convolution>::new(), 1, 28);
        let mut dense = Vec::new();
        for layer in file.layers {
            match layer {
                Layer::Conv2D { filters, kernel_size, activation } => {
                    ensure!(kernel_size == 3 && activation == "relu", "{name}: another Conv2D");
                    convolutions.push(Convolution { channels, filters, pooled: false });
                    (channels, side) = (filters, side - 2);
                }
                Layer::MaxPooling2D { pool_size } => {
                    let last = convolutions.last_mut().context("a pooling without convolution")?;
                    ensure!(pool_size == 2 && !last.pooled, "{name}: another MaxPooling2D");
                    last.pooled = true;
                    side /= 2;
                }
                Layer::Flatten => {}
                Layer::Dense { units, activation } => dense.push((units, activation)),
            }
        }
        ensure!(
            dense == [(128, "relu".to_owned()), (10, "softmax".to_owned())],
            "{name}: other Dense layers"
        );
        Ok(Self { convolutions, flat: channels * side * side })
    }
}
