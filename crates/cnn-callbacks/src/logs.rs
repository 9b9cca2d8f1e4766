//! Named numbers of a batch or an epoch.

/// Under which name the logs of an epoch's end hold the learning rate, where a callback wants it there
/// ([`crate::Callback::reports_learning_rate`]).
pub const LEARNING_RATE: &str = "learning_rate";

/// Metric values by name, in the order in which they were first set: `loss`, `accuracy`, `val_loss`, …
///
/// Setting a name again replaces its value in place and allocates nothing, so one `Logs` serves a whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    entries: Vec<(String, f64)>,
}

impl Logs {
    /// No metrics yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a metric's value.
    pub fn set(&mut self, name: &str, value: f64) {
        match self.entries.iter_mut().find(|(n, _)| n == name) {
            Some((_, v)) => *v = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    /// A metric's value, if it is there.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries.iter().map(|(n, v)| (n.as_str(), *v))
    }

    /// The i-th metric.
    pub(crate) fn entry(&self, i: usize) -> (&str, f64) {
        (&self.entries[i].0, self.entries[i].1)
    }

    /// Number of metrics.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no metric.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all metrics.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<S: Into<String>> FromIterator<(S, f64)> for Logs {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(entries: I) -> Self {
        let mut logs = Self::new();
        for (name, value) in entries {
            logs.set(&name.into(), value);
        }
        logs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_place() {
        let mut logs: Logs = [("loss", 1.0), ("accuracy", 0.5)].into_iter().collect();
        logs.set("loss", 0.25);
        assert_eq!(logs.iter().collect::<Vec<_>>(), [("loss", 0.25), ("accuracy", 0.5)]);
        assert_eq!((logs.get("loss"), logs.get("acc"), logs.len()), (Some(0.25), None, 2));
    }
}
