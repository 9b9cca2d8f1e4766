//! The vectorised kernels, written once over [`crate::simd::Simd`], in safe code but for one loop in `tile.rs`. Everything here is `#[inline(always)]`, so
//! that it becomes part of the functions in `x86/` and is compiled for their instructions.

pub(crate) mod conv;
pub(crate) mod conv_pool;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod max_pool;
mod one_channel;
pub(crate) mod peak;
mod tile;
mod winners;
