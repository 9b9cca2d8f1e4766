//! A whole model.toml: the model and how to train it.

mod check;
mod keras;

use crate::metrics::{MetricSpec, logged};
use crate::mixing::Mixing;
use crate::on_nan::OnNan;
use crate::parts::Fold;
use check::Check;
use cnn_callbacks::{
    BuildContext, Callback, CallbackError, CallbackSpec, LEARNING_RATE, check_places,
};
use cnn_nn::config::write::{Toml, WriteError, node};
use cnn_nn::config::{Diagnostics, Document};
use cnn_nn::loss::LossSpec;
use cnn_nn::model::TOP_LEVEL;
use cnn_nn::{Model, ModelSpec};
use cnn_optim::OptimizerSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A whole model.toml.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `name`, `input` and `[[layers]]`.
    pub model: ModelSpec,
    /// `[compile]`.
    pub compile: CompileSpec,
    /// `[fit]`.
    pub fit: FitSpec,
    /// `[[callbacks]]`, in order.
    pub callbacks: Vec<CallbackSpec>,
}

/// What is minimised, how, and what is measured. Keras's `compile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompileSpec {
    /// The update rule; default Adam with Keras's values.
    pub optimizer: OptimizerSpec,
    /// What is minimised; default sparse categorical cross-entropy.
    pub loss: LossSpec,
    /// What is measured beside the loss. Default `["accuracy"]`.
    pub metrics: Vec<MetricSpec>,
}

impl CompileSpec {
    /// Whether the optimizer's learning rate follows a schedule, so that no callback can set it.
    pub(crate) fn scheduled_rate(&self) -> bool {
        self.optimizer.learning_rate().is_scheduled()
    }
}

impl Default for CompileSpec {
    fn default() -> Self {
        Self {
            optimizer: OptimizerSpec::default(),
            loss: LossSpec::default(),
            metrics: vec![MetricSpec::Accuracy],
        }
    }
}

/// How long and on what. Keras's `fit`, with its defaults, and what is done to a batch of it.
///
/// [`crate::parts`] says which images are kept for validation, [`crate::Mixing`] what mixing is, and
/// [`crate::Trainer::fit_with_test`] measures the test images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "keys of a table, each by itself")]
pub struct FitSpec {
    /// Times that all training samples are seen, 1 to 1,000,000; default 1. 0 trains nothing: the run has the initial weights. The
    /// command line's `--epochs` begins at 1.
    pub epochs: usize,
    /// Samples per step, 1 to 1,000,000; default 32. The last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Share of the training samples, the last ones, that are kept for validation: 0 ≤ share < 1; default 0.
    pub validation_split: f64,
    /// Whether `validation_split` keeps of every class its share, drawn, and not the last images; default false. As many are kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stratified: bool,
    /// Cross-validation: the training images are dealt into parts that have the same share of every class, and one of them
    /// is kept for validation. `"2/5"` is the second of five. Default none. Not together with `validation_split`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Whether every epoch has an order of its own; default true.
    pub shuffle: bool,
    /// Decides the initial weights, the order of the samples, dropout, augmentation and mixing, and which images `stratified`
    /// and `fold` keep; default 42.
    pub seed: u64,
    /// mixup: blends every training image with another of its batch, shares from Beta(α, α) with this α. Default 0: off; else
    /// 0.01 to 100, 0.2 is usual.
    #[serde(skip_serializing_if = "is_zero")]
    pub mixup: f64,
    /// cutmix: pastes a window of another image of the batch into every training image, its size from Beta(α, α) with this
    /// α. Default 0: off; else 0.01 to 100, 1.0 is usual. Not together with `mixup`.
    #[serde(skip_serializing_if = "is_zero")]
    pub cutmix: f64,
    /// Whether the training images are measured after every epoch with the weights as they are then, without dropout,
    /// augmentation and mixing: `train_loss` and `train_accuracy`, which compare with `val_…`. Default false. Costs one
    /// forward pass over the training images per epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub eval_train: bool,
    /// Whether the test images are measured after every epoch too: `test_loss` and `test_accuracy` in the run's history, as a
    /// record to look at afterwards. Nothing can follow them: test data that decides when to stop is no longer test data.
    /// Default false. Costs one forward pass over the test images per epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub eval_test: bool,
    /// What is done where the loss or a weight is NaN or infinite: `"stop"` (default), or `"rollback"`, which goes back to the
    /// epoch's beginning and on with half the learning rate, at most three times; `{ rollback = 0.1, times = 5 }` says both. See
    /// [`OnNan`].
    #[serde(skip_serializing_if = "OnNan::is_stop")]
    pub on_nan: OnNan,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl FitSpec {
    /// Whether some of the training images are kept for validation.
    pub fn validates(&self) -> bool {
        self.validation_split > 0.0 || self.fold.is_some()
    }

    /// The same, with nothing kept for validation.
    #[must_use]
    pub fn learning_from_all(self) -> Self {
        Self { validation_split: 0.0, stratified: false, fold: None, ..self }
    }

    /// How the images of a training batch are mixed, if they are.
    pub fn mixing(&self) -> Option<Mixing> {
        if self.mixup > 0.0 {
            Some(Mixing::MixUp { alpha: self.mixup })
        } else if self.cutmix > 0.0 {
            Some(Mixing::CutMix { alpha: self.cutmix })
        } else {
            None
        }
    }
}

impl Default for FitSpec {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 32,
            validation_split: 0.0,
            stratified: false,
            fold: None,
            shuffle: true,
            seed: 42,
            mixup: 0.0,
            cutmix: 0.0,
            eval_train: false,
            eval_test: false,
            on_nan: OnNan::Stop,
        }
    }
}

/// What the command line says differently. Applied before anything is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    /// In place of `fit.epochs`.
    pub epochs: Option<usize>,
    /// In place of `fit.batch_size`.
    pub batch_size: Option<usize>,
    /// In place of `fit.validation_split`, and of `fit.fold`.
    pub validation_split: Option<f64>,
    /// In place of `fit.stratified`.
    pub stratified: Option<bool>,
    /// In place of `fit.fold`, and of `fit.validation_split`.
    pub fold: Option<Fold>,
    /// In place of `fit.shuffle`.
    pub shuffle: Option<bool>,
    /// In place of `fit.seed`.
    pub seed: Option<u64>,
    /// In place of `fit.eval_train`.
    pub eval_train: Option<bool>,
    /// In place of `fit.eval_test`.
    pub eval_test: Option<bool>,
}

impl Overrides {
    fn apply(self, fit: &mut FitSpec) {
        fit.epochs = self.epochs.unwrap_or(fit.epochs);
        fit.batch_size = self.batch_size.unwrap_or(fit.batch_size);
        if self.validation_split.is_some() || self.fold.is_some() {
            fit.validation_split = self.validation_split.unwrap_or(0.0);
            fit.fold = self.fold;
            // A fold is stratified already.
            fit.stratified &= self.fold.is_none();
        }
        fit.stratified = self.stratified.unwrap_or(fit.stratified);
        fit.shuffle = self.shuffle.unwrap_or(fit.shuffle);
        fit.seed = self.seed.unwrap_or(fit.seed);
        fit.eval_train = self.eval_train.unwrap_or(fit.eval_train);
        fit.eval_test = self.eval_test.unwrap_or(fit.eval_test);
    }
}

impl Config {
    /// Reads and checks a model.toml. `file` is what messages call it; the warnings come beside the configuration.
    ///
    /// # Errors
    /// All mistakes of the file in one run: syntax, keys, values, shapes, the loss, the callbacks and the metrics that they
    /// follow, each with its place.
    pub fn from_toml(file: &str, text: &str) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::from_toml_with(file, text, Overrides::default())
    }

    /// As [`Config::from_toml`], with some values from elsewhere.
    ///
    /// # Errors
    /// As [`Config::from_toml`].
    pub fn from_toml_with(
        file: &str,
        text: &str,
        overrides: Overrides,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let (document, mut found) = Document::parse(file, text);
        document.unknown_top_level(&TOP_LEVEL, &mut found);
        let model = ModelSpec::from_document(&document, &mut found);
        let compile = document.table::<CompileSpec>("compile", &mut found);
        let fit = document.table::<FitSpec>("fit", &mut found);
        let items = document.typed_list::<CallbackSpec>("callbacks", &[], &mut found);
        let callbacks: Vec<Option<CallbackSpec>> =
            items.into_iter().map(|item| item.value).collect();

        let mut check = Check::new(&document, &mut found);
        let fit = fit.map(|mut fit| {
            overrides.apply(&mut fit);
            check.fit(&fit);
            check.parts(&fit);
            check.mixing(&fit);
            check.on_nan(&fit);
            fit
        });
        let built = model.as_ref().and_then(|spec| check.model(spec, compile.as_ref()));
        if let Some(compile) = &compile {
            check.compile(compile, built.as_ref());
        }
        check.callbacks(&callbacks, compile.as_ref(), fit.as_ref());

        let found = keras::with_hints(&found);
        let callbacks = callbacks.into_iter().collect::<Option<Vec<_>>>();
        match (model, compile, fit, callbacks) {
            (Some(model), Some(compile), Some(fit), Some(callbacks)) if !found.has_errors() => {
                Ok((Self { model, compile, fit, callbacks }, found))
            }
            _ => Err(found),
        }
    }

    /// The configuration as a model.toml with every value spelt out; reads back to an equal configuration.
    ///
    /// # Errors
    /// As [`ModelSpec::to_toml`]: none for the specs of this workspace.
    pub fn to_toml(&self) -> Result<String, WriteError> {
        let callbacks = self.callbacks.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        let file = self.model.write(Toml::default())?;
        let file = file.section("compile", &node(&self.compile)?).section("fit", &node(&self.fit)?);
        Ok(file.list("callbacks", &callbacks).into_string())
    }

    /// The configuration with every layer's name spelt out, as the model built from it has them.
    #[must_use]
    pub fn resolved(&self, model: &Model) -> Self {
        Self { model: model.spec(), ..self.clone() }
    }

    /// The names that the logs of an epoch's end hold, with the callbacks of the configuration.
    pub fn metrics(&self, validated: bool) -> Vec<String> {
        let callbacks: Vec<Box<dyn Callback>> = self
            .callbacks
            .iter()
            .filter_map(|spec| spec.build(&BuildContext::new("")).ok())
            .collect();
        let names = metric_names(&self.compile.metrics, self.fit.eval_train, validated);
        epoch_metrics(names, &callbacks)
    }

    /// The callbacks, ready for [`crate::Trainer::fit`].
    ///
    /// # Errors
    /// A setting that does not work, or a file that two callbacks write, with the callback's position.
    pub fn build_callbacks(
        &self,
        context: &BuildContext,
    ) -> Result<Vec<Box<dyn Callback>>, (usize, CallbackError)> {
        let context = &context.clone().scheduled_rate(self.compile.scheduled_rate());
        let specs = || self.callbacks.iter().enumerate();
        let built = specs().map(|(i, spec)| spec.build(context).map_err(|error| (i, error)));
        let built = built.collect::<Result<Vec<_>, _>>()?;
        check_places(specs()).into_iter().next().map_or(Ok(built), Err)
    }
}

/// `accuracy`, `loss`, and the same with `train_` where the training images are measured, with `val_` where there is
/// validation: each sorted, as Keras shows them.
pub(crate) fn metric_names(
    metrics: &[MetricSpec],
    eval_train: bool,
    validated: bool,
) -> Vec<String> {
    let running: Vec<String> = logged(metrics).into_iter().map(|(name, _)| name).collect();
    let mut names = running.clone();
    for (prefix, wanted) in [("train_", eval_train), ("val_", validated)] {
        if wanted {
            names.extend(running.iter().map(|name| format!("{prefix}{name}")));
        }
    }
    names
}

/// With the learning rate as the last of the names, where one of the callbacks wants it in the logs.
pub(crate) fn epoch_metrics(
    mut names: Vec<String>,
    callbacks: &[Box<dyn Callback>],
) -> Vec<String> {
    if callbacks.iter().any(|callback| callback.reports_learning_rate()) {
        names.push(LEARNING_RATE.to_owned());
    }
    names
}
