//! A network of blocks in a whole training: the same bits on any number of threads, statistics that follow the batches, and averaged
//! weights with statistics that are those of the batches too.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use support::{MODEL, stripes, trainer};

/// The rest of a model.toml, behind name and input.
const LAYERS: &str = r#"
[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
padding = "same"
use_bias = false

[[layers]]
type = "BatchNormalization"
momentum = 0.8

[[layers]]
type = "Activation"
activation = "relu"

[[layers]]
type = "Residual"
activation = "relu"
layers = [
    { type = "DepthwiseConv2D", kernel_size = 3, padding = "same", use_bias = false },
    { type = "BatchNormalization", momentum = 0.8 },
    { type = "Dropout", rate = 0.2 },
    { type = "Conv2D", filters = 6, kernel_size = 1, activation = "silu" },
    { type = "SqueezeExcite", ratio = 2 },
]

[[layers]]
type = "Residual"
layers = [{ type = "Conv2D", filters = 12, kernel_size = 3, strides = 2, padding = "same", groups = 2 }, { type = "BatchNormalization" }]
shortcut = [{ type = "Conv2D", filters = 12, kernel_size = 1, strides = 2 }]

[[layers]]
type = "GlobalAveragePooling2D"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile]
loss = { type = "SparseCategoricalCrossentropy", label_smoothing = 0.1 }

[compile.optimizer]
type = "SGD"
momentum = 0.9
nesterov = true
weight_decay = 5e-4
use_ema = true
ema_momentum = 0.9
learning_rate = { type = "OneCycle", max_lr = 0.2 }

[fit]
epochs = 6
batch_size = 32
seed = 7
mixup = 0.2
"#;

/// The small model's images before other layers.
fn network() -> String {
    let (head, _) = MODEL.split_once("[[layers]]").unwrap();
    format!("{head}{LAYERS}")
}

/// Trained weights' hash and the accuracy that they then have.
fn trained(toml: &str, threads: usize) -> (String, f64) {
    let mut t = trainer(toml, threads);
    t.fit(&stripes(333, 1), None, &mut []).unwrap();
    let accuracy = t.evaluate(&stripes(100, 2)).unwrap().accuracy;
    (t.weights_hash(), accuracy)
}

#[test]
fn a_network_of_blocks_gives_the_same_bits_on_any_number_of_threads() {
    let (hash, accuracy) = trained(&network(), 1);
    assert!(accuracy > 0.9, "it learns: {accuracy}");
    for threads in [2, 5] {
        assert_eq!(trained(&network(), threads), (hash.clone(), accuracy), "{threads} threads");
    }
}

/// The moving statistics are what the batches had, and averaging the weights leaves them alone.
#[test]
fn averaged_weights_have_the_moving_statistics_of_those_that_were_trained() {
    let of = |toml: &str| {
        let mut t = trainer(toml, 2);
        t.fit(&stripes(333, 1), None, &mut []).unwrap();
        let all = cnn_train::named_tensors(t.model(), t.weights());
        let wanted =
            |name: &str| all.iter().find(|tensor| tensor.name == name).unwrap().values.clone();
        ["batch_normalization/moving_mean", "batch_normalization/moving_variance", "conv2d/kernel"]
            .map(wanted)
    };
    let averaged = of(&network());
    let [mean, variance, kernel] =
        of(&network().replace("use_ema = true\nema_momentum = 0.9\n", ""));
    assert_eq!(averaged[..2], [mean.clone(), variance.clone()]);
    assert_ne!(averaged[2], kernel, "the kernel is a mean of earlier ones");
    assert!(
        mean.iter().any(|m| m.abs() > 1e-3)
            && variance.iter().all(|v| *v > 0.0 && (v - 1.0).abs() > 1e-3)
    );
}
