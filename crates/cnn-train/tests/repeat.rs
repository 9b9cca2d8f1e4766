//! The bits of trainings are those that are committed here: on any number of threads, with every instruction set, and in portable
//! mode on any processor. A change of arithmetic that nobody meant is noticed.
//!
//! The four models together call every kernel that has variants for instruction sets.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

#[expect(dead_code, reason = "trainers here are made for an instruction set")]
mod support;

use cnn_train::{Config, Deterministic, Isa, TrainOptions, Trainer};
use support::{MODEL, stripes};

/// As the machine may have them: one, two, a number that divides nothing, and more than there are shards.
const THREADS: [usize; 5] = [1, 2, 3, 7, 16];

/// One channel and several, both fused with pooling; large and small Dense layers; Adam.
const PLAIN: &str = r#"
[[layers]]
type = "Conv2D"
filters = 9
kernel_size = 3
padding = "same"
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Conv2D"
filters = 17
kernel_size = 2
activation = "relu"

[[layers]]
type = "MaxPooling2D"
strides = 1

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 40
activation = "relu"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[fit]
epochs = 2
batch_size = 20
seed = 7
"#;

/// Augmentation, batch normalisation, dropout, residual blocks, squeeze and excite, mixup, a schedule, a mean of the weights.
const EVERYTHING: &str = r#"
[[layers]]
type = "RandomFlip"

[[layers]]
type = "RandomTranslation"
height_factor = 0.1
width_factor = 0.1

[[layers]]
type = "RandomRotation"
factor = 0.05

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
padding = "same"
use_bias = false
kernel_initializer = "he_normal"

[[layers]]
type = "BatchNormalization"
momentum = 0.8

[[layers]]
type = "Activation"
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Residual"
activation = "relu"
layers = [
    { type = "Conv2D", filters = 6, kernel_size = 3, padding = "same", activation = "silu", kernel_regularizer = { l2 = 1e-3 } },
    { type = "BatchNormalization", momentum = 0.8 },
    { type = "Dropout", rate = 0.2 },
    { type = "SqueezeExcite", ratio = 2 },
]

[[layers]]
type = "AveragePooling2D"

[[layers]]
type = "GaussianNoise"
stddev = 0.05

[[layers]]
type = "Flatten"

[[layers]]
type = "LayerNormalization"

[[layers]]
type = "Dense"
units = 10
activation = "tanh"

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
clipnorm = 1.0
use_ema = true
ema_momentum = 0.9
learning_rate = { type = "OneCycle", max_lr = 0.2 }

[fit]
epochs = 2
batch_size = 20
seed = 7
mixup = 0.2
"#;

/// Depthwise and separable convolutions, groups, dilation and strides; Muon, and a schedule with powers and logarithms.
const DEPTHWISE: &str = r#"
[[layers]]
type = "SeparableConv2D"
filters = 10
kernel_size = 3
padding = "same"
depth_multiplier = 3

[[layers]]
type = "DepthwiseConv2D"
kernel_size = 3
padding = "same"
activation = "gelu"

[[layers]]
type = "Conv2D"
filters = 20
kernel_size = 3
groups = 2
dilation_rate = 2
activation = "elu"

[[layers]]
type = "Conv2D"
filters = 8
kernel_size = 2
strides = 2

[[layers]]
type = "GroupNormalization"
groups = 2

[[layers]]
type = "GlobalAveragePooling2D"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile.optimizer]
type = "Muon"
learning_rate = { type = "CosineDecayRestarts", initial_learning_rate = 0.05, first_decay_steps = 3, m_mul = 0.9 }

[fit]
epochs = 2
batch_size = 20
seed = 7
cutmix = 1.0
"#;

/// Updates so small that a bias leaves zero only where denormals are kept.
const TINY: &str = r#"
[[layers]]
type = "Conv2D"
filters = 3
kernel_size = 3
activation = "relu"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile]
optimizer = { type = "SGD", learning_rate = 2e-38 }

[fit]
epochs = 1
batch_size = 20
seed = 7
"#;

/// Weights' hash after training, and the bits of the loss that they then have on other images.
fn trained(layers: &str, threads: usize, isa: Isa) -> (String, u64) {
    let (head, _) = MODEL.split_once("[[layers]]").unwrap();
    let text = format!("{head}{layers}");
    let (config, _) =
        Config::from_toml("model.toml", &text).unwrap_or_else(|found| panic!("{found}"));
    let options = TrainOptions { threads, isa, ..Default::default() };
    let mut trainer = Trainer::new(&config, config.model.build().unwrap(), options).unwrap();
    trainer.fit(&stripes(70, 1), None, &mut []).unwrap();
    let loss = trainer.evaluate(&stripes(37, 2)).unwrap().loss;
    assert!(loss.is_finite(), "a training that means something");
    (trainer.weights_hash(), loss.to_bits())
}

/// The same for every number of threads and every instruction set of this processor, and as committed.
fn check(name: &str, layers: &str, mode: Deterministic, committed: &str) {
    for missing in ["scalar", "avx2", "avx512"].iter().filter(|isa| Isa::named(isa).is_none()) {
        eprintln!("SKIPPED: {name} with {missing}, which this processor lacks");
    }
    let threads = if cfg!(miri) { &THREADS[1..2] } else { &THREADS };
    let mut loss = None;
    for isa in Isa::available() {
        for &threads in threads {
            let (hash, bits) = trained(layers, threads, mode.isa(isa));
            let place = format!("{name}, {} mode, {}, {threads} threads", mode.name(), isa.name());
            assert!(
                hash == committed,
                "{place}: the bits of training have changed\n  committed {committed}\n  now       {hash}\n\
                 Where only some of these fail, threads or instruction sets no longer agree: that is a mistake.\n\
                 Where all do, the arithmetic is another. If that is meant: write the new hash into {}, and say in the\n\
                 commit that runs of earlier versions no longer repeat (`cnn verify` will say so of each).",
                file!()
            );
            assert_eq!(*loss.get_or_insert(bits), bits, "{place}: the loss");
        }
    }
}

/// The default mode is the same on all of x86-64 alone.
fn check_fastest(name: &str, layers: &str, committed: &str) {
    if cfg!(target_arch = "x86_64") {
        check(name, layers, Deterministic::Fastest, committed);
    } else {
        eprintln!("SKIPPED: {name} in the fastest mode: its bits are those of x86-64");
    }
}

const PLAIN_BITS: &str = "9a4195c9cca501b4f696a332fd40667b0fbcb4681a91d3a04a8899077f8f4382";
const EVERYTHING_BITS: &str = "76ebcb057b903161276e3de0cbf17bc791a9f42421506e551e81c0b546611650";
const DEPTHWISE_BITS: &str = "964e1f82dd08650eef5365fbc56bd98efa3635f72e89efacb8856c8941fa651f";

#[test]
fn a_plain_network_has_the_committed_bits() {
    check_fastest("plain", PLAIN, PLAIN_BITS);
}

#[test]
fn a_plain_network_has_the_committed_bits_in_portable_mode() {
    check("plain", PLAIN, Deterministic::Portable, PLAIN_BITS);
}

#[test]
fn a_network_of_everything_has_the_committed_bits() {
    check_fastest("everything", EVERYTHING, EVERYTHING_BITS);
}

#[test]
fn a_network_of_everything_has_the_committed_bits_in_portable_mode() {
    check("everything", EVERYTHING, Deterministic::Portable, EVERYTHING_BITS);
}

#[test]
fn depthwise_networks_have_the_committed_bits() {
    check_fastest("depthwise", DEPTHWISE, DEPTHWISE_BITS);
}

#[test]
fn depthwise_networks_have_the_committed_bits_in_portable_mode() {
    check("depthwise", DEPTHWISE, Deterministic::Portable, DEPTHWISE_BITS);
}

/// Where the two modes part.
#[test]
fn numbers_next_to_zero_are_kept_in_portable_mode_alone() {
    let flushed = "0d208efe1be1796d1dbf5368bc8f7ae9f563249f9d65d6f71c1c7b2516c12ea8";
    let kept = "19e6c4ff6e88a3f634bf11021e083cedd9e006aec3b76638349f7d2c3276a361";
    check_fastest("tiny", TINY, flushed);
    check("tiny", TINY, Deterministic::Portable, kept);
    assert_ne!(flushed, kept);
}
