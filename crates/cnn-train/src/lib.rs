//! The training loop, metrics, run folders and model files.
#![forbid(unsafe_code)]
