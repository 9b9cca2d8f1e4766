//! Keeps what every epoch reported: Keras's `history` object.
//!
//! As JSON: `{"history": {"loss": […], …}, "epoch": [0, 1, …], "seconds": […], "params": {"epochs": 5, "steps": 1875}}`. JSON
//! has no NaN and no infinity: they are written as `null`, and `null` reads back as NaN.
//!
//! **Source**: Keras `callbacks/history.py`; `seconds` is ours.

use crate::{Callback, Control, EpochEnd, Memory, Resume, Text, TrainBegin};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What every epoch reported. The trainer keeps one and hands it out when training has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Each metric's values, one per epoch.
    pub history: Columns,
    /// Numbers of the epochs, from 0.
    pub epoch: Vec<usize>,
    /// Seconds that each epoch took, validation included.
    pub seconds: Vec<f64>,
    /// What the run was asked to do.
    pub params: Params,
}

/// What a run was asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// Epochs, unless something stops them.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
}

/// Metrics in the order in which they first appeared, each with a value per epoch; NaN where an epoch lacked it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns(Vec<(String, Vec<f64>)>);

impl Columns {
    /// The values of a metric, one per epoch.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, values)| values)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Adds a metric after the others, or replaces the one of that name.
    pub fn insert(&mut self, name: &str, values: Vec<f64>) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = values,
            None => self.0.push((name.to_owned(), values)),
        }
    }
}

impl History {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The values of a metric, one per epoch.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.history.get(name)
    }

    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.epoch.len()
    }

    /// Whether no epoch has ended.
    pub fn is_empty(&self) -> bool {
        self.epoch.is_empty()
    }
}

impl Callback for History {
    fn name(&self) -> &'static str {
        "History"
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, _control: &mut Control) {
        *self =
            Self { params: Params { epochs: event.epochs, steps: event.steps }, ..Self::default() };
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _control: &mut Control) {
        let before = self.len();
        let columns = &mut self.history.0;
        for (name, value) in event.logs.iter() {
            match columns.iter_mut().find(|(n, _)| n == name) {
                Some((_, values)) => values.push(value),
                None => {
                    columns.push((name.to_owned(), [vec![f64::NAN; before], vec![value]].concat()));
                }
            }
        }
        for (_, values) in columns {
            values.resize(before + 1, f64::NAN);
        }
        self.epoch.push(event.epoch);
        self.seconds.push(event.elapsed);
    }

    fn state(&mut self) -> Result<Memory, String> {
        let memory = Memory::new()
            .counts("epoch", self.epoch.iter().map(|&epoch| epoch as u64))
            .numbers("seconds", self.seconds.iter().copied());
        Ok(kept_columns(&self.history, memory))
    }

    fn on_resume(&mut self, event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        let column = |name: &Text| {
            let values = kept.get_numbers(&format!("column {name}"))?;
            Ok((name.to_string(), values.to_vec()))
        };
        *self = Self {
            history: Columns(
                kept.get_texts("columns")?.iter().map(column).collect::<Result<_, String>>()?,
            ),
            epoch: kept.get_counts("epoch")?.iter().map(|&epoch| epoch as usize).collect(),
            seconds: kept.get_numbers("seconds")?.to_vec(),
            params: Params { epochs: event.begin.epochs, steps: event.begin.steps },
        };
        Ok(())
    }
}

/// Columns are kept as numbers, not as JSON: NaN and infinity too.
fn kept_columns(columns: &Columns, memory: Memory) -> Memory {
    let names = columns.iter().map(|(name, _)| name);
    let memory = memory.texts("columns", names);
    columns.iter().fold(memory, |memory, (name, values)| {
        memory.numbers(&format!("column {name}"), values.iter().copied())
    })
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, values)| {
            let finite: Vec<Option<f64>> =
                values.iter().map(|x| x.is_finite().then_some(*x)).collect();
            (name, finite)
        }))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from metric names to lists of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Vec<Option<f64>>>()? {
                    columns
                        .push((name, values.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()));
                }
                Ok(Columns(columns))
            }
        }

        deserializer.deserialize_map(Map)
    }
}
