//! Rows × seeds: which network is better, and whether the difference is more than noise.
//!
//! ```text
//! sweep.toml ──► Sweep ──► Experiment::open ──► run ──► results
//!  text          rows,      folder, lock,        trains    means, tests, front, curves;
//!                checked    what is finished     the rest  text, Markdown, CSV, JSON
//! ```
//!
//! [`Sweep::from_toml`] refuses everything that cannot be trained before anything is. [`Experiment`] keeps an ordinary run
//! folder for each run and goes on where it was interrupted. [`Results`] depends on the runs alone, not on the order or the
//! number of threads in which they were trained.

mod build;
mod edit;
mod grid;
mod plan;
mod read;
mod results;
mod rows;
mod run;
mod stats;
mod sweep;
mod table;

pub use plan::{Experiment, Score};
pub use results::{Comparison, CurveOf, Pair, Results, RowResult, RunResult, SIGNIFICANCE};
pub use run::{Observer, Progress, RunOptions};
pub use stats::{
    Paired, Summary, binomial_tail, holm, paired, pareto_front, smallest_sign_flip, t_two_sided,
};
pub use sweep::{Cost, FindModel, MAX_ROWS, MAX_SEEDS, Row, Sweep, Threshold};
