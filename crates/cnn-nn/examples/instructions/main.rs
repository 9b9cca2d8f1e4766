//! Does one named piece of work, once, in a function of its own: something to count instructions of.
//!
//! ```text
//! cargo run --release -p cnn-nn --example instructions                              (the names)
//! cargo run --release -p cnn-nn --example instructions avx2/conv2-64-forward        (the work; prints nothing)
//! ```
//! `cargo xtask instructions` runs every name under valgrind and compares the counts with `xtask/instructions.toml`. Only what
//! happens in [`counted_work`] counts: everything is ready by then. One thread, so that nobody waits for anybody.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

mod kernels;

use cnn_data::{Images, Split};
use cnn_kernels::{Buffer, Isa};
use cnn_nn::ModelSpec;
use cnn_nn::engine::{Engine, Options, TrainKey};
use cnn_nn::loss::{Loss, LossSpec};
use cnn_optim::{Adam, OptimizerSpec, Step};
use ndarray::Array4;
use std::error::Error;
use std::ops::Range;

/// Ready to be done.
type Work = Box<dyn FnMut()>;

/// What can be counted.
struct Piece {
    name: &'static str,
    /// Whether it is also counted without vector instructions. Not where that takes valgrind many seconds and runs the same
    /// loops as another piece.
    scalar: bool,
    /// Makes everything ready that the work needs.
    prepare: fn(Isa) -> Work,
}

/// Images in a batch.
const BATCH: usize = 32;

/// valgrind knows no AVX-512. The loops are the same there, only the registers are longer.
const SETS: [&str; 2] = ["avx2", "scalar"];

const STEPS: [Piece; 5] = [
    Piece { name: "step-dnn", scalar: true, prepare: |isa| step(isa, DNN) },
    Piece { name: "step-cnn32", scalar: false, prepare: |isa| step(isa, CNN32) },
    Piece { name: "step-cnn64", scalar: false, prepare: |isa| step(isa, CNN64) },
    Piece { name: "step-mobilenet", scalar: false, prepare: |isa| step(isa, MOBILENET) },
    Piece { name: "step-resnet", scalar: false, prepare: |isa| step(isa, RESNET) },
];

const DNN: &str = include_str!("../../../cnn-cli/presets/dnn.toml");
const CNN32: &str = include_str!("../../../cnn-cli/presets/cnn32.toml");
const CNN64: &str = include_str!("../../../cnn-cli/presets/cnn64.toml");
const MOBILENET: &str = include_str!("../../../cnn-cli/presets/mobilenet.toml");
const RESNET: &str = include_str!("../../../cnn-cli/presets/resnet.toml");

fn main() -> Result<(), Box<dyn Error>> {
    let pieces = || kernels::PIECES.iter().chain(&STEPS);
    let Some(name) = std::env::args().nth(1) else {
        for isa in SETS.into_iter().filter(|set| Isa::named(set).is_some()) {
            for piece in pieces().filter(|piece| piece.scalar || isa != "scalar") {
                println!("{isa}/{}", piece.name);
            }
        }
        return Ok(());
    };
    let unknown = || format!("no work is called `{name}`; without a name, all names are printed");
    let (isa, work) = name.split_once('/').ok_or_else(unknown)?;
    let isa = Isa::named(isa).ok_or_else(|| format!("this processor has no `{isa}`"))?;
    let piece = pieces().find(|piece| piece.name == work).ok_or_else(unknown)?;
    counted_work(&mut *(piece.prepare)(isa));
    Ok(())
}

/// The only function whose instructions count, with everything that it calls.
#[inline(never)]
fn counted_work(work: &mut dyn FnMut()) {
    work();
    // What follows the call keeps it from becoming a jump, which would never come back here.
    std::hint::black_box(());
}

/// A whole step of training with Adam: images fetched and made floats, forward, loss, backward, update.
fn step(isa: Isa, preset: &str) -> Work {
    let (model, _) = ModelSpec::read("preset", preset).expect("presets are sound");
    let loss = Loss::new(&LossSpec::default(), model.output(), model.link())
        .expect("presets end in a softmax");
    let options = Options { threads: 1, isa, batch_size: BATCH, fuse: true };
    let mut engine = Engine::new(&model, &loss, options);
    let mut weights = Buffer::from(&*model.initial_weights(42));
    let adam = OptimizerSpec::Adam(Adam::default()).build(&[]).expect("its defaults are sound");
    let mut slots: Vec<_> =
        adam.slot_names().iter().map(|_| Buffer::zeros(weights.len())).collect();
    let split = images();
    let order: Vec<u32> = (0..BATCH as u32).rev().collect();
    let mut taken = 0;
    let mut step = move |n: usize| {
        let key = TrainKey { seed: 42, step: taken };
        taken += 1;
        let now = Step { t: taken, learning_rate: 0.001, isa };
        let feed = |range: Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            split.fill(&order[range], x, labels);
        };
        let update = |start: usize, w: &mut [f32], g: &mut [f32], slots: &mut [&mut [f32]]| {
            adam.update(&now, start, w, g, slots);
        };
        engine.train_step(&mut weights, &mut slots, n, &feed, key, &update);
    };
    // The first step may do what later ones need not.
    step(1);
    Box::new(move || step(BATCH))
}

/// A batch of 28 × 28 pixels, half of them black as in Fashion-MNIST: kernels skip zeros.
fn images() -> Split {
    let pixel = |(i, y, x, _): (usize, usize, usize, usize)| {
        let at = (i * 28 + y) * 28 + x;
        // Fibonacci hashing: the high bits look random, and are the same everywhere.
        let hash = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        if hash & 0x100 == 0 { 0 } else { hash as u8 }
    };
    Split {
        images: Images::U8(Array4::from_shape_fn((BATCH, 28, 28, 1), pixel)),
        labels: (0..BATCH as u32).map(|i| i % 10).collect(),
    }
}
