//! The training loop, metrics, run folders and model files.
//!
//! - [`Config`]: a whole model.toml, checked, every mistake with its place.
//! - [`Trainer`]: the only training loop; also [`Trainer::evaluate`] and [`Trainer::predict`].
//! - [`Trainer::lr_range_test`]: which learning rates suit a model and its data.
//! - [`doctor`]: why a training does not learn.
//! - [`Calibration`] and [`wilson`]: how far the model's probabilities and its measured accuracy can be trusted.
//! - [`model_file`]: a trained model in one checksummed file, with its classes and preprocessing.
//! - [`experiment`]: rows × seeds compared: a sweep.toml becomes runs, and the runs one table with tests and a front.
//! - [`RunDir`]: the folder that a run leaves behind, and the way back from it.
//! - [`verify`]: whether a run repeats.
//!
//! Same configuration, data and seed give the same bits, on any number of threads.
//!
//! ```
//! use cnn_nn::Sequential;
//! use cnn_nn::layers::{Conv2D, Dense, Flatten, MaxPooling2D};
//! use cnn_train::{CompileSpec, Config, FitSpec, TrainOptions, Trainer};
//!
//! // Dots in the upper half are class 0, dots in the lower half class 1.
//! let labels: Vec<u32> = (0..64).map(|i| i % 2).collect();
//! let images = ndarray::Array4::from_shape_fn((64, 8, 8, 1), |(i, y, x, _)| {
//!     let dot = (i / 2 % 3 + if i % 2 == 0 { 1 } else { 5 }, i / 6 % 8);
//!     if (y, x) == dot { 255_u8 } else { 0 }
//! });
//! let data = cnn_data::Split { images: cnn_data::Images::U8(images), labels };
//!
//! let model = Sequential::new([8, 8, 1])
//!     .add(Conv2D::new(4, 3).same().relu())
//!     .add(MaxPooling2D::default())
//!     .add(Flatten)
//!     .add(Dense::new(2).softmax());
//! let config = Config {
//!     model: model.into(),
//!     compile: CompileSpec { optimizer: cnn_optim::Adam::new(0.01).into(), ..Default::default() },
//!     fit: FitSpec { epochs: 20, batch_size: 16, ..Default::default() },
//!     ..Default::default()
//! };
//! let mut trainer = Trainer::new(&config, config.model.build()?, TrainOptions::default())?;
//! let result = trainer.fit(&data, None, &mut [])?;
//! println!("loss by epoch: {:?}", result.history.get("loss"));
//! assert!(trainer.evaluate(&data)?.accuracy > 0.9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod answers;
mod atomic;
mod average;
mod bench;
mod calibration;
mod checkpoint;
mod config;
mod counts;
mod deterministic;
mod disk;
pub mod doctor;
mod envelope;
mod error;
mod evaluate;
pub mod experiment;
mod fit;
mod history;
mod lock;
mod lr_range;
mod metrics;
mod mixing;
pub mod model_file;
mod on_nan;
pub mod parts;
mod run_dir;
mod step;
mod sums;
mod trainer;
pub mod verify;
mod weights;

pub use answers::{Answer, most_confident_mistakes, suspects};
pub use atomic::write as write_file;
pub use bench::{BenchOptions, median, quantile};
pub use calibration::{CALIBRATION_BINS, Calibration, CalibrationBin, Z95, wilson};
pub use checkpoint::{Checkpoint, CheckpointEvery, Checkpoints};
pub use cnn_optim::schedules::{FitLength, Schedule};
pub use config::{CompileSpec, Config, FitSpec, Overrides};
pub use deterministic::Deterministic;
pub use error::{ErrorKind, TrainError};
pub use evaluate::{ClassScore, Evaluation, MixedPair, Report, TopKScore};
pub use fit::{FitResult, Resumable, fit_length};
pub use history::{HISTORY_SCHEMA, RunHistory, RunParams, TestScore};
pub use lr_range::{LrCurve, LrPoint, LrRange, rate_text};
pub use metrics::{MetricSpec, TopK};
pub use mixing::{Mixer, Mixing};
pub use model_file::{ModelFile, Preprocessing};
pub use on_nan::{OnNan, Rollback};
pub use parts::{Fold, Parts};
pub use run_dir::{Remains, RunDir, RunInfo, RunRecord, SavedRun};
pub use trainer::{Isa, TrainOptions, Trainer};
pub use weights::{NamedTensor, named_tensors, read_npz, weights_from, weights_hash, write_npz};
