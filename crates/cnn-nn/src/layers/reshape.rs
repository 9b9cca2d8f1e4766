//! y = x under another shape, row-major.
//!
//! **Shapes** any → `target_shape`, which has as many numbers; one of its axes may be −1, which stands for what is left.
//! **Parameters** none.
//! **Errors** a target of another number of numbers, more than one −1, an axis of 0 or below −1.
//! **Source** Keras `Reshape`; the batch axis is not counted.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [784]
//!
//! [[layers]]
//! type = "Reshape"
//! target_shape = [28, -1, 1]
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [28, 28, 1]);
//! ```

use super::flatten::BuiltFlatten;
use super::{Spec, bad_key};
use crate::layer::{BuildError, Built, Facts};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Reshape` layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The new axes; one of them may be −1.
    pub target_shape: Vec<i64>,
}

impl Reshape {
    /// The axes with the −1 worked out; `None` if they do not hold `len` numbers.
    fn dims(&self, len: usize) -> Option<Vec<usize>> {
        let known = |axis: &i64| usize::try_from(*axis).ok();
        let product = self
            .target_shape
            .iter()
            .filter(|axis| **axis != -1)
            .try_fold(1usize, |product, axis| product.checked_mul(known(axis)?))?;
        let rest = len.checked_div(product)?;
        let dims =
            self.target_shape.iter().map(|axis| if *axis == -1 { Some(rest) } else { known(axis) });
        let dims: Vec<usize> = dims.collect::<Option<_>>()?;
        (dims.iter().product::<usize>() == len && !dims.contains(&0)).then_some(dims)
    }
}

impl Spec for Reshape {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let (len, target) = (input.len(), &self.target_shape);
        let wrong = |message| {
            let hint = format!(
                "the {len} numbers of {:?} under another shape: target_shape = [{len}]",
                input.dims()
            );
            Err(bad_key("target_shape", "M042", message, hint))
        };
        if target.iter().filter(|axis| **axis == -1).count() > 1 {
            return wrong(format!(
                "{target:?} has more than one -1: what is left could be shared out in several ways"
            ));
        }
        let Some(dims) = self.dims(len) else {
            return wrong(format!(
                "{:?} has {len} numbers, which do not fit {target:?}",
                input.dims()
            ));
        };
        Ok(Built {
            layer: Box::new(BuiltFlatten),
            output: Shape::new(dims),
            params: Vec::new(),
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { target_shape: vec![4, 3, 2] }, vec![24]),
            (Self { target_shape: vec![-1, 5] }, vec![5, 2, 3]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_do_not_fit_are_errors() {
        let input = Shape::new(vec![4, 6]);
        for target in [vec![5, 5], vec![-1, -1], vec![7, -1], vec![0, -1], vec![-2, -12], vec![]] {
            let error = Reshape { target_shape: target.clone() }.build(&input).expect_err("no fit");
            assert_eq!((error.key, error.code), (Some("target_shape"), "M042"), "{target:?}");
        }
        let huge = Reshape { target_shape: vec![i64::MAX, i64::MAX] };
        assert!(huge.build(&input).is_err());
    }
}
