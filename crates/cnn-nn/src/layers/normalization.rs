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

/// Keras's way for gamma to begin.
pub(super) fn ones() -> Initializer {
    Initializer::ONES
}

/// gamma and beta for so many channels. `[scale, center]` says which of them there are, `initializers` how they begin.
///
/// # Errors
/// An initializer that makes no numbers, or one of a parameter that there is not.
pub(super) fn gamma_and_beta(
    channels: usize,
    [scale, center]: [bool; 2],
    [gamma, beta]: [Initializer; 2],
) -> Result<Vec<ParamSpec>, BuildError> {
    let mut params = Vec::with_capacity(2);
    for (name, key, switch, there, initializer, usual) in [
        ("gamma", "gamma_initializer", "scale", scale, gamma, Initializer::ONES),
        ("beta", "beta_initializer", "center", center, beta, Initializer::ZEROS),
    ] {
        if there {
            params.push(ParamSpec::new(name, vec![channels], initializer.checked(key)?));
        } else if initializer != usual {
            let message = format!("{key} is given, but {switch} = false: there is no {name}");
            let hint = format!("drop {key}, or {switch} = false");
            return Err(bad_key(key, "M037", message, hint));
        }
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{
        BatchNormalization, Conv2D, GroupNormalization, LayerNormalization, LayerSpec, Residual,
    };
    use crate::model::ModelSpec;

    /// A block that passes its input on until gamma has learned something.
    #[test]
    fn a_residual_block_may_begin_as_the_identity() {
        let zero = Initializer::ZEROS;
        let norms: [LayerSpec; 3] = [
            BatchNormalization { gamma_initializer: zero, ..Default::default() }.into(),
            LayerNormalization { gamma_initializer: zero, ..Default::default() }.into(),
            GroupNormalization { gamma_initializer: zero, groups: 2, ..Default::default() }.into(),
        ];
        for norm in norms {
            let padding = cnn_tensor::Padding::Same;
            let conv = LayerSpec::from(Conv2D { padding, ..Conv2D::new(4, 3) });
            let block = Residual { layers: vec![conv, norm.clone()], ..Residual::default() };
            let model = ModelSpec::new([5, 5, 4], [block.into()]).build().unwrap();
            let (weights, zeros) = (model.initial_weights(3), [0.0; 4]);
            let of = |name: &str| {
                let param = model.params().find(|param| param.name.ends_with(name)).unwrap();
                &weights[param.range.clone()]
            };
            assert_eq!((of("gamma"), of("beta")), (&zeros[..], &zeros[..]), "{norm:?}");
            assert!(of("kernel").iter().all(|w| *w != 0.0), "{norm:?}");
        }
    }

    #[test]
    fn mistakes_name_their_key() {
        let bad = |norm: BatchNormalization| {
            let error = LayerSpec::from(norm).build(&cnn_tensor::Shape::new([3])).unwrap_err();
            (error.key, error.code)
        };
        let good = BatchNormalization::default;
        let twos = Initializer::Constant(2.0);
        let wrong = bad(BatchNormalization { gamma_initializer: twos, scale: false, ..good() });
        assert_eq!(wrong, (Some("gamma_initializer"), "M037"));
        let wrong = bad(BatchNormalization { beta_initializer: twos, center: false, ..good() });
        assert_eq!(wrong, (Some("beta_initializer"), "M037"));
        let nan = Initializer::Constant(f32::NAN);
        let wrong = bad(BatchNormalization { beta_initializer: nan, ..good() });
        assert_eq!(wrong, (Some("beta_initializer"), "M037"));
    }
}
