//! What the network does with a sample of images: units that never answer, gradients that vanish or explode.

use super::finding::{Code, Notes, Place, Severity};
use super::{Case, Sample};
use crate::error::TrainError;
use crate::trainer::{Trainer, feed};
use cnn_nn::engine::TrainKey;
use cnn_nn::inspect::{
    ChannelActivity, LayerGradient, Statistics, channel_activity, layer_gradients,
};

/// Images that are looked at.
const IMAGES: usize = 512;

/// Batches whose gradients are looked at.
const BATCHES: usize = 4;

/// Share of a layer's units that may be 0 for every image. Networks that learn Fashion-MNIST were seen with up to 0.53.
const DEAD: f64 = 0.8;

/// Smallest sound share of the last layer's relative gradient that another layer may have before training. Networks that
/// learn Fashion-MNIST had 0.02 and more; six sigmoid layers, slow to begin, 4e-4; ten, which never learned, 1e-6.
const VANISHED: f64 = 1e-4;

/// How much the answers must vary over the images, at least, before training (standard deviation of the probabilities). The
/// course's networks have 1e-3 and more; twenty narrow relu layers 1e-5.
const FADED: f64 = 1e-5;

/// A network that training has helped is this many times above both limits.
const RECOVERED: f64 = 10.0;

/// Largest sound norm of a gradient relative to the weights'. Networks that learn Fashion-MNIST were seen with up to 0.5.
const EXPLODED: f64 = 10.0;

/// What one set of weights does with the sample.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    /// All layers with parameters but the last, whose outputs are the answers.
    activity: Vec<ChannelActivity>,
    /// Norms, means over some batches.
    gradients: Vec<LayerGradient>,
    /// Standard deviation over the images of the class probabilities, root mean square over the classes.
    spread: f64,
}

impl Signals {
    /// Looks at the weights that the trainer has.
    pub(super) fn of(trainer: &mut Trainer, sample: &Sample) -> Result<Self, TrainError> {
        let split = &sample.learn.split;
        let n = split.len().min(IMAGES);
        let indices: Vec<u32> = (0..n as u32).collect();
        let mut activity = channel_activity(
            &trainer.model,
            &trainer.weights,
            n,
            &|range, x| split.fill(&indices[range.clone()], x, &mut vec![0; range.len()]),
            trainer.options.isa,
        );
        activity.pop();
        let probabilities = trainer.predict_split(split, &indices)?;
        let classes = trainer.outputs();
        let variance = |class: usize| {
            let column: Vec<f32> =
                probabilities.iter().skip(class).step_by(classes).copied().collect();
            Statistics::of(&column).deviation.powi(2)
        };
        let spread = ((0..classes).map(variance).sum::<f64>() / classes as f64).sqrt();
        Ok(Self { activity, gradients: gradients(trainer, sample)?, spread })
    }

    /// The smallest relative gradient of a layer as a share of the last layer's, and that layer.
    fn weakest(&self) -> Option<(f64, &LayerGradient)> {
        let (last, others) = self.gradients.split_last()?;
        let weakest = others.iter().min_by(|a, b| a.ratio().total_cmp(&b.ratio()))?;
        Some((weakest.ratio() / last.ratio(), weakest))
    }

    /// The largest relative gradient, NaN above all, and its layer.
    fn strongest(&self) -> Option<&LayerGradient> {
        self.gradients.iter().max_by(|a, b| a.ratio().total_cmp(&b.ratio()))
    }

    fn exploded(&self) -> bool {
        self.strongest().is_some_and(|layer| layer.ratio().is_nan() || layer.ratio() > EXPLODED)
    }

    fn vanished(&self, times: f64) -> bool {
        self.weakest().is_some_and(|(share, _)| share < times * VANISHED)
            || self.spread < times * FADED
    }

    /// The first layer in which all units are dead.
    fn silent(&self) -> Option<&ChannelActivity> {
        self.activity.iter().find(|layer| layer.dead_share() >= 1.0)
    }
}

/// Gradient norms of every layer, means over some batches.
fn gradients(trainer: &mut Trainer, sample: &Sample) -> Result<Vec<LayerGradient>, TrainError> {
    let split = &sample.learn.split;
    let size = trainer.fit.batch_size.clamp(1, split.len());
    trainer.prepare(size)?;
    let indices: Vec<u32> = (0..split.len() as u32).collect();
    let mut arena = vec![0.0; trainer.weights.len()];
    let mut sums: Vec<LayerGradient> = Vec::new();
    let mut batches = 0;
    for (step, batch) in indices.chunks_exact(size).take(BATCHES).enumerate() {
        let key = TrainKey { seed: trainer.fit.seed, step: step as u64 };
        trainer.engine.gradients(&trainer.weights, size, &feed(split, batch), key, &mut arena);
        let layers = layer_gradients(&trainer.model, &trainer.weights, &arena);
        if sums.is_empty() {
            sums = layers;
        } else {
            sums.iter_mut().zip(layers).for_each(|(sum, layer)| sum.gradient += layer.gradient);
        }
        batches += 1;
    }
    for sum in &mut sums {
        sum.gradient /= f64::from(batches);
    }
    Ok(sums)
}

/// Compares the network before training with the trained one, where there is one.
pub(super) fn judge(
    initial: &Signals,
    trained: Option<&Signals>,
    case: &Case<'_>,
    notes: &mut Notes,
) {
    dead(initial, trained, notes);
    exploding(initial, trained, notes);
    // A layer that is silent stops every gradient: that is no second finding.
    if initial.silent().is_none() {
        vanishing(initial, trained, case, notes);
    }
    let shown = |signals: &Signals| {
        let ratios: Vec<String> = signals
            .gradients
            .iter()
            .map(|layer| format!("{} {:.1e}", layer.layer, layer.ratio()))
            .collect();
        ratios.join(", ")
    };
    let found = notes.has(Code::ExplodingGradients) || notes.has(Code::VanishingGradients);
    let after = trained.map_or(String::new(), |trained| format!("; trained: {}", shown(trained)));
    notes.check(
        "gradients",
        found,
        format!("norm over that of the weights, before training: {}{after}", shown(initial)),
    );
}

fn dead(initial: &Signals, trained: Option<&Signals>, notes: &mut Notes) {
    let now = trained.unwrap_or(initial);
    if now.activity.is_empty() {
        return notes
            .skip("dead relus", "the model has no layer with parameters before its last one");
    }
    // In a silent layer everything ends: what is dead before or behind it is the same finding.
    let silent = now.activity.iter().position(|layer| layer.dead_share() >= 1.0);
    let layers = now.activity.iter().zip(&initial.activity).enumerate();
    let sick = |(at, (layer, _)): &(usize, (&ChannelActivity, _))| match silent {
        Some(silent) => *at == silent,
        None => layer.dead_share() >= DEAD,
    };
    let mut found = false;
    for (_, (layer, before)) in layers.filter(sick) {
        found = true;
        one_dead(layer, before, notes);
    }
    let count = |layer: &ChannelActivity| {
        format!("{} {} of {}", layer.layer, layer.dead().len(), layer.largest.len())
    };
    let shown: Vec<String> = now.activity.iter().map(count).collect();
    let when = if trained.is_some() { "trained" } else { "before training" };
    notes.check(
        "dead relus",
        found,
        format!("units that are 0 for every image, {when}: {}", shown.join(", ")),
    );
}

/// A layer most of whose units are dead; `before` is the same layer before training.
fn one_dead(layer: &ChannelActivity, before: &ChannelActivity, notes: &mut Notes) {
    let (share, born) = (layer.dead_share(), before.dead_share());
    let (dead, all, already) = (layer.dead().len(), layer.largest.len(), before.dead().len());
    let (code, when, cure) = if born >= DEAD {
        let cure =
            "begin with other weights: biases at 0, kernels of both signs (the default does that)";
        (Code::BornDead, format!("{already} of them before the first step"), cure)
    } else {
        let cure = "a smaller learning rate; begin again, since dead units do not come back";
        (Code::DeadRelus, format!("training killed {} of them", dead.saturating_sub(already)), cure)
    };
    let severity = if share >= 1.0 { Severity::Critical } else { Severity::Warning };
    let seen = format!(
        "{dead} of {all} units of {} are 0 for each of {} images; {when}",
        layer.layer, layer.images
    );
    let numbers = [("share", share), ("before", born), ("threshold", DEAD)];
    notes.find(code, severity, seen, cure, &numbers).place =
        Some(Place::Layer(layer.layer.clone()));
}

fn exploding(initial: &Signals, trained: Option<&Signals>, notes: &mut Notes) {
    let when = [(Some(initial), "before training"), (trained, "after training")];
    let worst = when.into_iter().find(|(signals, _)| signals.is_some_and(Signals::exploded));
    let Some((Some(layer), when)) =
        worst.map(|(signals, when)| (signals.and_then(Signals::strongest), when))
    else {
        return;
    };
    let seen = format!(
        "the gradient of {} is {:.1e} times its weights {when}",
        layer.layer,
        layer.ratio()
    );
    let cure = "look at the size of the inputs first, then at the initial weights; then lower the learning rate";
    let numbers = [("ratio", layer.ratio()), ("threshold", EXPLODED)];
    notes.find(Code::ExplodingGradients, Severity::Warning, seen, cure, &numbers).place =
        Some(Place::Layer(layer.layer.clone()));
}

fn vanishing(initial: &Signals, trained: Option<&Signals>, case: &Case<'_>, notes: &mut Notes) {
    if !initial.vanished(1.0) || trained.is_some_and(|trained| !trained.vanished(RECOVERED)) {
        return;
    }
    let Some((share, layer)) = initial.weakest() else { return };
    let seen = format!(
        "before training the gradient of {} is {share:.1e} of the last layer's (both relative to their weights), and the answers \
         vary by {:.1e} over the images",
        layer.layer, initial.spread
    );
    let depth = case.model.layers().iter().filter(|layer| layer.param_count() > 0).count();
    let cure = format!(
        "fewer than {depth} layers with parameters, relu in place of sigmoid, and more units per layer"
    );
    let numbers = [
        ("share", share),
        ("threshold", VANISHED),
        ("spread", initial.spread),
        ("spread_threshold", FADED),
    ];
    notes.find(Code::VanishingGradients, Severity::Critical, seen, cure, &numbers).place =
        Some(Place::Layer(layer.layer.clone()));
}
