//! A whole model.toml: the model and how to train it.

use crate::mixing::Mixing;
use cnn_callbacks::{BuildContext, Callback, CallbackError, CallbackSpec, check_monitors};
use cnn_nn::config::write::{Toml, WriteError, node};
use cnn_nn::config::{Diagnostic, Diagnostics, Document};
use cnn_nn::loss::LossSpec;
use cnn_nn::model::{TOP_LEVEL, lint, lint_loss};
use cnn_nn::{Model, ModelSpec};
use cnn_optim::OptimizerSpec;
use serde::{Deserialize, Serialize};

/// Epochs, at most.
const MAX_EPOCHS: usize = 1_000_000;

/// Samples per batch, at most.
const MAX_BATCH: usize = 1_000_000;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompileSpec {
    /// The update rule; default Adam with Keras's values.
    pub optimizer: OptimizerSpec,
    /// What is minimised; default sparse categorical cross-entropy.
    pub loss: LossSpec,
    /// What is measured beside the loss: `accuracy` or `acc`, which is also its name in the logs. Default `["accuracy"]`.
    pub metrics: Vec<String>,
}

impl Default for CompileSpec {
    fn default() -> Self {
        Self {
            optimizer: OptimizerSpec::default(),
            loss: LossSpec::default(),
            metrics: vec!["accuracy".to_owned()],
        }
    }
}

/// How long and on what. Keras's `fit`, with its defaults, and what is done to a batch of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitSpec {
    /// Times that all training samples are seen, 0 to 1,000,000; default 1.
    pub epochs: usize,
    /// Samples per step, 1 to 1,000,000; default 32. The last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Share of the training samples, the last ones, that are kept for validation: 0 ≤ share < 1; default 0.
    pub validation_split: f64,
    /// Whether every epoch has an order of its own; default true.
    pub shuffle: bool,
    /// Decides the initial weights, the order of the samples, dropout, augmentation and mixing; default 42.
    pub seed: u64,
    /// mixup: blends every training image with another of its batch, shares from Beta(α, α) with this α. 0 (off, default), or
    /// 0.01 to 100; 0.2 is usual. See [`crate::Mixing`].
    #[serde(skip_serializing_if = "is_zero")]
    pub mixup: f64,
    /// cutmix: pastes a window of another image of the batch into every training image, its size from Beta(α, α) with this
    /// α. 0 (off, default), or 0.01 to 100; 1.0 is usual. Not together with `mixup`.
    #[serde(skip_serializing_if = "is_zero")]
    pub cutmix: f64,
    /// Whether the training images are measured after every epoch with the weights as they are then, without dropout,
    /// augmentation and mixing: `train_loss` and `train_accuracy`, which compare with `val_…`. Default false. Costs one
    /// forward pass over the training images per epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub eval_train: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl FitSpec {
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
            shuffle: true,
            seed: 42,
            mixup: 0.0,
            cutmix: 0.0,
            eval_train: false,
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
    /// In place of `fit.validation_split`.
    pub validation_split: Option<f64>,
    /// In place of `fit.shuffle`.
    pub shuffle: Option<bool>,
    /// In place of `fit.seed`.
    pub seed: Option<u64>,
    /// In place of `fit.eval_train`.
    pub eval_train: Option<bool>,
}

impl Overrides {
    fn apply(self, fit: &mut FitSpec) {
        fit.epochs = self.epochs.unwrap_or(fit.epochs);
        fit.batch_size = self.batch_size.unwrap_or(fit.batch_size);
        fit.validation_split = self.validation_split.unwrap_or(fit.validation_split);
        fit.shuffle = self.shuffle.unwrap_or(fit.shuffle);
        fit.seed = self.seed.unwrap_or(fit.seed);
        fit.eval_train = self.eval_train.unwrap_or(fit.eval_train);
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

        let mut check = Check { document: &document, found: &mut found };
        let fit = fit.map(|mut fit| {
            overrides.apply(&mut fit);
            check.fit(&fit);
            check.mixing(&fit);
            fit
        });
        if let Some(spec) = &model {
            check.model(spec, compile.as_ref());
        }
        if let Some(compile) = &compile {
            check.compile(compile);
        }
        check.callbacks(&callbacks, compile.as_ref(), fit.as_ref());

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

    /// The names that the logs of an epoch's end hold.
    pub fn metrics(&self, validated: bool) -> Vec<String> {
        metric_names(&self.compile.metrics, self.fit.eval_train, validated)
    }

    /// The callbacks, ready for [`crate::Trainer::fit`].
    ///
    /// # Errors
    /// A setting that does not work, with the callback's position.
    pub fn build_callbacks(
        &self,
        context: &BuildContext,
    ) -> Result<Vec<Box<dyn Callback>>, (usize, CallbackError)> {
        self.callbacks
            .iter()
            .enumerate()
            .map(|(i, spec)| spec.build(context).map_err(|error| (i, error)))
            .collect()
    }
}

/// `accuracy`, `loss`, and the same with `train_` where the training images are measured, with `val_` where there is
/// validation: each sorted, as Keras shows them.
pub(crate) fn metric_names(metrics: &[String], eval_train: bool, validated: bool) -> Vec<String> {
    let mut running: Vec<String> = metrics.to_vec();
    running.push("loss".to_owned());
    running.sort_unstable();
    let mut names = running.clone();
    for (prefix, wanted) in [("train_", eval_train), ("val_", validated)] {
        if wanted {
            names.extend(running.iter().map(|name| format!("{prefix}{name}")));
        }
    }
    names
}

/// Checks what serde cannot, and points at the place.
struct Check<'a> {
    document: &'a Document,
    found: &'a mut Diagnostics,
}

impl Check<'_> {
    fn error(&mut self, code: &'static str, path: &str, message: String, label: &str, help: &str) {
        let error = Diagnostic::error(code, message).at(self.document.span(path));
        self.document.report(self.found, error.with_label(label).with_help(help));
    }

    fn fit(&mut self, fit: &FitSpec) {
        if fit.epochs > MAX_EPOCHS {
            self.error(
                "M060",
                "fit.epochs",
                format!("epochs = {} is beyond the limit of {MAX_EPOCHS}", fit.epochs),
                "0 to 1000000",
                "epochs = 5 is a good start",
            );
        }
        if fit.batch_size == 0 || fit.batch_size > MAX_BATCH {
            let message =
                format!("batch_size = {} is not between 1 and {MAX_BATCH}", fit.batch_size);
            self.error(
                "M060",
                "fit.batch_size",
                message,
                "samples per step",
                "batch_size = 32 is Keras's default",
            );
        }
        if !(0.0..1.0).contains(&fit.validation_split) {
            let message = format!(
                "validation_split = {} is not a share of the training samples",
                fit.validation_split
            );
            self.error(
                "M060",
                "fit.validation_split",
                message,
                "0 ≤ share < 1",
                "validation_split = 0.1 keeps the last tenth for validation",
            );
        }
    }

    fn mixing(&mut self, fit: &FitSpec) {
        for (key, alpha, usual) in [("mixup", fit.mixup, "0.2"), ("cutmix", fit.cutmix, "1.0")] {
            if alpha != 0.0 && !(0.01..=100.0).contains(&alpha) {
                self.error(
                    "M066",
                    &format!("fit.{key}"),
                    format!("{key} = {alpha} is no strength of {key}"),
                    "0 (off), or 0.01 to 100",
                    &format!("{key} = {usual} is usual: the α of Beta(α, α)"),
                );
            }
        }
        if fit.mixup != 0.0 && fit.cutmix != 0.0 {
            self.error(
                "M067",
                "fit.cutmix",
                "mixup and cutmix cannot both act on a batch".to_owned(),
                "the second of the two",
                "keep one of them, or set the other to 0",
            );
        }
    }

    fn model(&mut self, spec: &ModelSpec, compile: Option<&CompileSpec>) {
        let problems = match spec.build() {
            Ok(model) => {
                let mut problems =
                    compile.map_or_else(Vec::new, |compile| lint_loss(&model, &compile.loss));
                // What the loss says about a missing Flatten is an error; the warning would say it again.
                let known: Vec<_> = problems.iter().map(|problem| problem.at).collect();
                problems.extend(
                    lint(&model).into_iter().filter(|warning| !known.contains(&warning.at)),
                );
                problems
            }
            Err(failure) => failure.problems,
        };
        for problem in problems {
            self.document.report(self.found, problem.diagnostic(self.document));
        }
    }

    fn compile(&mut self, compile: &CompileSpec) {
        if let Err(error) = compile.optimizer.build() {
            self.error(
                "M062",
                &format!("compile.optimizer.{}", error.key()),
                error.to_string(),
                "out of range",
                "",
            );
        }
        for (i, metric) in compile.metrics.iter().enumerate() {
            let path = format!("compile.metrics.{i}");
            if !matches!(metric.as_str(), "accuracy" | "acc") {
                let shown: String = metric.chars().take(80).collect();
                self.error(
                    "M061",
                    &path,
                    format!("there is no metric `{shown}`"),
                    "unknown metric",
                    "metrics = [\"accuracy\"]",
                );
            } else if compile.metrics[..i].contains(metric) {
                self.error(
                    "M061",
                    &path,
                    format!("the metric `{metric}` is listed twice"),
                    "again",
                    "name it once",
                );
            }
        }
    }

    fn callbacks(
        &mut self,
        specs: &[Option<CallbackSpec>],
        compile: Option<&CompileSpec>,
        fit: Option<&FitSpec>,
    ) {
        let context = BuildContext::new("run").reserved(crate::run_dir::FILES);
        let (mut built, mut positions) = (Vec::new(), Vec::new());
        for (i, spec) in specs.iter().enumerate() {
            match spec.as_ref().map(|spec| spec.build(&context)) {
                Some(Ok(callback)) => {
                    built.push(callback);
                    positions.push(i);
                }
                Some(Err(error)) => self.callback("M063", i, &error),
                None => {}
            }
        }
        // Without sound [compile] and [fit] it is not known which metrics there are.
        let (Some(compile), Some(fit)) = (compile, fit) else { return };
        let available = metric_names(&compile.metrics, fit.eval_train, fit.validation_split > 0.0);
        match check_monitors(&mut built, &available) {
            Ok(notes) => {
                for note in notes {
                    self.found.push(
                        Diagnostic::warning("M065", note).at(self.document.span("callbacks")),
                    );
                }
            }
            Err(errors) => {
                for (i, error) in errors {
                    self.callback("M064", positions[i], &error);
                }
            }
        }
    }

    fn callback(&mut self, code: &'static str, position: usize, error: &CallbackError) {
        let key = error.key();
        let path = [format!("callbacks.{position}.{key}"), format!("callbacks.{position}.type")];
        let path = path
            .iter()
            .find(|path| self.document.locate(path).is_some())
            .map_or(format!("callbacks.{position}"), Clone::clone);
        self.error(code, &path, error.to_string(), "", "");
    }
}
