//! Right answers by class.

/// How many samples of each class there were, and how many of them were answered rightly. Empty where nobody counts.
///
/// With mixup and cutmix a sample belongs to the class that has the larger share of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerClass<'a> {
    /// Right answers by class.
    pub correct: &'a [u64],
    /// Samples by class; as long as `correct`.
    pub samples: &'a [u64],
}

impl PerClass<'_> {
    /// Number of classes.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether nobody counts.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Share of right answers among the samples of a class, 0 to 1; `None` for a class without samples.
    pub fn accuracy(&self, class: usize) -> Option<f64> {
        let (correct, samples) = (*self.correct.get(class)?, *self.samples.get(class)?);
        (samples > 0).then(|| correct as f64 / samples as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::PerClass;

    #[test]
    fn a_class_without_samples_has_no_accuracy() {
        let counts = PerClass { correct: &[3, 0, 0], samples: &[4, 2, 0] };
        let all: Vec<_> = (0..4).map(|class| counts.accuracy(class)).collect();
        assert_eq!(all, [Some(0.75), Some(0.0), None, None]);
        assert_eq!((counts.len(), PerClass::default().is_empty()), (3, true));
    }
}
