//! Shape arithmetic, counted random numbers and checked operations on ndarray views.
//!
//! - [`Shape`]: the size of one sample, shown as Keras shows it.
//! - [`Window`] and [`Padding`]: one axis of a convolution or pooling, with its derivation in words.
//! - [`conv_geometry`] and [`pool_geometry`]: two such axes as the kernels take them.
//! - [`random`]: numbers that are a function of (seed, purpose, place), the same on every machine for ever.
//! - [`ops`]: convolution, pooling and dense products on `ndarray` views, for people rather than for the engine.
//! - [`filters`]: kernels with names or as text on one grey plane, and one output pixel followed by hand; [`course`]: the same by
//!   the rules of the course's lab.
#![forbid(unsafe_code)]

pub mod course;
pub mod filters;
mod geometry;
pub mod ops;
pub mod random;
mod shape;
mod window;

pub use geometry::{conv_geometry, pool_geometry};
pub use shape::Shape;
pub use window::{Padding, Window, WindowError};

/// The README's code is tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
