//! What a batch or a data set adds up to.

/// Top-k metrics, at most.
pub const MAX_TOP_K: usize = 4;

/// Sums over the samples of a batch or a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatchMetrics {
    /// Sum of the samples' losses, without penalties.
    pub loss_sum: f64,
    /// The penalty of regularised weights times the samples, and that of regularised outputs; 0 for a model without regularisers.
    pub penalty_sum: f64,
    /// Right answers.
    pub correct: usize,
    /// Samples whose class is among the first k answers, for each k that the loss was told to count.
    pub in_top: [usize; MAX_TOP_K],
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

    /// Share of samples whose class is among the first k answers, for the `i`-th k.
    pub fn top_accuracy(&self, i: usize) -> f64 {
        self.in_top[i] as f64 / self.count as f64
    }

    /// Adds another batch's sums.
    pub fn add(&mut self, other: &Self) {
        self.loss_sum += other.loss_sum;
        self.penalty_sum += other.penalty_sum;
        self.correct += other.correct;
        for (sum, n) in self.in_top.iter_mut().zip(&other.in_top) {
            *sum += n;
        }
        self.count += other.count;
    }
}

/// Samples of each class, and how many of them were answered rightly. Memory is fixed by the number of classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Right answers by class.
    pub correct: Vec<u64>,
    /// Samples by class.
    pub samples: Vec<u64>,
}

impl ClassCounts {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        Self { correct: vec![0; classes], samples: vec![0; classes] }
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.correct.fill(0);
        self.samples.fill(0);
    }

    /// Counts one sample.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn count(&mut self, class: usize, correct: bool) {
        self.samples[class] += 1;
        self.correct[class] += u64::from(correct);
    }

    /// Replaces what was counted by another count of the same classes, in the same memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.clear();
        self.add(other);
    }

    /// Adds another count of the same classes.
    pub fn add(&mut self, other: &Self) {
        for (sum, n) in self.correct.iter_mut().zip(&other.correct) {
            *sum += n;
        }
        for (sum, n) in self.samples.iter_mut().zip(&other.samples) {
            *sum += n;
        }
    }
}
