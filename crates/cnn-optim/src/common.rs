//! What every optimizer takes beside its own settings: decay, clipping, learning rates by name, averages of the weights.

use crate::number::{check, not_negative};
use crate::schedules::LearningRate;
use crate::variable::nearest;
use crate::{OptimError, PARAMETER_NAMES, Variable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keras's `ema_momentum`.
pub(crate) const EMA_MOMENTUM: f64 = 0.99;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
pub(crate) fn is_usual_momentum(momentum: &f64) -> bool {
    *momentum == EMA_MOMENTUM
}

/// The keys that all optimizers have, from one of their specs.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// Keras name of the optimizer.
    pub(crate) name: &'static str,
    pub(crate) learning_rate: LearningRate,
    pub(crate) weight_decay: Option<f64>,
    pub(crate) exclude_from_weight_decay: Vec<String>,
    pub(crate) learning_rate_multipliers: BTreeMap<String, f64>,
    pub(crate) clipnorm: Option<f64>,
    pub(crate) clipvalue: Option<f64>,
    pub(crate) global_clipnorm: Option<f64>,
    pub(crate) use_ema: bool,
    pub(crate) ema_momentum: f64,
    pub(crate) ema_overwrite_frequency: Option<u64>,
    pub(crate) lookahead: Option<Lookahead>,
}

/// Two sets of weights: the optimizer moves the fast ones, and every few steps both go a share of that way.
///
/// Every `sync_period` steps `slow ← slow + slow_step_size·(fast − slow)`, then `fast ← slow`; the slow ones begin as the weights before the first
/// step. **Source**: Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back" (2019). Not in Keras; the names and defaults are
/// TensorFlow Addons'.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lookahead {
    /// Steps of the fast weights between two of the slow ones. Default 6, ≥ 1.
    pub sync_period: u64,
    /// Share of the way that the slow weights go. No unit. Default 0.5, in (0, 1\].
    pub slow_step_size: f64,
}

impl Default for Lookahead {
    fn default() -> Self {
        Self { sync_period: 6, slow_step_size: 0.5 }
    }
}

/// What a gradient is cut to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clip {
    None,
    /// Each number.
    Value(f32),
    /// Each variable's norm.
    Norm(f64),
    /// The norm of all variables together.
    GlobalNorm(f64),
}

/// A range of the parameters that is updated in the same way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// The first parameter after it; it begins where the one before ends.
    pub(crate) end: usize,
    /// Share of a weight that is taken away in a step, times the learning rate.
    pub(crate) decay: f32,
    /// Of the learning rate.
    pub(crate) multiplier: f32,
    /// Rows and columns, where it is one matrix that is updated as such.
    pub(crate) matrix: Option<[usize; 2]>,
}

impl Common {
    /// What is cut, one way at most.
    pub(crate) fn clip(&self) -> Result<Clip, OptimError> {
        let given = [
            ("clipnorm", self.clipnorm),
            ("clipvalue", self.clipvalue),
            ("global_clipnorm", self.global_clipnorm),
        ];
        let mut given = given.into_iter().filter_map(|(key, limit)| Some((key, limit?)));
        let Some((key, limit)) = given.next() else { return Ok(Clip::None) };
        if let Some((key, _)) = given.next() {
            return Err(OptimError::Conflict {
                optimizer: self.name,
                key,
                problem: "cannot be combined with another way of clipping",
                hint: "keep one of `clipnorm`, `clipvalue` and `global_clipnorm`",
            });
        }
        let sound = limit as f32 > 0.0 && (limit as f32).is_finite();
        let limit32 = check(sound, self.name, key, "greater than 0", limit, "1.0 is usual")?;
        Ok(match key {
            "clipvalue" => Clip::Value(limit32),
            "clipnorm" => Clip::Norm(limit),
            _ => Clip::GlobalNorm(limit),
        })
    }

    /// Checks what [`Self::clip`] does not look at.
    pub(crate) fn check(&self) -> Result<(), OptimError> {
        self.learning_rate.check(self.name)?;
        if let Some(decay) = self.weight_decay {
            not_negative(self.name, "weight_decay", decay, "Keras's AdamW has 0.004")?;
        } else if !self.exclude_from_weight_decay.is_empty() {
            return Err(OptimError::Conflict {
                optimizer: self.name,
                key: "exclude_from_weight_decay",
                problem: "has no effect without `weight_decay`",
                hint: "set `weight_decay = 0.004`, or leave it out",
            });
        }
        for &multiplier in self.learning_rate_multipliers.values() {
            let hint = "1.0 leaves the rate, 0.0 keeps the weights as they are";
            not_negative(self.name, "learning_rate_multipliers", multiplier, hint)?;
        }
        self.check_averages()
    }

    fn check_averages(&self) -> Result<(), OptimError> {
        let (name, momentum) = (self.name, self.ema_momentum);
        let sound = (0.0..=1.0).contains(&momentum);
        check(sound, name, "ema_momentum", "in [0, 1]", momentum, "Keras's default is 0.99")?;
        let unused = |key| OptimError::Conflict {
            optimizer: name,
            key,
            problem: "has no effect without an average",
            hint: "set `use_ema = true`, or leave it out",
        };
        if !self.use_ema && !is_usual_momentum(&momentum) {
            return Err(unused("ema_momentum"));
        }
        if let Some(every) = self.ema_overwrite_frequency {
            let (sound, hint) = (every > 0, "steps; leave it out to overwrite at the end alone");
            check(sound, name, "ema_overwrite_frequency", "at least 1", every as f64, hint)?;
            if !self.use_ema {
                return Err(unused("ema_overwrite_frequency"));
            }
        }
        if let Some(Lookahead { sync_period, slow_step_size: step }) = self.lookahead {
            let period = sync_period as f64;
            check(sync_period > 0, name, "sync_period", "at least 1", period, "6 is usual")
                .and_then(|_| {
                    let sound = step > 0.0 && step <= 1.0;
                    check(sound, name, "slow_step_size", "in (0, 1]", step, "0.5 is usual")
                })
                .map_err(|error| OptimError::Inside {
                    table: "lookahead",
                    error: Box::new(error),
                })?;
        }
        Ok(())
    }

    /// Refuses words that mean no variable. A list, unlike a table, may have the names of parameters that other models have.
    pub(crate) fn check_words(
        &self,
        excluded_matrices: &[String],
        variables: &[Variable],
    ) -> Result<(), OptimError> {
        let check = |key, at: String, word: &String, usual: &[&str]| {
            let known = variables.is_empty() || variables.iter().any(|it| it.is_meant(word));
            if known || usual.contains(&word.as_str()) {
                return Ok(());
            }
            let names =
                || variables.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
            let hint = match nearest(word, variables, usual) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names()),
            };
            Err(OptimError::NoVariable { optimizer: self.name, key, at, word: word.clone(), hint })
        };
        for word in self.learning_rate_multipliers.keys() {
            check("learning_rate_multipliers", word.clone(), word, &[])?;
        }
        for (key, words) in [
            ("exclude_from_weight_decay", &*self.exclude_from_weight_decay),
            ("exclude_layers", excluded_matrices),
        ] {
            for (i, word) in words.iter().enumerate() {
                check(key, i.to_string(), word, &PARAMETER_NAMES)?;
            }
        }
        Ok(())
    }

    /// How each variable is updated, neighbours that are alike in one. Without variables all are alike, and names choose nothing. `decay` is
    /// told whether it is that of a matrix.
    pub(crate) fn groups(
        &self,
        variables: &[Variable],
        decay: impl Fn(bool) -> Option<f64>,
        matrix: impl Fn(&Variable) -> Option<[usize; 2]>,
    ) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for variable in variables {
            let excluded = |word: &String| variable.is_meant(word);
            let kept = !self.exclude_from_weight_decay.iter().any(excluded);
            let matrix = matrix(variable);
            let decay = decay(matrix.is_some()).filter(|_| kept).unwrap_or(0.0) as f32;
            let meant =
                self.learning_rate_multipliers.iter().filter(|(word, _)| variable.is_meant(word));
            let multiplier = meant.map(|(_, &multiplier)| multiplier).product::<f64>() as f32;
            let group = Group { end: variable.range.end, decay, multiplier, matrix };
            match groups.last_mut() {
                Some(last)
                    if group.matrix.is_none()
                        && *last == (Group { end: last.end, ..group.clone() }) =>
                {
                    last.end = group.end;
                }
                _ => groups.push(group),
            }
        }
        if groups.is_empty() {
            let decay = decay(false).unwrap_or(0.0) as f32;
            groups.push(Group { end: usize::MAX, decay, multiplier: 1.0, matrix: None });
        }
        groups
    }
}
