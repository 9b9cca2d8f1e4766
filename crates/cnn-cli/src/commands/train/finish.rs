//! The end of `cnn train`: the test, the run folder, and what is told.

use super::Args;
use crate::args::Format;
use crate::commands::evaluate;
use crate::failure::{Exit, Failure};
use crate::{files, output};
use cnn_callbacks::Ending;
use cnn_data::Dataset;
use cnn_train::{
    Config, FitResult, Preprocessing, RunDir, RunHistory, RunInfo, RunRecord, TestScore, TopKScore,
    TrainError, Trainer,
};
use cnn_viz::charts::{LearningCurves, learning_curves};
use serde_json::json;

/// A run whose training is over.
pub(super) struct Job<'a> {
    pub(super) args: &'a Args,
    pub(super) config: &'a Config,
    pub(super) data: &'a Dataset,
    pub(super) run: &'a RunDir,
    pub(super) info: &'a RunInfo,
    pub(super) on_screen: bool,
}

impl Job<'_> {
    /// Tests the model, writes the run folder, and tells how it went.
    pub(super) fn finish(&self, trainer: &mut Trainer, fit: &FitResult) -> Result<(), Failure> {
        for note in &fit.notes {
            output::note(&format!("note: {note}\n"));
        }
        if !fit.rollbacks.is_empty() {
            let (count, factor) = (fit.rollbacks.len(), fit.learning_rate_factor);
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            output::note(&format!(
                "note: training went back {times}; the learning rate was {factor} times its own in the end\n"
            ));
        }
        let mut history = RunHistory::new(fit, self.config.fit.batch_size);
        let mut top_k = Vec::new();
        if !fit.diverged() {
            let test = trainer.evaluate(&self.data.test)?;
            history.test = Some(test.score());
            top_k = test.top_k;
        }
        let title = self.config.model.name.as_deref().unwrap_or("sequential");
        draw_curves(self.run, title, &self.data.name, &history)?;
        if fit.diverged() {
            self.run.keep_history(&history)?;
            return Err(self.diverged(fit));
        }
        self.run.finish(&RunRecord {
            config: self.config,
            model: trainer.model(),
            weights: trainer.weights(),
            classes: &self.data.classes,
            preprocessing: Preprocessing::bytes(self.data.train.shape()),
            history: &history,
            info: self.info,
        })?;
        self.tell(trainer, fit, &history, &top_k)?;
        if let Some(path) = &self.args.save_weights {
            let replace = self.args.force;
            cnn_train::write_npz(path, trainer.model(), trainer.weights(), replace)
                .map_err(|error| self.complete(error))?;
        }
        match &fit.stopped_by {
            Some(stop) if stop.ending == Ending::Failed => Err(Failure::new(
                Exit::Disk,
                "",
                &stop.reason,
                "",
                &[&format!("asked for by {}", stop.by)],
                &[],
            )),
            _ => Ok(()),
        }
    }

    /// What could not be written beside the run is in it.
    fn complete(&self, error: TrainError) -> Failure {
        let weights = self.run.file("weights.npz");
        Failure::from(error)
            .help(&format!("the run is complete: its weights are in {}", weights.display()))
    }

    /// Why the weights are of no use.
    fn diverged(&self, fit: &FitResult) -> Failure {
        let reason = fit
            .stopped_by
            .as_ref()
            .map_or("the loss is no longer a number", |stop| stop.reason.trim());
        let folder = self.run.path().display();
        let place = format!("epoch {}; the history is in {folder}", fit.history.len());
        let mut facts = vec![reason.to_owned()];
        let mut help = vec![
            "lower the learning rate; look for pixels or initial weights that are not finite"
                .to_owned(),
        ];
        if let Ok((Some(good), _)) = self.run.checkpoints().latest() {
            let ((epoch, _), steps) = (good.position(), good.steps_taken());
            facts.push(format!(
                "the last good checkpoint is from epoch {}, after step {steps} of the run",
                (epoch + 1).min(self.config.fit.epochs)
            ));
            help.push(format!(
                "go on from there with half the rate: cnn train --resume {folder} --rate-factor 0.5"
            ));
            if self.config.fit.on_nan.is_stop() {
                help.push("or have that done: on_nan = \"rollback\" in [fit]".to_owned());
            }
        }
        let what = "training diverged: no weights are kept";
        Failure::new(Exit::Diverged, "T011", what, &place, &words(&facts), &words(&help))
    }

    /// The result on stdout.
    fn tell(
        &self,
        trainer: &Trainer,
        fit: &FitResult,
        history: &RunHistory,
        top_k: &[TopKScore],
    ) -> Result<(), Failure> {
        let hash = trainer.weights_hash();
        let test = history.test.unwrap_or(TestScore::without_interval(f64::NAN, f64::NAN));
        let folder = self.run.path().display();
        let seed = self.config.fit.seed;
        if self.args.format == Format::Json {
            let event = json!({
                "event": "end", "epochs": fit.history.len(), "test": test, "top_k": top_k,
                "validation": history.validation(), "train": history.train, "penalty": history.penalty,
                "stopped_by": fit.stopped_by.as_ref().map(|stop| &stop.by), "weights_hash": hash, "seed": seed,
                "seconds": fit.seconds, "images_per_second": fit.mean_images_per_second(),
                "run_dir": folder.to_string(),
            });
            return output::result(&format!("{event}\n"));
        }
        let stopped = match &fit.stopped_by {
            // The bar shows it otherwise.
            Some(stop) if self.args.verbose == 0 || self.on_screen => format!("{}\n", stop.reason),
            _ => String::new(),
        };
        let measured = measured(history);
        let restored = fit.restored.as_ref().map_or(String::new(), |what| format!("{what}\n"));
        output::result(&format!(
            "{stopped}{restored}Test loss: {:.4} - test accuracy: {}\n{}{measured}Run folder: {folder}\n  seed {seed}, weights {hash}\n",
            test.loss,
            test.accuracy_text(),
            evaluate::top_k(top_k)
        ))
    }
}

fn words(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// What was measured beside the test, and how much of the losses are penalties.
fn measured(history: &RunHistory) -> String {
    let line = |what: &str, score: Option<TestScore>| {
        score.map_or(String::new(), |score| {
            format!("{what}: loss: {:.4} - accuracy: {}\n", score.loss, score.accuracy_text())
        })
    };
    let validation = line("Validation images, last epoch", history.validation());
    let train = line("Training images, measured the same way", history.train);
    if history.penalty > 0.0 {
        let loss = if history.train.is_some() { "each loss" } else { "the loss" };
        let penalty = format!("  {loss} has {:.4} of penalties in it\n", history.penalty);
        return train + &penalty + &validation;
    }
    train + &validation
}

/// A run's learning curves, as pictures in its folder.
pub(crate) fn draw_curves(
    run: &RunDir,
    title: &str,
    data: &str,
    history: &RunHistory,
) -> Result<(), TrainError> {
    let subtitle = history.test.map_or_else(
        || data.to_owned(),
        |test| {
            format!("{data} · test accuracy {}, test loss {:.4}", test.accuracy_text(), test.loss)
        },
    );
    let (loss, accuracy, measured) = history.training_curves();
    let scene = learning_curves(&LearningCurves {
        title,
        subtitle: &subtitle,
        loss,
        val_loss: history.get("val_loss"),
        accuracy,
        val_accuracy: history.accuracy("val_"),
        measured,
    });
    run.write("curves.svg", scene.to_svg().as_bytes())?;
    let png = scene
        .to_png(files::PNG_SCALE)
        .map_err(|error| TrainError::Internal { message: error.to_string() })?;
    run.write("curves.png", &png)
}
