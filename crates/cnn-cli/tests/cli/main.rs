//! Drives the `cnn` binary: its help, its answers to good and bad files, its exit codes.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

mod activations;
mod augment;
mod beforehand;
mod bench;
mod convolve;
mod data;
mod doctor;
#[cfg(unix)]
mod environment;
mod experiment;
mod explain;
mod fetch;
mod filters;
mod fixtures;
mod folders;
mod found_again;
mod help;
mod losses;
mod lr_find;
mod models;
mod on_nan;
#[cfg(target_os = "linux")]
mod outside;
mod overfitting;
mod reference;
mod report;
mod resume;
mod schedule;
mod summaries;
mod support;
mod tiny;
mod train;
mod tui;
mod verify;
mod weights;
