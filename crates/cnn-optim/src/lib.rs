//! Optimizers over flat parameter slices, with Keras's formulas and defaults.
#![forbid(unsafe_code)]
