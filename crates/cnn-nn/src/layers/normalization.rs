//! What the normalising layers share: their keys' defaults and checks, and their parameters.

use super::bad_key;
use crate::initializer::Initializer;
use crate::layer::{BuildError, ParamSpec};

/// Keras's ε.
pub(super) fn epsilon() -> f32 {
    1e-3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
pub(super) fn is_epsilon(value: &f32) -> bool {
    value.to_bits() == epsilon().to_bits()
}

/// Refuses what cannot be added to a variance.
pub(super) fn check_epsilon(epsilon: f32) -> Result<(), BuildError> {
    if epsilon.is_finite() && epsilon > 0.0 {
        return Ok(());
    }
    let message = format!("epsilon must be above 0 and finite, got {epsilon}");
    Err(bad_key("epsilon", "M037", message, "epsilon = 0.001 is Keras's"))
}

/// gamma and beta for so many channels, 1 and 0 at first. `[scale, center]` says which of them there are.
pub(super) fn gamma_and_beta(channels: usize, [scale, center]: [bool; 2]) -> Vec<ParamSpec> {
    let parameter =
        |name, start| ParamSpec::new(name, vec![channels], Initializer::Constant(start));
    let gamma = scale.then(|| parameter("gamma", 1.0));
    let beta = center.then(|| parameter("beta", 0.0));
    gamma.into_iter().chain(beta).collect()
}
