//! What the doctor can find: names, why each hurts, and what explains what.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $why:literal;)*) => {
        /// Something that keeps a training from learning, or shows that it does not. Causes come first, in the order in which
        /// they explain what follows; the last three are symptoms.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $code),* }

        impl Code {
            /// All of them, causes first.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Its name in JSON and on screen, which does not change: `rate-too-high`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name),* }
            }

            /// Why it hurts.
            pub fn why(self) -> &'static str {
                match self { $(Self::$code => $why),* }
            }
        }
    };
}

codes! {
    /// Labels that the model has no output for.
    LabelOutOfRange = "label-out-of-range", "the loss needs an output for every label";
    /// Pixels that are NaN or infinite.
    InputNotFinite = "input-not-finite", "one such pixel makes every number behind it NaN, and with it the loss and all weights";
    /// Images without anything on them.
    InputBlank = "input-blank", "images that are one colour all over cannot be told apart";
    /// Pixels far from the size of 1 that initial weights are made for.
    InputNotNormalised = "input-not-normalised", "initial weights are made for inputs of size 1: others begin with huge or tiny outputs, and no learning rate suits all layers";
    /// Labels that no witness can guess from the images.
    LabelsUnrelated = "labels-unrelated", "what is not in the images cannot be learned from them, only memorised";
    /// The same image with different labels.
    DuplicatesDisagree = "duplicates-disagree", "of two equal images with different labels one is always answered wrongly";
    /// Outputs without a training image.
    ClassesMissing = "classes-missing", "a class without training images is never learned";
    /// Validation images of classes that training never sees.
    SplitByClass = "split-by-class", "the validation part is the end of the data: sorted data leaves whole classes out of training";
    /// Sorted data that is not shuffled.
    SortedNotShuffled = "sorted-not-shuffled", "batches of one class each pull the weights from one answer to the next";
    /// Units that are 0 whatever the image, from the first step on.
    BornDead = "born-dead", "relu gives 0 and no gradient where its input is below 0: a unit that is always there never learns";
    /// Gradients that get lost on their way back, or images on their way forward.
    VanishingGradients = "vanishing-gradients", "what does not reach the other end of the network cannot be learned from";
    /// A learning rate beyond what the model stands.
    RateTooHigh = "rate-too-high", "every step overshoots: the loss jumps, weights grow, relus die";
    /// Gradients much larger than the weights.
    ExplodingGradients = "exploding-gradients", "a step larger than the weights themselves throws away what they have learned";
    /// Units that training drove to 0 whatever the image.
    DeadRelus = "dead-relus", "relu gives 0 and no gradient where its input is below 0: a unit that is always there never learns again";
    /// A learning rate at which nothing moves.
    RateTooLow = "rate-too-low", "the weights hardly move from where they began";
    /// A batch as large as the data.
    BatchCoversData = "batch-covers-data", "there is one step per epoch, so that many epochs are few steps";
    /// A training of a few steps.
    TooFewSteps = "too-few-steps", "every step moves the weights by little; a few of them are not enough";
    /// Training that was ended in its first epochs.
    StoppedEarly = "stopped-early", "the network had no time to learn";
    /// Classes of very different sizes.
    ClassesImbalanced = "classes-imbalanced", "answering the large classes is right most of the time, so that the small ones are learned late or never";
    /// Test images that look otherwise than those of training.
    TestDiffers = "test-differs", "what was learned on other images does not apply";
    /// A network that does worse than looking for the most similar image.
    Underfits = "underfits", "the network cannot, or may not, express what is in the images";
    /// A network that knows its training images and not others.
    Overfits = "overfits", "what was learned is the training images, not what they have in common with others";
    /// A symptom: the loss is no longer a number.
    Diverged = "diverged", "no weights are kept: they are no numbers either";
    /// A symptom: the loss ends above where it had been.
    LossRises = "loss-rises", "training undoes what it had learned";
    /// A symptom: the network does no better than answering without looking.
    StuckAtChance = "stuck-at-chance", "the answers do not depend on the image";
}

impl Code {
    /// Whether it only shows that something is wrong, and not what.
    pub fn is_symptom(self) -> bool {
        matches!(self, Self::Diverged | Self::LossRises | Self::StuckAtChance)
    }

    /// What this may be the reason of.
    pub fn explains(self) -> &'static [Self] {
        use Code::{
            DeadRelus, Diverged, ExplodingGradients, LossRises, Overfits, RateTooHigh,
            StuckAtChance, Underfits, VanishingGradients,
        };
        match self {
            Self::LabelOutOfRange | Self::SortedNotShuffled => {
                &[StuckAtChance, LossRises, Underfits]
            }
            Self::InputNotFinite => &[Diverged, ExplodingGradients, StuckAtChance],
            Self::InputBlank => &[StuckAtChance, VanishingGradients, Underfits],
            Self::InputNotNormalised => &[
                RateTooHigh,
                Self::RateTooLow,
                ExplodingGradients,
                VanishingGradients,
                Self::BornDead,
                DeadRelus,
                Diverged,
                LossRises,
                StuckAtChance,
                Underfits,
            ],
            Self::LabelsUnrelated => &[StuckAtChance, Overfits, Underfits],
            Self::DuplicatesDisagree
            | Self::TooFewSteps
            | Self::StoppedEarly
            | Self::RateTooLow
            | DeadRelus
            | VanishingGradients => &[StuckAtChance, Underfits],
            Self::SplitByClass | Self::TestDiffers => &[Overfits],
            Self::BornDead => &[StuckAtChance, VanishingGradients, DeadRelus, Underfits],
            Self::RateTooHigh => {
                &[DeadRelus, ExplodingGradients, Diverged, LossRises, StuckAtChance, Underfits]
            }
            Self::ExplodingGradients => &[DeadRelus, Diverged, LossRises, StuckAtChance],
            Self::BatchCoversData => &[Self::TooFewSteps],
            _ => &[],
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Training does not work like this.
    Critical,
    /// It costs accuracy.
    Warning,
}

/// Where it was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A layer of the model, by name.
    Layer(String),
    /// An epoch, counted from 1.
    Epoch(usize),
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen, in one sentence with its numbers.
    pub seen: String,
    /// The numbers, by name: what was measured, and what it was compared with.
    #[serde(serialize_with = "as_map")]
    pub numbers: Vec<(&'static str, f64)>,
    /// Where, if it is in one place.
    pub place: Option<Place>,
    /// Why it hurts.
    pub why: &'static str,
    /// What to do.
    pub cure: String,
    /// Other findings that may be the reason of this one.
    pub explained_by: Vec<Code>,
}

fn as_map<S: Serializer>(
    numbers: &[(&'static str, f64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(numbers.iter().copied())
}

/// What to do about a symptom without a cause. Source: A. Karpathy's notes for CS 231n, "Sanity checks": overfit a tiny subset.
const UNEXPLAINED: &str = "no cause was found: see whether the network can learn a few images by heart \
     (`cnn train MODEL --data DATA --limit 50 --epochs 200`), then look at the curve of `cnn lr-find`";

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It led to a finding.
    Found,
    /// It could not be made.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: `input`, `labels`, `gradients`.
    pub name: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// The numbers that were seen, in words; or why it could not be made.
    pub seen: String,
}

/// What an examination writes down as it goes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) findings: Vec<Finding>,
    pub(super) checks: Vec<Check>,
}

impl Notes {
    /// A check with its numbers; `found` says whether it led to a finding.
    pub(super) fn check(&mut self, name: &'static str, found: bool, seen: impl Into<String>) {
        let outcome = if found { Outcome::Found } else { Outcome::Ok };
        self.checks.push(Check { name, outcome, seen: seen.into() });
    }

    /// A check that could not be made.
    pub(super) fn skip(&mut self, name: &'static str, reason: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Skipped, seen: reason.into() });
    }

    /// A finding without a place.
    pub(super) fn find(
        &mut self,
        code: Code,
        severity: Severity,
        seen: impl Into<String>,
        cure: impl Into<String>,
        numbers: &[(&'static str, f64)],
    ) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(Finding {
            code,
            severity,
            seen: seen.into(),
            numbers: numbers.to_vec(),
            place: None,
            why: code.why(),
            cure: cure.into(),
            explained_by: Vec::new(),
        });
        &mut self.findings[at]
    }

    pub(super) fn has(&self, code: Code) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// Likely root causes first: by severity, in the order of the causes; each with what explains it. What explains a symptom
    /// is as bad as the symptom.
    pub(super) fn into_order(mut self) -> (Vec<Finding>, Vec<Check>) {
        let codes: Vec<Code> = self.findings.iter().map(|finding| finding.code).collect();
        let symptoms: Vec<Code> = codes.iter().copied().filter(|code| code.is_symptom()).collect();
        for finding in &mut self.findings {
            let reasons = codes.iter().filter(|code| code.explains().contains(&finding.code));
            finding.explained_by = reasons.copied().collect();
            finding.explained_by.sort_unstable();
            finding.explained_by.dedup();
            if finding.code.is_symptom() && finding.explained_by.is_empty() {
                UNEXPLAINED.clone_into(&mut finding.cure);
            }
            if finding.code.explains().iter().any(|code| symptoms.contains(code)) {
                finding.severity = Severity::Critical;
            }
        }
        self.findings.sort_by_key(|finding| (finding.severity, finding.code));
        (self.findings, self.checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_causes_come_before_what_they_explain() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for cause in Code::ALL {
            assert!(!cause.is_symptom() || cause.explains().is_empty(), "{cause:?}");
            for effect in cause.explains() {
                assert!(cause < effect, "{cause:?} {effect:?}");
            }
        }
    }

    #[test]
    fn the_root_comes_first_and_is_as_bad_as_the_symptom() {
        let mut notes = Notes::default();
        for code in
            [Code::StuckAtChance, Code::ClassesImbalanced, Code::RateTooLow, Code::LabelsUnrelated]
        {
            let severity = if code.is_symptom() { Severity::Critical } else { Severity::Warning };
            notes.find(code, severity, "", "", &[]);
        }
        let (findings, _) = notes.into_order();
        let order: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(
            order,
            [Code::LabelsUnrelated, Code::RateTooLow, Code::StuckAtChance, Code::ClassesImbalanced]
        );
        assert_eq!(findings[2].explained_by, [Code::LabelsUnrelated, Code::RateTooLow]);
        assert_eq!(findings[0].severity, Severity::Critical);
        let mut alone = Notes::default();
        alone.find(Code::LossRises, Severity::Critical, "", "see above", &[]);
        assert_eq!(alone.into_order().0[0].cure, UNEXPLAINED);
    }
}
