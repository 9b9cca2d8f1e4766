//! The subcommands, one file each.

pub(crate) mod activations;
pub(crate) mod augment;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod convolve;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod experiment;
mod experiment_charts;
pub(crate) mod explain;
pub(crate) mod filters;
pub(crate) mod layers;
pub(crate) mod lr_find;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod schedule;
pub(crate) mod schema;
mod screen;
pub(crate) mod summary;
pub(crate) mod train;
pub(crate) mod verify;
mod watch;
