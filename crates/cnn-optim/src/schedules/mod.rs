//! Learning rates that change while training goes on, by Keras's names, one file for each family.
//!
//! In model.toml the learning rate is a number, or a table whose `type` names the schedule:
//!
//! ```toml
//! [compile]
//! optimizer = { type = "SGD", learning_rate = { type = "CosineDecay", initial_learning_rate = 0.0, warmup_target = 0.1, warmup_epochs = 1 } }
//! ```
//! Keras counts lengths in optimizer steps. Here each length may also be given in epochs (`decay_epochs` in place of
//! `decay_steps`), and some are the whole fit where neither is given: that becomes steps once the size of the fit is known ([`FitLength`]). A schedule
//! is a pure function of the number of updates before: the first has step 0.
//!
//! Rates are computed in f64 and rounded once; Keras computes them in float32, so its last digit may be another.

mod cosine;
mod decay;
mod length;
mod one_cycle;
mod read;

pub use cosine::{CosineDecay, CosineDecayRestarts};
pub use decay::{ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay};
pub use length::FitLength;
pub use one_cycle::{Anneal, OneCycle};

use crate::OptimError;
use crate::number::learning_rate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! schedules {
    ($($(#[$doc:meta])* $kind:ident = $alias:literal,)*) => {
        /// A schedule and its settings, as model.toml has them; unknown keys are refused.
        #[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
        #[schemars(tag = "type")]
        pub enum ScheduleSpec {
            $($(#[$doc])* #[schemars(extend("alias" = $alias))] $kind($kind),)*
        }

        /// What `type` may say.
        #[derive(Clone, Copy, Deserialize)]
        enum Type {
            $(#[serde(alias = $alias)] $kind,)*
        }

        impl ScheduleSpec {
            /// Reads the settings of this type.
            fn read<'de, D: serde::Deserializer<'de>>(kind: Type, table: D) -> Result<Self, D::Error> {
                match kind { $(Type::$kind => $kind::deserialize(table).map(Self::$kind),)* }
            }

            /// Keras's class name, such as `CosineDecay`; `OneCycle` is not in Keras.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)* }
            }

            /// Specs that cover the settings of every schedule there is.
            pub fn examples() -> Vec<Self> {
                let mut all = Vec::new();
                $(all.extend($kind::examples().into_iter().map(Self::$kind));)*
                all
            }

            fn rule(&self) -> &dyn Rule {
                match self { $(Self::$kind(spec) => spec,)* }
            }
        }

        $(impl From<$kind> for LearningRate {
            fn from(spec: $kind) -> Self {
                Self::Schedule(ScheduleSpec::$kind(spec))
            }
        })*
    };
}

schedules! {
    /// Multiplied by a constant every so many steps.
    ExponentialDecay = "exponential_decay",
    /// One value after the other.
    PiecewiseConstantDecay = "piecewise_constant_decay",
    /// Down to an end, along a power.
    PolynomialDecay = "polynomial_decay",
    /// Divided by a sum that grows with the steps.
    InverseTimeDecay = "inverse_time_decay",
    /// Half a cosine wave, after a warmup if asked.
    CosineDecay = "cosine_decay",
    /// Half cosine waves, one after the other.
    CosineDecayRestarts = "cosine_decay_restarts",
    /// Up, and then down to far below the beginning.
    OneCycle = "one_cycle",
}

/// What each schedule answers.
trait Rule {
    /// Finds what does not work.
    fn check(&self) -> Result<(), OptimError>;

    /// The rate of the update before which `step` others were made; `step` is whole.
    fn rate(&self, step: f64, fit: FitLength) -> f64;

    /// The largest rate of a usual course: what a constant one is compared with.
    fn peak(&self) -> f64;
}

/// A learning rate as model.toml has it: a number, or a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum LearningRate {
    /// The same in every step; finite, ≥ 0.
    Constant(f64),
    /// A function of the step.
    Schedule(ScheduleSpec),
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        Self::Constant(rate)
    }
}

impl LearningRate {
    /// Whether it changes by itself. A callback that sets the rate does not go together with that.
    pub fn is_scheduled(&self) -> bool {
        matches!(self, Self::Schedule(_))
    }

    /// What moves it: the schedule's name, `constant` where nothing does.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant(_) => "constant",
            Self::Schedule(spec) => spec.name(),
        }
    }

    /// The number, or the largest rate of the schedule (of its first period, where later ones grow).
    pub fn peak(&self) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Schedule(spec) => spec.rule().peak(),
        }
    }

    /// Checks every value.
    pub(crate) fn check(&self, optimizer: &'static str) -> Result<(), OptimError> {
        match self {
            Self::Constant(rate) => {
                let hint = if optimizer == "SGD" { "Keras's default is 0.01" } else { DEFAULT };
                learning_rate(optimizer, *rate, hint).map(|_| ())
            }
            Self::Schedule(spec) => spec.rule().check().map_err(|error| {
                let table = "learning_rate";
                OptimError::Inside { table, error: Box::new(error) }
            }),
        }
    }

    /// The rates of a fit of this length. The spec must be sound ([`crate::OptimizerSpec::build`]).
    pub fn over(&self, fit: FitLength) -> Schedule {
        Schedule { of: self.clone(), fit }
    }
}

const DEFAULT: &str = "Keras's default is 0.001";

/// The rates of one fit: a pure function of the step.
///
/// ```
/// use cnn_optim::schedules::{FitLength, LearningRate, ScheduleSpec, CosineDecay};
///
/// let cosine = CosineDecay { initial_learning_rate: 0.1, ..CosineDecay::examples()[0].clone() };
/// let fit = FitLength { epochs: 2, steps_per_epoch: 50 };
/// let rates = LearningRate::Schedule(ScheduleSpec::CosineDecay(cosine)).over(fit);
/// assert_eq!([rates.at(0), rates.at(50), rates.at(100)], [0.1, 0.05, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    of: LearningRate,
    fit: FitLength,
}

impl Schedule {
    /// The rate of the update before which `step` others were made.
    pub fn at(&self, step: u64) -> f32 {
        match &self.of {
            LearningRate::Constant(rate) => *rate as f32,
            LearningRate::Schedule(spec) => spec.rule().rate(step as f64, self.fit) as f32,
        }
    }
}
