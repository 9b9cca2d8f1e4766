//! What is measured beside the loss: `metrics` in `[compile]`.

use cnn_callbacks::Logs;
use cnn_nn::engine::{BatchMetrics, MAX_TOP_K};
use cnn_nn::layer::BuildError;
use cnn_nn::loss::Loss;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A metric, as `metrics` in `[compile]` lists it.
///
/// `"accuracy"` is the share of right answers, by Keras's rule: of several outputs the first largest one is the answer, of a single
/// output class 1 where its probability is above ½ (see [`Loss`]). `"acc"` is the same under that name. The top-k
/// accuracies are the share of images whose class is among the k largest outputs; of outputs that are equal at the edge all
/// are in, as with Keras on `TensorFlow`. Written as a bare name, or as a table:
///
/// ```
/// # let text = r#"
/// # input = [4]
/// # [[layers]]
/// # type = "Dense"
/// # units = 10
/// # activation = "softmax"
/// [compile]
/// metrics = ["accuracy", { type = "TopKCategoricalAccuracy", k = 3, name = "top3" }]
/// # "#;
/// # let (config, _) = cnn_train::Config::from_toml("model.toml", text).unwrap();
/// # assert_eq!(config.metrics(false), ["accuracy", "loss", "top3"]);
/// ```
///
/// Every metric is a mean over the images seen so far in the epoch, is in the logs under its name, and can be followed by a
/// callback's `monitor`.
///
/// Precision, recall and F1 of every class, the confusion matrix, Brier score, negative log likelihood and expected calibration error
/// are no keys: `cnn evaluate` reports them for every trained network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(tag = "type")]
pub enum MetricSpec {
    /// Share of right answers.
    #[serde(rename = "accuracy")]
    Accuracy,
    /// `accuracy` under the name `acc`.
    #[serde(rename = "acc")]
    Acc,
    /// Share of images whose class is among the k largest outputs.
    #[serde(alias = "top_k_categorical_accuracy")]
    #[schemars(extend("alias" = "top_k_categorical_accuracy"))]
    TopKCategoricalAccuracy(TopK),
    /// `TopKCategoricalAccuracy` under Keras's name for labels that are class numbers.
    #[serde(alias = "sparse_top_k_categorical_accuracy")]
    #[schemars(extend("alias" = "sparse_top_k_categorical_accuracy"))]
    SparseTopKCategoricalAccuracy(TopK),
}

/// Which k, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopK {
    /// How many answers count, 1 to the number of classes; default 5.
    pub k: usize,
    /// Its name in the logs; default Keras's, `top_k_categorical_accuracy` or `sparse_top_k_categorical_accuracy` for any k.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Default for TopK {
    fn default() -> Self {
        Self { k: 5, name: None }
    }
}

impl MetricSpec {
    /// Its name in the logs.
    pub fn name(&self) -> &str {
        let (keras, top) = match self {
            Self::Accuracy => return "accuracy",
            Self::Acc => return "acc",
            Self::TopKCategoricalAccuracy(top) => ("top_k_categorical_accuracy", top),
            Self::SparseTopKCategoricalAccuracy(top) => ("sparse_top_k_categorical_accuracy", top),
        };
        top.name.as_deref().unwrap_or(keras)
    }

    /// Its k, if it has one.
    pub fn k(&self) -> Option<usize> {
        match self {
            Self::Accuracy | Self::Acc => None,
            Self::TopKCategoricalAccuracy(top) | Self::SparseTopKCategoricalAccuracy(top) => {
                Some(top.k)
            }
        }
    }
}

/// Where the value of a logged name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Loss,
    Accuracy,
    /// The i-th top-k metric.
    Top(usize),
}

impl Source {
    /// The mean over what was measured.
    pub(crate) fn of(self, sums: &BatchMetrics) -> f64 {
        match self {
            Self::Loss => sums.loss(),
            Self::Accuracy => sums.accuracy(),
            Self::Top(i) => sums.top_accuracy(i),
        }
    }
}

/// The loss and the metrics by name, sorted as Keras shows them.
pub(crate) fn logged(metrics: &[MetricSpec]) -> Vec<(String, Source)> {
    let mut top = 0;
    let mut all = vec![("loss".to_owned(), Source::Loss)];
    for metric in metrics {
        let source = if metric.k().is_some() {
            top += 1;
            Source::Top(top - 1)
        } else {
            Source::Accuracy
        };
        all.push((metric.name().to_owned(), source));
    }
    all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Writes the means under these names, as many as there are sources. Allocates only while a name is new.
pub(crate) fn set_logs(logs: &mut Logs, names: &[String], sources: &[Source], sums: &BatchMetrics) {
    for (name, source) in names.iter().zip(sources) {
        logs.set(name, source.of(sums));
    }
}

/// The loss that also counts what the metrics ask for.
pub(crate) fn counting(loss: Loss, metrics: &[MetricSpec]) -> Result<Loss, BuildError> {
    let ks: Vec<usize> = metrics.iter().filter_map(MetricSpec::k).collect();
    loss.counting_top(&ks)
}

/// What is wrong with the names: the metric's place in the list, and why.
pub(crate) fn check_names(metrics: &[MetricSpec]) -> Vec<(usize, String, &'static str)> {
    let mut wrong = Vec::new();
    for (i, metric) in metrics.iter().enumerate() {
        let name = metric.name();
        let reserved = ["val_", "train_", "test_"].iter().any(|prefix| name.starts_with(prefix));
        if metrics[..i].iter().any(|other| other.name() == name) {
            let help = if metric.k().is_some() {
                "give one of them a name: { type = \"TopKCategoricalAccuracy\", k = 3, name = \"top3_accuracy\" }"
            } else {
                "name it once"
            };
            wrong.push((i, format!("the metric `{name}` is listed twice"), help));
        } else if reserved || matches!(name, "" | "loss" | "epoch" | "lr" | "learning_rate") {
            let message = format!("a metric cannot be called `{name}`: the logs use that name");
            wrong.push((i, message, "name = \"top3_accuracy\""));
        }
    }
    let tops = metrics.iter().filter(|metric| metric.k().is_some()).count();
    if tops > MAX_TOP_K {
        let message = format!("{tops} top-k metrics are more than {MAX_TOP_K}");
        wrong.push((metrics.len() - 1, message, "leave some out"));
    }
    wrong
}
