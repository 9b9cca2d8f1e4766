//! What a batch or a data set adds up to.

/// Sums over the samples of a batch or a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatchMetrics {
    /// Sum of the samples' losses, without penalties.
    pub loss_sum: f64,
    /// The penalty of regularised weights, times the samples; 0 for a model without regularisers.
    pub penalty_sum: f64,
    /// Right answers.
    pub correct: usize,
    /// Samples.
    pub count: usize,
}

impl BatchMetrics {
    /// Mean loss, the penalty of regularised weights included: what training minimises, and what Keras reports.
    pub fn loss(&self) -> f64 {
        (self.loss_sum + self.penalty_sum) / self.count as f64
    }

    /// Mean loss of the samples alone, without penalties.
    pub fn data_loss(&self) -> f64 {
        self.loss_sum / self.count as f64
    }

    /// The penalty of regularised weights; over several batches, its mean weighted by their sizes.
    pub fn penalty(&self) -> f64 {
        self.penalty_sum / self.count as f64
    }

    /// Share of right answers.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.count as f64
    }

    /// Adds another batch's sums.
    pub fn add(&mut self, other: &Self) {
        self.loss_sum += other.loss_sum;
        self.penalty_sum += other.penalty_sum;
        self.correct += other.correct;
        self.count += other.count;
    }
}
