//! What several losses check: whether they fit the model's output, and whether their numbers are in range.

use crate::layer::{BuildError, Link};

pub(super) fn error(
    key: Option<&'static str>,
    code: &'static str,
    message: String,
    hint: &str,
) -> BuildError {
    BuildError { key, code, message, hint: hint.to_owned() }
}

/// A loss over classes of which one is right: one output per class and a softmax, or the scores before it.
pub(super) fn categorical(
    outputs: usize,
    link: Option<Link>,
    from_logits: bool,
) -> Result<(), BuildError> {
    if outputs == 1 {
        return Err(error(
            None,
            "M040",
            "the loss needs one number per class, but the model gives 1 number for each image"
                .into(),
            "give the last Dense layer one unit per class; for two classes from one sigmoid unit, loss = \"binary_crossentropy\"",
        ));
    }
    match (link, from_logits) {
        (Some(Link::Softmax), true) => Err(error(
            None,
            "M041",
            "from_logits = true applies softmax a second time: the last layer already ends in one"
                .into(),
            "drop from_logits, or the last layer's activation",
        )),
        (Some(Link::Sigmoid), true) => Err(error(
            None,
            "M041",
            "from_logits = true needs the scores themselves, but the last layer ends in sigmoid"
                .into(),
            "drop the last layer's activation",
        )),
        (None, false) => Err(error(
            None,
            "M041",
            "the loss needs probabilities, but the last layer does not end in softmax".into(),
            "give the last layer activation = \"softmax\", or the loss from_logits = true",
        )),
        (Some(Link::Sigmoid), false) => Err(error(
            None,
            "M041",
            "the loss needs probabilities that sum to 1, but the last layer ends in sigmoid".into(),
            "give the last layer activation = \"softmax\", or take loss = \"binary_crossentropy\"",
        )),
        _ => Ok(()),
    }
}

/// A loss that looks at each output on its own: sigmoids, or the scores before them.
pub(super) fn binary(link: Option<Link>, from_logits: bool) -> Result<(), BuildError> {
    match (link, from_logits) {
        (Some(Link::Sigmoid), true) => Err(error(
            None,
            "M041",
            "from_logits = true applies sigmoid a second time: the last layer already ends in one".into(),
            "drop from_logits, or the last layer's activation",
        )),
        (Some(Link::Softmax), _) => Err(error(
            None,
            "M041",
            "the loss looks at each output on its own, but the last layer ends in softmax, whose outputs depend on each other".into(),
            "give the last layer activation = \"sigmoid\", or take loss = \"sparse_categorical_crossentropy\"",
        )),
        (None, false) => Err(error(
            None,
            "M041",
            "the loss needs probabilities, but the last layer does not end in sigmoid".into(),
            "give the last layer activation = \"sigmoid\", or the loss from_logits = true",
        )),
        _ => Ok(()),
    }
}

/// What label smoothing makes of a target: keep and add. `parts` are the classes among which `share` is spread.
pub(super) fn smoothing(share: f64, parts: usize) -> Result<(f64, f64), BuildError> {
    if !(0.0..1.0).contains(&share) {
        return Err(error(
            Some("label_smoothing"),
            "M068",
            format!("label_smoothing = {share} is no share of a label: 0 to below 1"),
            "label_smoothing = 0.1 is usual",
        ));
    }
    Ok((1.0 - share, share / parts as f64))
}

/// The exponent of a focal loss.
pub(super) fn gamma(gamma: f64) -> Result<(), BuildError> {
    if (0.0..=100.0).contains(&gamma) {
        return Ok(());
    }
    let message = format!("gamma = {gamma} is not between 0 and 100");
    Err(error(Some("gamma"), "M068", message, "gamma = 2.0 is Keras's default"))
}

/// The factor of a focal loss: above 0, up to 1.
pub(super) fn alpha(alpha: f64) -> Result<(), BuildError> {
    if alpha > 0.0 && alpha <= 1.0 {
        return Ok(());
    }
    let message = format!("alpha = {alpha} is not above 0 and at most 1");
    Err(error(Some("alpha"), "M068", message, "alpha = 0.25 is Keras's default"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
pub(super) fn is_zero(value: &f64) -> bool {
    *value == 0.0
}
