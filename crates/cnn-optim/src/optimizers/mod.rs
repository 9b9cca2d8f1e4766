//! The optimizers, one file each. To add one: its file, a `mod` line, and a line in the list below; every test that loops over
//! [`REGISTRY`] then covers it.

mod adagrad;
mod adam;
mod adamw;
mod lion;
mod muon;
mod nadam;
mod rmsprop;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use lion::Lion;
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::RMSprop;
pub use sgd::SGD;

use crate::common::Common;
use crate::schedules::LearningRate;
use crate::{OptimError, Optimizer, Rule, Variable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of optimizer, for documentation and for tests that loop over all of them.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Keras's class name: the `type` in model.toml.
    pub name: &'static str,
    /// The `snake_case` spelling that is accepted as well.
    pub alias: &'static str,
    /// Specs that cover the kind's settings: the defaults first.
    pub examples: fn() -> Vec<OptimizerSpec>,
}

macro_rules! optimizers {
    ($($(#[$doc:meta])* $kind:ident = $alias:literal,)*) => {
        /// An optimizer and its settings, as model.toml has them. The defaults are Keras's; unknown keys are refused.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[schemars(tag = "type")]
        pub enum OptimizerSpec {
            $($(#[$doc])* #[serde(alias = $alias)] #[schemars(extend("alias" = $alias))] $kind($kind),)*
        }

        impl OptimizerSpec {
            /// The learning rate, which every optimizer has.
            pub fn learning_rate(&self) -> &LearningRate {
                match self { $(Self::$kind(spec) => &spec.learning_rate,)* }
            }

            fn common(&self) -> Common {
                match self { $(Self::$kind(spec) => spec.common(),)* }
            }

            /// The update rule of one number, its values checked.
            fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
                match self { $(Self::$kind(spec) => spec.rule(),)* }
            }

            /// Keras's class name, such as `Adam`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)* }
            }
        }

        $(impl From<$kind> for OptimizerSpec {
            fn from(spec: $kind) -> Self {
                Self::$kind(spec)
            }
        })*

        /// Every optimizer there is.
        pub const REGISTRY: &[Kind] = &[$(Kind {
            name: stringify!($kind),
            alias: $alias,
            examples: || $kind::examples().into_iter().map(OptimizerSpec::$kind).collect(),
        },)*];
    };
}

optimizers! {
    /// Gradient descent, with momentum if asked.
    SGD = "sgd",
    /// Adam: each parameter has its own step length.
    Adam = "adam",
    /// Adam with decoupled weight decay.
    AdamW = "adamw",
    /// Adagrad: steps shrink with all that was moved before.
    Adagrad = "adagrad",
    /// Lion: steps of one length, in the momentum's direction.
    Lion = "lion",
    /// Muon: matrices move along an orthogonal direction.
    Muon = "muon",
    /// Nadam: Adam with Nesterov's momentum.
    Nadam = "nadam",
    /// `RMSprop`: gradients divided by their running root mean square.
    RMSprop = "rmsprop",
}

impl OptimizerSpec {
    /// Checks every value and returns the optimizer of these variables, which are in order and leave no gap. Without any, names in the
    /// spec choose nothing.
    pub fn build(&self, variables: &[Variable]) -> Result<Optimizer, OptimError> {
        let matrices = match self {
            Self::Muon(muon) => Some(muon.matrices()?),
            _ => None,
        };
        Optimizer::new(&self.common(), self.rule()?, matrices, variables)
    }

    /// Whether the learning rate changes by itself: then no callback can set it.
    pub fn is_scheduled(&self) -> bool {
        self.learning_rate().is_scheduled()
    }

    /// Whether a running mean of the weights is kept (`use_ema`).
    pub fn keeps_average(&self) -> bool {
        self.common().use_ema
    }
}

impl Default for OptimizerSpec {
    /// Adam with Keras's defaults, the course's choice.
    fn default() -> Self {
        Self::Adam(Adam::default())
    }
}
