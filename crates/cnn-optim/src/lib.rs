//! Optimizers over flat parameter slices, with Keras's formulas and defaults.
//!
//! An [`OptimizerSpec`] is what a person writes: `optimizer = { type = "Adam", learning_rate = 0.001 }`. Building it checks every
//! value once; the [`Optimizer`] that comes out holds no state: the caller owns the parameters, their gradient and the *slots*
//! (running averages, one slice as long as the parameters for each of [`Optimizer::slot_names`]), so a checkpoint is a copy of
//! slices and the update may be cut over threads at any point.
//!
//! ```
//! use cnn_kernels::Isa;
//! use cnn_optim::{Adam, OptimizerSpec, Step};
//!
//! let adam = OptimizerSpec::from(Adam::new(0.001)).build(&[])?;
//! let mut w = [1.0_f32, -2.0];
//! let (mut m, mut v) = ([0.0_f32; 2], [0.0_f32; 2]);
//! let step = Step { t: 1, learning_rate: 0.001, isa: Isa::best() };
//! adam.update(&step, 0, &mut w, &mut [0.5, -0.5], &mut [&mut m, &mut v]);
//! assert!((w[0] - 0.999).abs() < 1e-6 && (w[1] + 1.999).abs() < 1e-6); // the first Adam step is one learning rate long
//! # Ok::<(), cnn_optim::OptimError>(())
//! ```
#![forbid(unsafe_code)]

mod common;
mod error;
mod muon;
mod number;
mod optimizer;
pub mod optimizers;
pub mod schedules;
mod spec;
mod variable;
mod whole;

pub use common::Lookahead;
pub use error::OptimError;
pub use optimizer::{MAX_SLOTS, Optimizer};
pub use optimizers::{
    Adagrad, Adam, AdamW, Kind, Lion, Muon, Nadam, OptimizerSpec, REGISTRY, RMSprop, SGD,
};
pub use variable::{PARAMETER_NAMES, Variable};
pub use whole::Whole;

use cnn_kernels::Isa;
use std::fmt::Debug;

/// What an update needs to know beside the numbers it changes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Number of this update, counted from 1 over the whole run (Keras's `iterations + 1`).
    pub t: u64,
    /// Learning rate of this update, ≥ 0: the spec's number, what its schedule says, or what a callback asked for.
    pub learning_rate: f32,
    /// The instruction set to run on. Does not change the result's meaning.
    pub isa: Isa,
}

/// How one number is updated: every value checked, nothing in it can fail, no state of its own.
///
/// An update is element-wise: cutting the slices into ranges and updating each range gives the same bits.
trait Rule: Send + Sync + Debug {
    /// Names of the slots, in the order that [`Rule::update`] takes them. Each is as long as the parameters and starts as zeros. Empty
    /// for a rule without memory.
    fn slot_names(&self) -> &'static [&'static str];

    /// Applies one update to `w`, in place, from its gradient `g`; `slots` are read and written, each as long as `w`.
    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]);
}
