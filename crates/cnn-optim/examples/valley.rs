//! Walks down the valley f(x, y) = x²/2 + 25·y²/2 with each optimizer of the crate. Run `cargo run -p cnn-optim --example valley`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use cnn_kernels::Isa;
use cnn_optim::{OptimError, REGISTRY, Step};

fn main() -> Result<(), OptimError> {
    println!("{:>5} {:>9} {:>9}   optimizer", "step", "x", "y");
    for spec in REGISTRY.iter().flat_map(|kind| (kind.examples)()) {
        let rule = spec.build(&[])?;
        let learning_rate = spec.learning_rate().peak() as f32;
        let mut w = [4.0_f32, 1.0];
        let mut slots = vec![[0.0_f32; 2]; rule.slot_names().len()];
        for t in 1..=1000 {
            let mut g = [w[0], 25.0 * w[1]];
            let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(|s| &mut s[..]).collect();
            let step = Step { t, learning_rate, isa: Isa::best() };
            rule.update(&step, 0, &mut w, &mut g, &mut slots);
        }
        println!("{:>5} {:>9.5} {:>9.5}   {spec:?}", 1000, w[0], w[1]);
    }
    Ok(())
}
