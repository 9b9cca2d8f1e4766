//! What all optimizers' settings have in common: written once, flat in each of them.

/// An optimizer's settings with Keras's defaults: its own keys, then those that all have ([`crate::common::Common`]).
macro_rules! optimizer {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(#[$rate_doc:meta])*
            learning_rate = $rate:expr,
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
        weight_decay = $decay:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(#[$rate_doc])*
            pub learning_rate: $crate::schedules::LearningRate,
            $($(#[$field_doc])* pub $field: $type,)*
            /// Share of each weight that is taken away in a step, times the learning rate, before the step and past its averages. Finite,
            /// ≥ 0. Default none, but 0.004 for `AdamW` and `Muon`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub weight_decay: Option<f64>,
            /// Parameters without decay, such as `["bias", "gamma", "dense_1", "residual/conv2d"]`: by a part of their own name, or by their
            /// whole name or whole parts from its beginning. Default none. Keras looks at the parameter's own name alone.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub exclude_from_weight_decay: Vec<String>,
            /// The learning rate of some parameters over that of the others, named as in `exclude_from_weight_decay`: `{ bias = 2.0, conv2d =
            /// 0.1 }`; where two mean the same parameter, their product. It also counts for the decay. Finite, ≥ 0; 0 keeps weights as they
            /// are. Default none. Not in Keras; PyTorch's parameter groups.
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            pub learning_rate_multipliers: std::collections::BTreeMap<String, f64>,
            /// Largest norm of each variable's gradient; a longer one is shortened. Default none, > 0. One way of clipping at most.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub clipnorm: Option<f64>,
            /// Largest size of each number of the gradient. Default none, > 0.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub clipvalue: Option<f64>,
            /// Largest norm of all gradients together. Default none, > 0.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub global_clipnorm: Option<f64>,
            /// Whether a running mean of the weights is kept, which they become at the end of training. Default false.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            pub use_ema: bool,
            /// Share of the mean that is kept in a step; the first step copies the weights. No unit. Default 0.99, in \[0, 1\]; needs `use_ema`.
            #[serde(skip_serializing_if = "crate::common::is_usual_momentum")]
            pub ema_momentum: f64,
            /// Steps after each of which the weights become the mean. Default none: at the end alone. ≥ 1; needs `use_ema`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub ema_overwrite_frequency: Option<u64>,
            /// Slow weights that follow every few steps. Default none; `{}` is `{ sync_period = 6, slow_step_size = 0.5 }`: steps between two moves
            /// of the slow weights, ≥ 1, and the share of the way that they go, in (0, 1\].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub lookahead: Option<$crate::Lookahead>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    learning_rate: $crate::schedules::LearningRate::Constant($rate),
                    $($field: $default,)*
                    weight_decay: $decay,
                    exclude_from_weight_decay: Vec::new(),
                    learning_rate_multipliers: std::collections::BTreeMap::new(),
                    clipnorm: None,
                    clipvalue: None,
                    global_clipnorm: None,
                    use_ema: false,
                    ema_momentum: $crate::common::EMA_MOMENTUM,
                    ema_overwrite_frequency: None,
                    lookahead: None,
                }
            }
        }

        impl $name {
            /// This learning rate (a number, or a schedule), and Keras's values for all other keys.
            pub fn new(learning_rate: impl Into<$crate::schedules::LearningRate>) -> Self {
                Self { learning_rate: learning_rate.into(), ..Self::default() }
            }

            /// The keys that every optimizer has.
            pub(crate) fn common(&self) -> $crate::common::Common {
                $crate::common::Common {
                    name: stringify!($name),
                    learning_rate: self.learning_rate.clone(),
                    weight_decay: self.weight_decay,
                    exclude_from_weight_decay: self.exclude_from_weight_decay.clone(),
                    learning_rate_multipliers: self.learning_rate_multipliers.clone(),
                    clipnorm: self.clipnorm,
                    clipvalue: self.clipvalue,
                    global_clipnorm: self.global_clipnorm,
                    use_ema: self.use_ema,
                    ema_momentum: self.ema_momentum,
                    ema_overwrite_frequency: self.ema_overwrite_frequency,
                    lookahead: self.lookahead,
                }
            }
        }
    };
}

pub(crate) use optimizer;
