//! What all optimizers' settings have in common: written once, flat in each of them.

/// An optimizer's settings with Keras's defaults: its own keys and those that all have.
macro_rules! optimizer {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(#[$rate_doc:meta])*
            learning_rate = $rate:expr,
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(#[$rate_doc])*
            pub learning_rate: $crate::schedules::LearningRate,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { learning_rate: $crate::schedules::LearningRate::Constant($rate), $($field: $default,)* }
            }
        }
    };
}

pub(crate) use optimizer;
