//! What serde cannot check of a model.toml: ranges, the model's shapes, the loss, the callbacks and what they follow.

use super::{CompileSpec, FitSpec, epoch_metrics, metric_names};
use crate::average::without_average;
use crate::metrics::check_names;
use crate::on_nan::OnNan;
use crate::trainer::variables;
use cnn_callbacks::{BuildContext, CallbackError, CallbackSpec, check_monitors, check_places};
use cnn_nn::config::{Diagnostic, Diagnostics, Document};
use cnn_nn::loss::Loss;
use cnn_nn::model::{lint, lint_loss};
use cnn_nn::{Model, ModelSpec};

/// Epochs, at most.
const MAX_EPOCHS: usize = 1_000_000;

/// Samples per batch, at most.
const MAX_BATCH: usize = 1_000_000;

/// Checks, and points at the place.
pub(super) struct Check<'a> {
    document: &'a Document,
    found: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    pub(super) fn new(document: &'a Document, found: &'a mut Diagnostics) -> Self {
        Self { document, found }
    }

    fn error(&mut self, code: &'static str, path: &str, message: String, label: &str, help: &str) {
        let error = Diagnostic::error(code, message).at(self.document.span(path));
        self.document.report(self.found, error.with_label(label).with_help(help));
    }

    pub(super) fn fit(&mut self, fit: &FitSpec) {
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

    pub(super) fn parts(&mut self, fit: &FitSpec) {
        if fit.fold.is_some() && fit.validation_split != 0.0 {
            self.error(
                "M072",
                "fit.fold",
                "fold and validation_split both say what is kept for validation".to_owned(),
                "the second of the two",
                "keep one of them",
            );
        }
        if fit.stratified && fit.validation_split <= 0.0 {
            let help = if fit.fold.is_some() {
                "leave it out: a fold has the same share of every class already"
            } else {
                "validation_split = 0.1 beside it keeps a tenth of every class"
            };
            self.error(
                "M072",
                "fit.stratified",
                "stratified says how validation_split is drawn, and there is none".to_owned(),
                "of what?",
                help,
            );
        }
    }

    pub(super) fn mixing(&mut self, fit: &FitSpec) {
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

    pub(super) fn on_nan(&mut self, fit: &FitSpec) {
        let OnNan::Rollback { factor, times } = fit.on_nan else { return };
        if !(factor > 0.0 && factor < 1.0) {
            self.error(
                "M060",
                "fit.on_nan.rollback",
                format!("rollback = {factor} makes the learning rate no smaller"),
                "0 < rollback < 1",
                "rollback = 0.5 goes on with half the rate",
            );
        }
        if !(1..=100).contains(&times) {
            self.error(
                "M060",
                "fit.on_nan.times",
                format!("times = {times} is not between 1 and 100"),
                "times that training goes back",
                "times = 3 is the default; on_nan = \"stop\" never goes back",
            );
        }
    }

    /// The model, if it is sound.
    pub(super) fn model(
        &mut self,
        spec: &ModelSpec,
        compile: Option<&CompileSpec>,
    ) -> Option<Model> {
        let built = spec.build();
        let problems = match &built {
            Ok(model) => {
                let mut problems =
                    compile.map_or_else(Vec::new, |compile| lint_loss(model, &compile.loss));
                if let Some(compile) = compile.filter(|_| problems.is_empty()) {
                    self.top_k(model, compile);
                }
                // What the loss says about a missing Flatten is an error; the warning would say it again.
                let known: Vec<_> = problems.iter().map(|problem| problem.at).collect();
                problems
                    .extend(lint(model).into_iter().filter(|warning| !known.contains(&warning.at)));
                problems
            }
            Err(failure) => failure.problems.clone(),
        };
        for problem in problems {
            self.document.report(self.found, problem.diagnostic(self.document));
        }
        built.ok()
    }

    /// Without a model, names of its parameters are not looked at.
    pub(super) fn compile(&mut self, compile: &CompileSpec, model: Option<&Model>) {
        let variables = model.map(variables).unwrap_or_default();
        if let Err(error) = compile.optimizer.build(&variables) {
            self.error(
                "M062",
                &format!("compile.optimizer.{}", error.path()),
                error.to_string(),
                if error.is_out_of_range() { "out of range" } else { "" },
                "",
            );
        }
        for (i, message, help) in check_names(&compile.metrics) {
            self.error("M061", &format!("compile.metrics.{i}"), message, "", help);
        }
    }

    /// Every k against the number of classes.
    fn top_k(&mut self, model: &Model, compile: &CompileSpec) {
        for (i, metric) in compile.metrics.iter().enumerate() {
            let loss = Loss::new(&compile.loss, model.output(), model.link());
            let Some((k, loss)) = metric.k().zip(loss.ok()) else { continue };
            if let Err(error) = loss.counting_top(&[k]) {
                let (place, key) =
                    (format!("compile.metrics.{i}"), format!("compile.metrics.{i}.k"));
                let path = if self.document.locate(&key).is_some() { key } else { place };
                self.error(error.code, &path, error.message, "", &error.hint);
            }
        }
    }

    pub(super) fn callbacks(
        &mut self,
        specs: &[Option<CallbackSpec>],
        compile: Option<&CompileSpec>,
        fit: Option<&FitSpec>,
    ) {
        let context = BuildContext::new("run")
            .reserved(crate::run_dir::FILES)
            .scheduled_rate(compile.is_some_and(CompileSpec::scheduled_rate));
        let (mut built, mut positions, mut sound) = (Vec::new(), Vec::new(), Vec::new());
        for (i, spec) in specs.iter().enumerate() {
            let Some(spec) = spec else { continue };
            match spec.build(&context) {
                Ok(callback) => {
                    built.push(callback);
                    positions.push(i);
                    sound.push((i, spec));
                }
                Err(error) => self.callback("M063", i, &error),
            }
        }
        for (i, error) in check_places(sound) {
            self.callback("M063", i, &error);
        }
        // Without sound [compile] and [fit] it is not known which metrics there are.
        let (Some(compile), Some(fit)) = (compile, fit) else { return };
        for (i, error) in without_average(&built, compile.optimizer.keeps_average()) {
            self.callback("M073", positions[i], &error);
        }
        let available = metric_names(&compile.metrics, fit.eval_train, fit.validates());
        let available = epoch_metrics(available, &built);
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
