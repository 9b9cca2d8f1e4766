//! What an optimizer knows of a model: the names, places and shapes of its variables.

use std::ops::Range;

/// The own names of the parameters that layers train. Which of them a model has depends on its layers, so a list such as
/// `["bias", "beta", "gamma"]` is right for every model.
pub const PARAMETER_NAMES: [&str; 6] =
    ["kernel", "depthwise_kernel", "pointwise_kernel", "bias", "gamma", "beta"];

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Layer and parameter, as `dense_1/kernel`; in a block the layers on the way, as `residual/conv2d/kernel`.
    pub name: String,
    /// Its numbers among all parameters. Those of the next variable follow.
    pub range: Range<usize>,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
}

impl Variable {
    /// Whether a word in model.toml means this variable: it is its whole name or whole parts from its beginning (`dense_1`, `residual`,
    /// `residual/conv2d`, `dense_1/bias`), or, without a `/`, a part of the parameter's own name (`bias`).
    ///
    /// Keras's `exclude_from_weight_decay` looks at the parameter's own name alone, with regular expressions.
    pub fn is_meant(&self, word: &str) -> bool {
        if word.is_empty() {
            return false;
        }
        let own = self.name.rsplit('/').next().unwrap_or_default();
        self.paths().any(|path| path == word) || !word.contains('/') && own.contains(word)
    }

    /// Its name, and the layers and blocks that it lies in: whole parts from the name's beginning.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let ends = self.name.match_indices('/').map(|(end, _)| end);
        ends.chain([self.name.len()]).map(|end| &self.name[..end])
    }
}

/// What was probably meant by a word that means nothing: one of `more`, or what means one of the variables.
pub(crate) fn nearest(word: &str, variables: &[Variable], more: &[&str]) -> Option<String> {
    let word = word.trim_matches('/').to_lowercase();
    let own = variables.iter().filter_map(|variable| variable.name.rsplit('/').next());
    let paths = variables.iter().flat_map(Variable::paths);
    let near = |candidate: &str| {
        // A layer of a block, without the block.
        let inside =
            candidate.strip_suffix(word.as_str()).is_some_and(|block| block.ends_with('/'));
        let score = strsim::normalized_damerau_levenshtein(&word, candidate);
        if inside { score.max(0.9) } else { score }
    };
    let mut best = (0.6, None);
    for candidate in paths.chain(own).chain(more.iter().copied()) {
        let score = near(candidate);
        if score > best.0 {
            best = (score, Some(candidate));
        }
    }
    best.1.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Variable {
        Variable { name: name.into(), range: 0..3, shape: vec![3] }
    }

    #[test]
    fn words_mean_parameters_layers_or_blocks() {
        for (word, meant) in [
            ("bias", true),
            ("bi", true),
            ("dense_1", true),
            ("dense_1/bias", true),
            ("dense", false),
            ("dense_1/", false),
            ("dense_1/b", false),
            ("e_1/bias", false),
            ("/bias", false),
            ("kernel", false),
            ("dense_1/kernel", false),
            ("", false),
        ] {
            assert_eq!(variable("dense_1/bias").is_meant(word), meant, "{word}");
        }
        for (word, meant) in [
            ("residual", true),
            ("residual/conv2d", true),
            ("residual/conv2d/kernel", true),
            ("kernel", true),
            ("conv2d", false),
            ("conv2d/kernel", false),
            ("residual/conv", false),
            ("residual/kernel", false),
        ] {
            assert_eq!(variable("residual/conv2d/kernel").is_meant(word), meant, "{word}");
        }
        assert!(!variable("depthwise_conv2d/kernel").is_meant("conv2d/kernel"));
    }

    #[test]
    fn what_was_meant_is_found() {
        let variables = ["conv2d/kernel", "residual/conv2d_1/kernel", "dense_1/bias"].map(variable);
        for (word, meant) in [
            ("conv", Some("conv2d")),
            ("conv2d_1", Some("residual/conv2d_1")),
            ("conv2d_1/kernel", Some("residual/conv2d_1/kernel")),
            ("dense_1/", Some("dense_1")),
            ("dense_1/bais", Some("dense_1/bias")),
            ("Bias", Some("bias")),
            ("gama", Some("gamma")),
            ("embedding", None),
        ] {
            let near = nearest(word, &variables, &["gamma"]);
            assert_eq!(near.as_deref(), meant, "{word}");
        }
    }
}
