//! The specification: plain loops, one for each kernel, in the order of summation that the public functions promise.
//! Also the portable path. Every fast variant is tested against these, bit for bit.
//!
//! A term is added with [`f32::mul_add`], one rounding, because that is what the vector units do. On a processor without
//! that instruction it is a library call: right, but slow.

pub(crate) mod activation;
pub(crate) mod average_pool;
pub(crate) mod batch_norm;
pub(crate) mod conv;
pub(crate) mod convert;
pub(crate) mod dense;
pub(crate) mod gate;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod max_pool;
pub(crate) mod normalize;
pub(crate) mod peak;
pub(crate) mod reduce;
pub(crate) mod targets;
pub(crate) mod update;
