//! Doing what the callbacks asked for: the only place where training acts on their wishes.

use super::Run;
use crate::error::TrainError;
use crate::model_file::{ModelFile, Preprocessing};
use crate::trainer::Trainer;
use crate::weights::{check_finite, write_npz};
use cnn_callbacks::{Content, Ending, Save};

impl Run<'_> {
    /// Does what the callbacks asked for, apart from stopping: passes their messages on, saves, then sets and restores, so
    /// that what is saved are the weights of the event that they answered.
    pub(super) fn apply(&mut self, trainer: &mut Trainer) {
        self.waited += self.control.take_waited();
        for message in self.control.take_messages() {
            for callback in self.callbacks.iter_mut() {
                callback.on_message(&message);
            }
        }
        for save in self.control.take_saves() {
            // Of a run that diverged no weights are kept, be they numbers still.
            if self.control.stopped_by().is_some_and(|stop| stop.ending == Ending::Diverged) {
                continue;
            }
            match self.save(trainer, &save) {
                Ok(()) => {}
                // Training is about to go back.
                Err(TrainError::NotFinite { .. }) if !trainer.fit.on_nan.is_stop() => {}
                Err(error @ TrainError::NotFinite { .. }) => {
                    let reason = format!("{} was not saved: {error}", save.path.display());
                    self.control.diverged(&save.by, reason);
                }
                Err(error) => self.control.fail(&save.by, error.to_string()),
            }
        }
        if let Some(learning_rate) = self.control.take_learning_rate() {
            trainer.learning_rate = learning_rate;
        }
        if let Some(restore) = self.control.take_restore()
            && restore.weights.len() == trainer.weights.len()
        {
            trainer.weights.copy_from_slice(&restore.weights);
            self.restored = Some(restore.reason);
            self.measured = None;
        }
    }

    /// Writes the model as it is, whole or not at all. A file that this run has written may always be replaced.
    fn save(&mut self, trainer: &Trainer, save: &Save) -> Result<(), TrainError> {
        let replace = save.replace || self.saved.contains(&save.path);
        let weights = trainer.shown_weights();
        match save.content {
            Content::Model => {
                let preprocessing = Preprocessing::bytes(self.train.shape());
                let (config, names) = (trainer.config(), trainer.class_names());
                ModelFile::new(&config, &trainer.model, weights, &names, preprocessing)?
                    .save(&save.path, replace)?;
            }
            Content::Weights => {
                check_finite(&trainer.model, weights)?;
                write_npz(&save.path, &trainer.model, weights, replace)?;
            }
        }
        self.saved.insert(save.path.clone());
        Ok(())
    }
}
