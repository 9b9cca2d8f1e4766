//! The summary of a model: Keras's table to the character, a wide one with the arithmetic, and the same as data.

mod json;
mod keras;
mod numbers;
mod rich;
mod wide;

pub use json::json;
pub use keras::text;
pub use numbers::{commas, size};
pub use wide::{Row, rows, wide};
