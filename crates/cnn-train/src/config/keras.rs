//! Words that people know from Keras and that are written differently here: what to write instead.

use cnn_nn::config::{Diagnostic, Diagnostics};

/// A word in a place where it is not known.
struct Elsewhere {
    /// Found in the message: in which table, or of which key.
    place: &'static str,
    words: &'static [&'static str],
    /// What stands beside the caret; empty where it is the nearest name already.
    label: &'static str,
    /// What would work.
    help: &'static str,
}

const ELSEWHERE: [Elsewhere; 5] = [
    Elsewhere {
        place: "`metrics` of [compile]",
        words: &[
            "sparse_categorical_accuracy",
            "SparseCategoricalAccuracy",
            "categorical_accuracy",
            "CategoricalAccuracy",
            "binary_accuracy",
            "BinaryAccuracy",
            "Accuracy",
        ],
        label: "did you mean \"accuracy\"?",
        help: "\"accuracy\" is the share of right answers for every loss",
    },
    Elsewhere {
        place: "[fit]",
        words: &["class_weight", "class_weights"],
        label: "class weights belong to the loss",
        help: "[compile]: loss = { type = \"SparseCategoricalCrossentropy\", class_weight = \"balanced\" }",
    },
    Elsewhere {
        place: "(ModelCheckpoint)",
        words: &["save_weights_only"],
        label: "the file's ending says it",
        help: "a filepath in .npz gets the weights alone: filepath = \"{epoch:02d}.npz\"",
    },
    Elsewhere {
        place: "loss",
        words: &["focal", "focal_loss", "FocalLoss", "Focal"],
        label: "",
        help: "of a single output: \"BinaryFocalCrossentropy\"",
    },
    Elsewhere {
        place: "loss",
        words: &["cross_entropy", "crossentropy", "CrossEntropyLoss"],
        label: "",
        help: "of a single output: \"BinaryCrossentropy\"",
    },
];

/// The same, with what to write in place of the words above.
pub(super) fn with_hints(found: &Diagnostics) -> Diagnostics {
    let mut hinted = Diagnostics::new(found.source().clone());
    hinted.extend(found.iter().map(|diagnostic| with_hint(diagnostic.clone())));
    hinted
}

fn with_hint(diagnostic: Diagnostic) -> Diagnostic {
    if !matches!(diagnostic.code, "M003" | "M004") {
        return diagnostic;
    }
    let message = diagnostic.message.as_str();
    let is_there = |word: &&str| {
        ["`", "\""].iter().any(|mark| message.contains(&format!("{mark}{word}{mark}")))
    };
    let known = |it: &&Elsewhere| message.contains(it.place) && it.words.iter().any(is_there);
    match ELSEWHERE.iter().find(known) {
        Some(Elsewhere { label: "", help, .. }) => diagnostic.with_help(*help),
        Some(Elsewhere { label, help, .. }) => diagnostic.with_label(*label).with_help(*help),
        None => diagnostic,
    }
}
