//! Does a map depend on what the model has learnt? The same map with random weights in its place.

use super::method::{Explanation, Settings, explain};
use super::network::Network;
use super::question::{ExplainError, Question};
use super::similarity::{normalised, spearman, ssim};
use crate::explain::integrated::IntegratedGradients;
use cnn_tensor::random::{Purpose, stream};
use rand::RngCore;

/// How like a map is to another, signs dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Rank correlation, −1 to 1; see [`spearman`].
    pub spearman: f64,
    /// Structural similarity, at most 1; see [`ssim`].
    pub ssim: f64,
}

/// The likeness after one more layer of the cascade has got random weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The layer: it and all behind it are random.
    pub layer: String,
    /// To the map of the trained model.
    pub likeness: Likeness,
}

/// How like a map is to those of the same model with random weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Randomised {
    /// One layer more at a time, from the last to the first.
    pub cascade: Vec<Stage>,
    /// Models with random weights in all layers.
    pub models: usize,
    /// Mean over these.
    pub likeness: Likeness,
}

impl Randomised {
    /// A map whose rank correlation is at least this is one of the picture rather than of the model.
    pub const ALIKE: f64 = 0.5;

    /// Whether the map depends on the model's weights.
    pub fn depends_on_model(&self) -> bool {
        self.likeness.spearman < Self::ALIKE
    }
}

/// Recomputes maps with random weights: in a cascade from the last layer with parameters to the first, and in `models` models (at
/// least one) that are random as a whole. The random weights are [`crate::Model::initial_weights`] of seeds that `seed` decides.
/// Integrated gradients take as many steps as they took for the trained model.
///
/// A map that comes out alike shows the picture, not what the model has learnt of it.
///
/// Source: Adebayo et al. 2018, "Sanity checks for saliency maps".
///
/// # Errors
/// [`ExplainError::NotFinite`] where random weights of this model overflow; those of the methods.
pub fn randomised(
    question: &Question<'_>,
    explanations: &[Explanation],
    settings: &Settings,
    seed: u64,
    models: usize,
) -> Result<Vec<Randomised>, ExplainError> {
    let models = models.max(1);
    let (network, model) = (question.network, question.network.model());
    let mut found: Vec<Randomised> = explanations
        .iter()
        .map(|_| Randomised { cascade: Vec::new(), models, likeness: Likeness::default() })
        .collect();
    let compare = |weights: Vec<f32>| -> Result<Vec<Likeness>, ExplainError> {
        let other = Network::new(model, weights, network.isa());
        let question = Question::new(&other, question.image, question.class)?;
        explanations.iter().map(|trained| likeness(&question, trained, settings)).collect()
    };

    let random = random_weights(network, seed, 0);
    let mut weights = network.weights().to_vec();
    let trained = model.layers().iter().rev().filter(|layer| layer.param_count() > 0);
    for layer in trained {
        let range = layer.params_range();
        weights[range.clone()].copy_from_slice(&random[range]);
        for (found, likeness) in found.iter_mut().zip(compare(weights.clone())?) {
            found.cascade.push(Stage { layer: layer.name.clone(), likeness });
        }
    }
    // The end of the cascade is the first of the models that are random as a whole.
    let mut sums: Vec<Likeness> = found
        .iter()
        .map(|one| {
            let whole = Likeness { spearman: 1.0, ssim: 1.0 };
            one.cascade.last().map_or(whole, |stage| stage.likeness)
        })
        .collect();
    for i in 1..models {
        for (sum, likeness) in sums.iter_mut().zip(compare(random_weights(network, seed, i))?) {
            sum.spearman += likeness.spearman;
            sum.ssim += likeness.ssim;
        }
    }
    for (found, sum) in found.iter_mut().zip(sums) {
        let n = if found.cascade.is_empty() { 1.0 } else { models as f64 };
        found.likeness = Likeness { spearman: sum.spearman / n, ssim: sum.ssim / n };
    }
    Ok(found)
}

fn likeness(
    question: &Question<'_>,
    trained: &Explanation,
    settings: &Settings,
) -> Result<Likeness, ExplainError> {
    let mut settings = Settings { layer: trained.layer.or(settings.layer), ..settings.clone() };
    if let Some(completeness) = trained.completeness {
        settings.integrated_gradients = IntegratedGradients::fixed(completeness.steps);
    }
    let other = explain(question, trained.method, &settings)?;
    let (a, b) = (normalised(&trained.map), normalised(&other.map));
    let flat = |map: &ndarray::Array2<f32>| map.iter().copied().collect::<Vec<_>>();
    Ok(Likeness { spearman: spearman(&flat(&a), &flat(&b)), ssim: ssim(&a, &b) })
}

/// Random weights that are not those that a training with a small seed began with.
pub(super) fn random_weights(network: &Network<'_>, seed: u64, i: usize) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Explain, super::WEIGHTS, i as u64);
    network.model().initial_weights(random.next_u64())
}
