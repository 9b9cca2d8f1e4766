//! What an optimizer knows of a model: the names, places and shapes of its variables.

use std::ops::Range;

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Layer and parameter, as `dense_1/kernel`.
    pub name: String,
    /// Its numbers among all parameters. Those of the next variable follow.
    pub range: Range<usize>,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
}

impl Variable {
    /// Whether a word in model.toml means this variable: it is a part of the parameter's own name (`bias`), the whole name of its layer
    /// (`dense_1`), or a part of both with the `/` between them (`dense_1/bias`).
    ///
    /// Keras's `exclude_from_weight_decay` looks at the parameter's own name alone, with regular expressions.
    pub fn is_meant(&self, word: &str) -> bool {
        if word.contains('/') {
            return self.name.contains(word);
        }
        let (layer, own) = self.name.rsplit_once('/').unwrap_or(("", &self.name));
        !word.is_empty() && (own.contains(word) || layer == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_parameters_or_layers() {
        let bias = Variable { name: "dense_1/bias".into(), range: 0..3, shape: vec![3] };
        for (word, meant) in [
            ("bias", true),
            ("bi", true),
            ("dense_1", true),
            ("dense", false),
            ("dense_1/", true),
            ("e_1/b", true),
            ("kernel", false),
            ("dense_1/kernel", false),
            ("", false),
        ] {
            assert_eq!(bias.is_meant(word), meant, "{word}");
        }
    }
}
