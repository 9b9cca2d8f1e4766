//! A model with its weights, its optimizer and its engine.

use crate::config::{CompileSpec, Config, FitSpec};
use crate::error::TrainError;
use crate::metrics::counting;
use crate::weights::{NamedTensor, check_finite, weights_from, weights_hash};
use cnn_callbacks::{Average, CallbackSpec, Param};
use cnn_data::Split;
use cnn_nn::Model;
use cnn_nn::constraint::Constraints;
use cnn_nn::engine::{BatchMetrics, Buffer, Engine, Options};
use cnn_nn::loss::Loss;
use cnn_nn::model::ParamInfo;
use cnn_optim::schedules::{LearningRate, Schedule};
use cnn_optim::{Optimizer, Variable, Whole};
use std::ops::Range;

pub use cnn_nn::engine::Isa;

/// How to run; changes the speed, never the result's meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainOptions {
    /// Threads, 1 or more. The weights do not depend on it.
    pub threads: usize,
    /// Instruction set, and the mode: [`crate::Deterministic::isa`].
    pub isa: Isa,
    /// Whether the work is rearranged where that is faster: pairs of layers merged, large Dense layers run over the whole batch
    /// at once. Equal numbers.
    pub fuse: bool,
}

impl Default for TrainOptions {
    /// One thread, the best instruction set, merged layers.
    fn default() -> Self {
        Self { threads: 1, isa: Isa::best(), fuse: true }
    }
}

/// A model being trained: its weights, its optimizer and the engine that runs it.
///
/// Everything that can fail does so in [`Trainer::new`] and at the beginning of [`Trainer::fit`] and
/// [`Trainer::evaluate`]; the loop itself has no errors.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) model: Model,
    pub(crate) compile: CompileSpec,
    pub(crate) fit: FitSpec,
    /// As the configuration has them, for the model files that are saved on the way.
    callbacks: Vec<CallbackSpec>,
    /// Empty until they are given.
    class_names: Vec<String>,
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    pub(crate) options: TrainOptions,
    pub(crate) engine: Engine,
    /// Batch size that the engine was made for.
    pub(crate) engine_batch: usize,
    pub(crate) weights: Buffer,
    /// The optimizer's memory, one arena for each slot; empty until training begins.
    pub(crate) slots: Vec<Buffer>,
    /// All gradients, and what is needed beside them, for an optimizer that needs them all before it begins; else empty.
    pub(crate) gradient: Buffer,
    pub(crate) whole: Whole,
    /// What kernels are made to satisfy after every update.
    pub(crate) constraints: Constraints,
    /// Where the parameters lie that the optimizer does not change; their mean is what they are.
    pub(crate) untrained: Vec<Range<usize>>,
    /// What this run does with the running mean of the weights.
    pub(crate) average: Average,
    /// What the last step was taken with, or the next will be where nothing schedules it.
    pub(crate) learning_rate: f32,
    /// What that is multiplied with, since training went back and on with a smaller rate: 1 unless it did.
    pub(crate) rate_factor: f32,
    /// The configuration's learning rate.
    pub(crate) rates: LearningRate,
    /// The rate of each step of this fit, where the configuration has a schedule.
    pub(crate) schedule: Option<Schedule>,
    /// Optimizer steps taken.
    pub(crate) steps_taken: u64,
}

impl Trainer {
    /// A trainer with the initial weights of the configuration's seed. `model` is the one that `config.model.build()` gives.
    ///
    /// # Errors
    /// A loss that does not fit the model, or an optimizer's value out of range.
    pub fn new(config: &Config, model: Model, options: TrainOptions) -> Result<Self, TrainError> {
        let loss = Loss::new(&config.compile.loss, model.output(), model.link())?;
        let loss = counting(loss, &config.compile.metrics)?;
        let variables = variables(&model);
        let optimizer = config.compile.optimizer.build(&variables)?;
        let weights = Buffer::from(&*model.initial_weights(config.fit.seed));
        let engine = engine(&model, &loss, options, 1);
        Ok(Self {
            compile: config.compile.clone(),
            fit: config.fit,
            callbacks: config.callbacks.clone(),
            class_names: Vec::new(),
            learning_rate: config.compile.optimizer.learning_rate().peak() as f32,
            rate_factor: 1.0,
            rates: config.compile.optimizer.learning_rate().clone(),
            schedule: None,
            whole: Whole::new(&optimizer, &variables, options.threads.max(1)),
            optimizer,
            loss,
            options,
            engine,
            engine_batch: 1,
            weights,
            slots: Vec::new(),
            gradient: Buffer::zeros(0),
            constraints: Constraints::new(&model),
            untrained: (model.params().filter(|param| !param.trainable))
                .map(|param| param.range.clone())
                .collect(),
            average: Average::Unused,
            steps_taken: 0,
            model,
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The configuration that is trained.
    pub(crate) fn config(&self) -> Config {
        Config {
            model: self.model.spec(),
            compile: self.compile.clone(),
            fit: self.fit,
            callbacks: self.callbacks.clone(),
        }
    }

    /// Names the classes, in the order of the outputs, for the model files that callbacks have saved during training. Without,
    /// they are called by their numbers.
    ///
    /// # Errors
    /// Another number of names than the model has outputs.
    pub fn set_class_names(&mut self, names: &[String]) -> Result<(), TrainError> {
        if names.len() != self.classes() {
            return Err(TrainError::ModelFile {
                kind: "model file",
                section: "class names",
                message: format!("{} names for {} outputs", names.len(), self.classes()),
                hint: "give one name per output of the model",
            });
        }
        self.class_names = names.to_vec();
        Ok(())
    }

    /// Name of each class.
    pub(crate) fn class_names(&self) -> Vec<String> {
        if self.class_names.is_empty() {
            (0..self.classes()).map(|class| class.to_string()).collect()
        } else {
            self.class_names.clone()
        }
    }

    /// What the weights are, for the events of callbacks.
    pub(crate) fn params(&self) -> Vec<Param> {
        let param = |param: &ParamInfo| Param {
            name: param.name.clone(),
            shape: param.shape.clone(),
            range: param.range.clone(),
        };
        self.model.params().map(param).collect()
    }

    /// All weights, flat, in the order of [`Model::params`].
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Optimizer steps taken so far.
    pub fn steps_taken(&self) -> u64 {
        self.steps_taken
    }

    /// The optimizer's learning rate as it is now. Before the first step of a schedule: its largest rate.
    pub fn learning_rate(&self) -> f32 {
        self.effective_rate()
    }

    /// What the weights are moved with.
    pub(crate) fn effective_rate(&self) -> f32 {
        self.learning_rate * self.rate_factor
    }

    /// SHA-256 of the weights, see [`weights_hash`].
    pub fn weights_hash(&self) -> String {
        weights_hash(&self.model, &self.weights)
    }

    /// Replaces all weights.
    ///
    /// # Errors
    /// Another number of weights than the model has, or one that is NaN or infinite.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), TrainError> {
        if weights.len() != self.weights.len() {
            let problem = format!(
                "{} weights were given, the model has {}",
                weights.len(),
                self.weights.len()
            );
            return Err(TrainError::Weights { problems: vec![problem] });
        }
        check_finite(&self.model, weights)?;
        self.weights.copy_from_slice(weights);
        Ok(())
    }

    /// Replaces all weights by name.
    ///
    /// # Errors
    /// As [`weights_from`].
    pub fn set_named_weights(&mut self, tensors: &[NamedTensor]) -> Result<(), TrainError> {
        self.weights.copy_from_slice(&weights_from(&self.model, tensors)?);
        Ok(())
    }

    /// The model's output for images given as numbers between 0 and 1, row by row, channels last: one row of
    /// [`Trainer::outputs`] numbers per image, probabilities of the classes where the model ends in a softmax.
    ///
    /// # Errors
    /// Numbers that are not a whole number of images.
    pub fn predict(&mut self, images: &[f32]) -> Result<Vec<f32>, TrainError> {
        let size = self.model.input().len();
        if !images.len().is_multiple_of(size) {
            return Err(TrainError::InputLength { expected: size, got: images.len() });
        }
        let n = images.len() / size;
        let mut output = vec![0.0; n * self.outputs()];
        let feed = |range: Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            x.copy_from_slice(&images[range.start * size..range.end * size]);
            labels.fill(0);
        };
        self.engine.predict(&self.weights, n, &feed, &mut output);
        Ok(output)
    }

    /// The model's output for some of a data set's images: one row of [`Trainer::outputs`] numbers for each index.
    ///
    /// # Errors
    /// Images of another shape than the model's input, or a label that it has no output for.
    ///
    /// # Panics
    /// If an index is beyond the data set.
    pub fn predict_split(
        &mut self,
        split: &Split,
        indices: &[u32],
    ) -> Result<Vec<f32>, TrainError> {
        self.check_split(split, "images")?;
        let mut output = vec![0.0; indices.len() * self.outputs()];
        self.engine.predict(&self.weights, indices.len(), &feed(split, indices), &mut output);
        Ok(output)
    }

    /// Loss and accuracy over some of a data set's images, in inference mode.
    pub(crate) fn measure(&mut self, split: &Split, indices: &[u32]) -> BatchMetrics {
        let mean = self.measured_slot();
        let weights = mean.map_or(&self.weights, |slot| &self.slots[slot]);
        self.engine.evaluate(weights, indices.len(), &feed(split, indices))
    }

    /// The penalty of regularised weights, part of every loss; 0 for a model without regularisers.
    pub fn penalty(&mut self) -> f64 {
        self.engine.penalty(&self.weights)
    }

    /// Numbers that the model gives for each image.
    pub fn outputs(&self) -> usize {
        self.loss.outputs()
    }

    /// Classes: the outputs, or 2 for a model with a single one.
    pub fn classes(&self) -> usize {
        self.loss.classes()
    }

    /// Checks that the images fit the model's input and every label its output.
    pub(crate) fn check_split(&self, split: &Split, what: &'static str) -> Result<(), TrainError> {
        if split.is_empty() {
            return Err(TrainError::Empty { what });
        }
        if u32::try_from(split.len()).is_err() {
            return Err(TrainError::TooManySamples { what, samples: split.len() });
        }
        let images = split.images.dim().0;
        if images != split.len() {
            return Err(TrainError::Labels { what, images, labels: split.len() });
        }
        let shape = split.shape();
        // As Keras, an image with one channel also fits an input without that axis.
        let input = self.model.input().dims();
        if input != shape && !(shape[2] == 1 && input == &shape[..2]) {
            return Err(TrainError::ImageShape {
                what,
                expected: input.to_vec(),
                got: shape.to_vec(),
            });
        }
        let classes = self.classes();
        match split.labels.iter().position(|&label| label as usize >= classes) {
            Some(index) => {
                Err(TrainError::Label { what, index, label: split.labels[index], classes })
            }
            None => Ok(()),
        }
    }

    /// Balances the classes of these training images where the loss asks for that.
    pub(crate) fn balance(&mut self, labels: impl Iterator<Item = u32>) {
        let mut images = vec![0u64; self.classes()];
        for label in labels {
            images[label as usize] += 1;
        }
        self.loss.balance(&images);
        self.engine.balance(&images);
    }

    /// Whether a batch of this size is not too large.
    pub(crate) fn check_memory(&self, batch_size: usize) -> Result<(), TrainError> {
        /// Activations and their gradients of one batch.
        const LIMIT: u64 = 16 << 30;
        let per_image =
            self.model.activation_bytes().saturating_add(4 * self.model.input().len() as u64);
        let needed = per_image.saturating_mul(2).saturating_mul(batch_size as u64);
        if needed > LIMIT {
            return Err(TrainError::Memory { batch_size, needed, limit: LIMIT });
        }
        Ok(())
    }

    /// An engine for batches of this size, and the optimizer's memory.
    pub(crate) fn prepare(&mut self, batch_size: usize) -> Result<(), TrainError> {
        self.check_memory(batch_size)?;
        if self.engine_batch != batch_size {
            self.engine = engine(&self.model, &self.loss, self.options, batch_size);
            self.engine_batch = batch_size;
        }
        if self.slots.is_empty() {
            self.slots = self
                .optimizer
                .slot_names()
                .iter()
                .map(|_| Buffer::zeros(self.weights.len()))
                .collect();
        }
        if self.optimizer.needs_all_gradients() && self.gradient.is_empty() {
            self.gradient = Buffer::zeros(self.weights.len());
        }
        Ok(())
    }
}

/// What the optimizer is told of the model: the parameters that it changes.
pub(crate) fn variables(model: &Model) -> Vec<Variable> {
    let variable = |param: &ParamInfo| Variable {
        name: param.name.clone(),
        range: param.range.clone(),
        shape: param.shape.clone(),
    };
    model.params().filter(|param| param.trainable).map(variable).collect()
}

fn engine(model: &Model, loss: &Loss, options: TrainOptions, batch_size: usize) -> Engine {
    let TrainOptions { threads, isa, fuse } = options;
    Engine::new(model, loss, Options { threads: threads.max(1), isa, batch_size, fuse })
}

/// A feed of a data set's images in the order of `indices`: bytes become numbers between 0 and 1 on the way.
pub(crate) fn feed<'a>(
    split: &'a Split,
    indices: &'a [u32],
) -> impl Fn(Range<usize>, &mut [f32], &mut [u32]) + Sync + 'a {
    move |range, x, labels| split.fill(&indices[range], x, labels)
}
