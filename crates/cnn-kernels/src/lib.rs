//! Arithmetic on slices for small convolutional networks: convolution, max pooling, dense products, elementwise maps,
//! the fused softmax loss and optimizer updates, with the fork-join pool that spreads them over cores.
//!
//! This crate knows no tensor, no layer and no file: every function takes plain `f32` slices and the few numbers that give
//! them a shape, checks the lengths once, chooses the instruction set from the [`Isa`] it is handed, and runs.
//!
//! * Activations are `NHWC`, convolution kernels `[kh, kw, c, f]`, dense kernels `[n_in, n_out]`, labels `u32`.
//! * The result depends on the arguments alone: not on the thread count and not on alignment. Sums are taken in the
//!   order that each function documents, with one fused multiply-add per term, so every [`Isa`] gives the same bits too:
//!   the plain loops are compiled for each of them, which changes no order, and the vectorised kernels put each sum into a lane of its
//!   own, or, where a sum runs over lanes (`dense::backward_input`), into sixteen partial sums whatever the register's width.
//! * Nothing allocates, except [`Isa::available`], [`pool::Pool::new`] and a [`Buffer`].
//!
//! ```
//! use cnn_kernels::{Isa, dense};
//! // one row x of two features times the kernel [2, 3], plus the bias
//! let mut y = [0.0; 3];
//! dense::forward(Isa::best(), 2, 3, &[1.0, 2.0], &[1.0, 0.0, -1.0, 0.0, 1.0, 1.0], &[0.5, 0.5, 0.5], &mut y);
//! assert_eq!(y, [1.5, 2.5, 1.5]);
//! ```
//!
//! # Panics
//! Every function panics when the slice lengths do not fit the shape it was given. That is a mistake in the calling code:
//! shapes of models and data are checked, with proper errors, in the crates above.

#![expect(
    clippy::inline_always,
    reason = "a kernel is written once and must become part of each function that is compiled for an instruction set"
)]

pub mod activation;
pub mod average_pool;
pub mod batch_norm;
mod buffer;
pub mod conv;
pub mod convert;
pub mod dense;
pub mod gate;
#[cfg(target_arch = "x86_64")]
mod generic;
mod isa;
pub mod loss;
pub mod max_pool;
pub mod normalize;
pub mod peak;
pub mod pool;
pub mod reduce;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
pub mod update;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use buffer::Buffer;
pub use isa::{Denormals, Isa, denormals_flushed};
