//! What other programs, or people, call things that have another name here.

/// Names from elsewhere, in small letters and without underscores, and what they are called here.
const NAMES: [(&str, &str); 15] = [
    ("bce", "BinaryCrossentropy"),
    ("bceloss", "BinaryCrossentropy"),
    ("bcewithlogitsloss", "BinaryCrossentropy"),
    ("binaryfocal", "BinaryFocalCrossentropy"),
    ("crossentropy", "SparseCategoricalCrossentropy"),
    ("crossentropyloss", "SparseCategoricalCrossentropy"),
    ("dirac", "identity"),
    ("eye", "identity"),
    ("focal", "CategoricalFocalCrossentropy"),
    ("focalloss", "CategoricalFocalCrossentropy"),
    ("kaimingnormal", "he_normal"),
    ("kaiminguniform", "he_uniform"),
    ("mseloss", "MeanSquaredError"),
    ("xaviernormal", "glorot_normal"),
    ("xavieruniform", "glorot_uniform"),
];

/// What a plain name from elsewhere is called here.
pub(super) fn here(plain: &str) -> Option<&'static str> {
    NAMES.iter().find(|(name, _)| *name == plain).map(|(_, here)| *here)
}

#[cfg(test)]
mod tests {
    use super::super::nearest;
    use super::*;
    use crate::losses::LossSpec;

    #[test]
    fn names_from_elsewhere_find_theirs() {
        let near = |word| nearest(word, LossSpec::KINDS.iter().copied());
        assert_eq!(near("bce"), Some("BinaryCrossentropy"));
        assert_eq!(near("focal"), Some("CategoricalFocalCrossentropy"));
        assert_eq!(near("CrossEntropyLoss"), Some("SparseCategoricalCrossentropy"));
        assert_eq!(nearest("bce", ["filters", "kernel_size"]), None);
        // Every one of them names a thing.
        let initializers =
            ["identity", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal"];
        for (_, here) in NAMES {
            assert!(
                LossSpec::KINDS.iter().chain(&initializers).any(|name| *name == here),
                "{here}"
            );
        }
    }
}
