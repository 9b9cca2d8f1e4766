//! What the logs of an epoch's end hold.

use super::Run;
use crate::history::TestScore;
use crate::metrics::set_logs;
use crate::trainer::Trainer;
use cnn_callbacks::LEARNING_RATE;
use cnn_nn::engine::BatchMetrics;

impl Run<'_> {
    /// Measures what is to be measured after an epoch whose batches add up to `total`, and fills in its logs.
    pub(super) fn measure(&mut self, trainer: &mut Trainer, total: &BatchMetrics) {
        let sources = &self.plan.sources;
        let (of_training, mut of_validation) = self.plan.metrics.split_at(sources.len());
        set_logs(&mut self.epoch_logs, of_training, sources, total);
        if !self.measured_images.is_empty() {
            let of_measured;
            (of_measured, of_validation) = of_validation.split_at(sources.len());
            let measured = trainer.measure(self.train, &self.measured_images);
            set_logs(&mut self.epoch_logs, of_measured, sources, &measured);
            self.counts.measured.copy_from(trainer.engine.class_counts());
            self.measured = Some(measured);
        }
        if let Some((split, indices)) = &self.validation {
            let measured = trainer.measure(split, indices);
            set_logs(&mut self.epoch_logs, of_validation, sources, &measured);
            self.counts.validation.copy_from(trainer.engine.class_counts());
        }
        if let Some((split, indices)) = &self.test {
            self.test_record.push(score(&trainer.measure(split, indices)));
        }
        if self.plan.reports_rate {
            self.epoch_logs.set(LEARNING_RATE, f64::from(trainer.effective_rate()));
        }
    }
}

/// Loss and accuracy of what was measured.
pub(crate) fn score(measured: &BatchMetrics) -> TestScore {
    TestScore::new(measured.loss(), measured.correct as u64, measured.count as u64)
}
