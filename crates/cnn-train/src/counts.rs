//! Right answers by class over an epoch, as events carry them.

use cnn_callbacks::PerClass;
use cnn_nn::engine::ClassCounts;

/// Right answers by class in one epoch. The memory is made once.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Of the training images as they come.
    pub(crate) training: ClassCounts,
    /// Of the training images, measured after the epoch.
    pub(crate) measured: ClassCounts,
    /// Of the validation images.
    pub(crate) validation: ClassCounts,
}

impl Counts {
    /// Nothing counted yet.
    pub(crate) fn new(classes: usize) -> Self {
        let none = ClassCounts::new(classes);
        Self { training: none.clone(), measured: none.clone(), validation: none }
    }
}

/// As events carry them.
pub(crate) fn per_class(counts: &ClassCounts) -> PerClass<'_> {
    PerClass { correct: &counts.correct, samples: &counts.samples }
}
