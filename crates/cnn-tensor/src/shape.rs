//! The shape of one sample.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Sizes of the axes of one sample, outermost first, without the batch axis: an image is `[h, w, c]`.
///
/// Displayed as Keras does, with `None` for the batch: `(None, 26, 26, 32)`.
///
/// ```
/// let shape = cnn_tensor::Shape::new([26, 26, 32]);
/// assert_eq!(shape.len(), 21_632);
/// assert_eq!(shape.to_string(), "(None, 26, 26, 32)");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// A shape with these axis sizes. Any sizes are accepted; see [`checked_len`](Shape::checked_len).
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Shape(dims.into())
    }

    /// The axis sizes.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements of one sample, or `None` when the product does not fit in `usize`.
    /// A shape with a zero axis has no elements, whatever its other axes are.
    pub fn checked_len(&self) -> Option<usize> {
        if self.0.contains(&0) {
            return Some(0);
        }
        self.0.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
    }

    /// Number of elements of one sample; `usize::MAX` when the product does not fit, so that a
    /// comparison with any limit fails instead of wrapping. Whoever builds from a shape checks it
    /// with [`checked_len`](Shape::checked_len) once.
    pub fn len(&self) -> usize {
        self.checked_len().unwrap_or(usize::MAX)
    }

    /// Whether some axis is zero.
    pub fn is_empty(&self) -> bool {
        self.0.contains(&0)
    }

    /// The axis sizes as a plain vector.
    pub fn into_vec(self) -> Vec<usize> {
        self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.pad("(None,)");
        }
        let mut text = String::from("(None");
        for dim in &self.0 {
            text.push_str(", ");
            text.push_str(&dim.to_string());
        }
        text.push(')');
        f.pad(&text)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Shape(dims.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Shape(dims)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Shape(dims.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn display_is_keras() {
        assert_eq!(Shape::new([28, 28, 1]).to_string(), "(None, 28, 28, 1)");
        assert_eq!(Shape::new([10]).to_string(), "(None, 10)");
        assert_eq!(Shape::default().to_string(), "(None,)");
        assert_eq!(
            format!("{:>14}|{:<12}|", Shape::new([10]), Shape::new([1])),
            "    (None, 10)|(None, 1)   |"
        );
    }

    #[test]
    fn length_never_wraps() {
        assert_eq!(Shape::new([26, 26, 32]).len(), 21_632);
        assert_eq!(Shape::default().len(), 1);
        assert_eq!(Shape::new([usize::MAX, 2]).checked_len(), None);
        assert_eq!(Shape::new([usize::MAX, 2]).len(), usize::MAX);
        assert_eq!(Shape::new([usize::MAX, usize::MAX, 0]).checked_len(), Some(0));
        assert!(Shape::new([3, 0]).is_empty());
    }
}
