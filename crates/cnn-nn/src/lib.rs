//! Layers with their gradients, losses, the Sequential model, model.toml, the summary and the engine that runs them.
#![forbid(unsafe_code)]

pub mod augment;
pub mod block;
pub mod config;
pub mod constraint;
pub mod engine;
pub mod explain;
mod init;
pub mod initializer;
pub mod inspect;
pub mod layer;
pub mod layers;
pub mod loss;
pub mod losses;
pub mod model;
pub mod regularizer;
pub mod summary;
pub mod testing;
mod window;

pub use model::{Model, ModelSpec, Sequential};
