//! What a callback knows, as plain data: enough to go on where training was interrupted.

use crate::text_value::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a callback knows, by name: whole numbers, numbers, texts and weights. Every bit of a number is kept, NaN included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    counts: BTreeMap<Text, Vec<u64>>,
    numbers: BTreeMap<Text, Vec<f64>>,
    texts: BTreeMap<Text, Vec<Text>>,
    weights: BTreeMap<Text, Vec<f32>>,
}

impl Memory {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
            && self.numbers.is_empty()
            && self.texts.is_empty()
            && self.weights.is_empty()
    }

    /// Also whole numbers.
    #[must_use]
    pub fn counts(mut self, name: &str, values: impl IntoIterator<Item = u64>) -> Self {
        self.counts.insert(name.into(), values.into_iter().collect());
        self
    }

    /// Also numbers.
    #[must_use]
    pub fn numbers(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.numbers.insert(name.into(), values.into_iter().collect());
        self
    }

    /// Also texts.
    #[must_use]
    pub fn texts<S: Into<Text>>(mut self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.texts.insert(name.into(), values.into_iter().map(Into::into).collect());
        self
    }

    /// Also weights.
    #[must_use]
    pub fn weights(mut self, name: &str, values: &[f32]) -> Self {
        self.weights.insert(name.into(), values.to_vec());
        self
    }

    /// Whole numbers that were kept.
    ///
    /// # Errors
    /// There are none of that name.
    pub fn get_counts(&self, name: &str) -> Result<&[u64], String> {
        found(&self.counts, name)
    }

    /// Numbers that were kept.
    ///
    /// # Errors
    /// There are none of that name.
    pub fn get_numbers(&self, name: &str) -> Result<&[f64], String> {
        found(&self.numbers, name)
    }

    /// Texts that were kept.
    ///
    /// # Errors
    /// There are none of that name.
    pub fn get_texts(&self, name: &str) -> Result<&[Text], String> {
        found(&self.texts, name)
    }

    /// Weights that were kept.
    ///
    /// # Errors
    /// There are none of that name.
    pub fn get_weights(&self, name: &str) -> Result<&[f32], String> {
        found(&self.weights, name)
    }

    /// One whole number that was kept.
    ///
    /// # Errors
    /// There is not one of that name.
    pub fn count(&self, name: &str) -> Result<u64, String> {
        match self.get_counts(name)? {
            [value] => Ok(*value),
            _ => Err(missing(name)),
        }
    }
}

fn found<'a, T>(kept: &'a BTreeMap<Text, Vec<T>>, name: &str) -> Result<&'a [T], String> {
    kept.get(name).map(Vec::as_slice).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> String {
    format!("`{name}` is not in what was kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_what_is_not_is_an_error() {
        let memory = Memory::new()
            .counts("wait", [3])
            .numbers("best", [f64::NAN])
            .texts("files", ["a"])
            .weights("best", &[1.5]);
        assert_eq!((memory.count("wait"), memory.get_weights("best")), (Ok(3), Ok(&[1.5][..])));
        assert_eq!(memory.get_numbers("best").unwrap()[0].to_bits(), f64::NAN.to_bits());
        assert_eq!(memory.get_texts("files").unwrap(), [Text::from("a")]);
        assert!(memory.get_counts("best").is_err() && memory.count("files").is_err());
        assert!(Memory::new().is_empty() && !memory.is_empty());
    }
}
