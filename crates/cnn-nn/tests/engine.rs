//! What the engine does with every example of every layer and loss: the bits, the gradients and the penalties of whole networks.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_kernels::Isa;
use cnn_nn::augment::Front;
use cnn_nn::engine::{ClassCounts, Engine, Options, Targets, TrainKey};
use cnn_nn::layer::{Built, Link, Pass};
use cnn_nn::layers::{Dense, Flatten, Function, LayerSpec};
use cnn_nn::loss::{Labels, Loss, LossSpec};
use cnn_nn::model::{LayerEntry, Model, ModelSpec};
use cnn_nn::regularizer::Regularizer;
use cnn_nn::testing::{self, Bench, numbers};

/// A network of the example, then Flatten and Dense 3 softmax.
fn network(layer: LayerSpec, input: Vec<usize>) -> Model {
    network_to(layer, input, Dense { activation: Function::Softmax, ..Dense::new(3) })
}

/// A network of the example, then Flatten and this.
fn network_to(layer: LayerSpec, input: Vec<usize>, head: Dense) -> Model {
    let entry = |spec| LayerEntry { name: None, spec };
    let layers =
        vec![entry(layer), entry(LayerSpec::Flatten(Flatten)), entry(LayerSpec::Dense(head))];
    ModelSpec { name: None, input, layers }.build().unwrap_or_else(|e| panic!("{e:?}"))
}

fn engine(model: &Model, threads: usize, fuse: bool) -> Engine {
    engine_for(&LossSpec::default(), model, threads, fuse)
}

fn engine_for(spec: &LossSpec, model: &Model, threads: usize, fuse: bool) -> Engine {
    let loss = Loss::new(spec, model.output(), model.link()).unwrap();
    Engine::new(model, &loss, Options { threads, isa: Isa::best(), batch_size: 32, fuse })
}

/// Weights after three plain gradient steps on batches of 32, 32 and 21.
fn train(model: &Model, threads: usize, fuse: bool) -> (Vec<f32>, Vec<f64>) {
    let mut engine = engine(model, threads, fuse);
    let mut weights = model.initial_weights(1);
    let len = model.input().len();
    let data = numbers(3, 32 * len);
    let mut losses = Vec::new();
    for (step, n) in [32, 32, 21].into_iter().enumerate() {
        let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            x.copy_from_slice(&data[range.start * len..range.end * len]);
            for (label, i) in labels.iter_mut().zip(range) {
                *label = (i % 3) as u32;
            }
        };
        let update = |_: usize, w: &mut [f32], g: &mut [f32], _: &mut [&mut [f32]]| {
            for (w, g) in w.iter_mut().zip(g) {
                *w -= 0.1 * *g;
            }
        };
        let key = TrainKey { seed: 1, step: step as u64 };
        losses.push(engine.train_step(&mut weights, &mut [], n, &feed, key, &update).loss());
    }
    (weights, losses)
}

fn bits(weights: &[f32]) -> Vec<u32> {
    weights.iter().map(|w| w.to_bits()).collect()
}

#[test]
fn same_bits_for_any_number_of_threads() {
    for (layer, input) in LayerSpec::examples() {
        let model = network(layer.clone(), input);
        let (one, _) = train(&model, 1, true);
        assert!(one.iter().all(|w| w.is_finite()), "{layer:?}");
        for threads in [2, 7] {
            assert_eq!(
                bits(&train(&model, threads, true).0),
                bits(&one),
                "{layer:?} on {threads} threads"
            );
        }
    }
}

/// Timing a step changes nothing about it, and every layer with parameters has its part of the time.
#[test]
fn a_profiled_step_is_a_step() {
    for (layer, input) in LayerSpec::examples() {
        let model = network(layer.clone(), input);
        let mut engine = engine(&model, 2, true);
        let mut profile = engine.profile(&model);
        let mut weights = model.initial_weights(1);
        let len = model.input().len();
        let data = numbers(3, 32 * len);
        for (step, n) in [32, 32, 21].into_iter().enumerate() {
            let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
                x.copy_from_slice(&data[range.start * len..range.end * len]);
                for (label, i) in labels.iter_mut().zip(range) {
                    *label = (i % 3) as u32;
                }
            };
            let update = |_: usize, w: &mut [f32], g: &mut [f32], _: &mut [&mut [f32]]| {
                for (w, g) in w.iter_mut().zip(g) {
                    *w -= 0.1 * *g;
                }
            };
            let key = TrainKey { seed: 1, step: step as u64 };
            engine.profile_step(&mut weights, &mut [], n, &feed, key, &update, &mut profile);
        }
        assert_eq!(bits(&weights), bits(&train(&model, 2, true).0), "{layer:?}");
        assert_eq!((profile.steps, profile.images), (3, 85));
        let head = profile.parts.last().unwrap();
        assert_eq!(head.layers, 2..3, "the reshape before it has no part");
        assert!(profile.parts.iter().all(|part| !part.forward.is_zero()), "{layer:?}");
        assert!(!head.backward.is_zero() && !head.update.is_zero());
        assert!(profile.total() >= head.forward + head.backward + head.update);
        let forward: u64 = profile.parts.iter().map(|part| part.macs_forward).sum();
        assert_eq!(forward, model.macs(), "{layer:?}");
        let trained = model.layers()[0].trainable_count() > 0;
        assert_eq!(head.macs_backward, if trained { 2 } else { 1 } * head.macs_forward);
    }
}

#[test]
fn fused_equals_unfused() {
    let text = r#"
        input = [13, 12, 2]
        [[layers]]
        type = "Conv2D"
        filters = 17
        kernel_size = 3
        activation = "relu"
        [[layers]]
        type = "MaxPooling2D"
        [[layers]]
        type = "Conv2D"
        filters = 5
        kernel_size = 2
        [[layers]]
        type = "MaxPooling2D"
        [[layers]]
        type = "BatchNormalization"
        [[layers]]
        type = "Activation"
        activation = "relu"
        [[layers]]
        type = "Flatten"
        [[layers]]
        type = "Dense"
        units = 3
        activation = "softmax"
    "#;
    let model = ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
    let ((fused, fused_losses), (plain, plain_losses)) =
        (train(&model, 1, true), train(&model, 1, false));
    for (a, b) in fused
        .iter()
        .zip(&plain)
        .map(|(a, b)| (f64::from(*a), f64::from(*b)))
        .chain(fused_losses.into_iter().zip(plain_losses))
    {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(0.1), "fused {a}, unfused {b}");
    }
}

/// Dense layers so large that they are run over the whole batch at once, at the beginning, side by side, over several rows of
/// each sample, between other layers and at the end: the same bits as shard by shard, on any number of threads.
#[test]
fn wide_layers_give_the_same_bits_as_shard_by_shard() {
    let dense = |units: usize, rest: &str| {
        format!("[[layers]]\ntype = \"Dense\"\nunits = {units}\n{rest}\n")
    };
    let softmax = "activation = \"softmax\"";
    let flatten = "[[layers]]\ntype = \"Flatten\"\n";
    let networks = [
        // Over three rows of each sample, then two in a row, the first of which has a penalty and no bias.
        format!(
            "input = [3, 200]\n{}{flatten}{}{}{}",
            dense(170, "activation = \"tanh\""),
            dense(97, "activation = \"relu\"\nuse_bias = false\nkernel_regularizer = \"l1l2\""),
            dense(400, "activation = \"sigmoid\""),
            dense(3, softmax)
        ),
        // Behind a convolution and dropout, and the last layer of all.
        format!(
            "input = [28, 28, 1]\n[[layers]]\ntype = \"Conv2D\"\nfilters = 20\nkernel_size = 3\nstrides = 2\n\
             activation = \"relu\"\n{flatten}[[layers]]\ntype = \"Dropout\"\nrate = 0.3\n{}{}",
            dense(33, ""),
            dense(1000, softmax)
        ),
    ];
    for text in networks {
        let model = ModelSpec::from_toml("model.toml", &text).unwrap().0.build().unwrap();
        assert!(model.layers().iter().filter(|layer| layer.param_count() > 1 << 15).count() > 1);
        // Nothing else is rearranged here: there is no pooling to merge.
        let (expected, losses) = train(&model, 1, false);
        for threads in [1, 2, 7] {
            let (weights, found) = train(&model, threads, true);
            assert_eq!(bits(&weights), bits(&expected), "{threads} threads: {text}");
            assert_eq!(found, losses);
        }
    }
}

/// Every layer's activations in one pass equal what prediction gives, and are as long as declared.
#[test]
fn activations_end_in_the_prediction() {
    let (layer, input) = LayerSpec::examples().swap_remove(5);
    let model = network(layer, input);
    let weights = model.initial_weights(4);
    let data = numbers(8, 6 * model.input().len());
    let feed = |range: std::ops::Range<usize>, x: &mut [f32], _: &mut [u32]| {
        let len = data.len() / 6;
        x.copy_from_slice(&data[range.start * len..range.end * len]);
    };
    let mut probabilities = vec![0.0; 6 * 3];
    engine(&model, 2, true).predict(&weights, 6, &feed, &mut probabilities);
    let activations = engine(&model, 1, false).activations(&weights, 6, &feed);
    assert_eq!(activations.len(), model.layers().len());
    for (activation, layer) in activations.iter().zip(model.layers()) {
        assert_eq!(activation.len(), 6 * layer.output.len(), "{}", layer.spec.kind());
    }
    assert_eq!(activations.last().unwrap(), &probabilities);
    for row in probabilities.chunks(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

/// The smooth one of Conv2D's examples.
fn tanh_convolution() -> (LayerSpec, Vec<usize>) {
    let smooth = |spec: &LayerSpec| matches!(spec, LayerSpec::Conv2D(conv) if conv.activation == Function::Tanh);
    LayerSpec::examples().into_iter().find(|(spec, _)| smooth(spec)).unwrap()
}

/// The largest distance between the engine's mean gradient of the loss and central differences, through a whole network.
fn worst_gradient(model: &Model, spec: &LossSpec) -> f64 {
    let mut engine = engine_for(spec, model, 1, true);
    let classes = if model.output().len() == 1 { 2 } else { model.output().len() };
    let mut weights = model.initial_weights(2);
    let len = model.input().len();
    let data = numbers(5, 6 * len);
    let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
        x.copy_from_slice(&data[range.start * len..range.end * len]);
        for (label, i) in labels.iter_mut().zip(range) {
            *label = (i % classes) as u32;
        }
    };
    let key = TrainKey { seed: 0, step: 0 };
    let mut gradient = vec![0.0; weights.len()];
    engine.gradients(&weights, 6, &feed, key, &mut gradient);
    // A step that changes nothing: unlike an evaluation it has the class weights in it.
    let mut loss = |weights: &mut Vec<f32>| {
        engine.train_step(weights, &mut [], 6, &feed, key, &|_, _, _, _| {}).loss()
    };
    let (mut worst, mut checked) = (0.0f64, 0);
    for i in (0..weights.len()).step_by(7) {
        let (before, eps) = (weights[i], 1e-2f32);
        if before != 0.0 && before.abs() <= eps {
            continue; // |w| has its kink within the step
        }
        weights[i] = before + eps;
        let up = loss(&mut weights);
        weights[i] = before - eps;
        let down = loss(&mut weights);
        weights[i] = before;
        worst = worst.max(((up - down) / (2.0 * f64::from(eps)) - f64::from(gradient[i])).abs());
        checked += 1;
    }
    assert!(checked > 10, "{checked} weights");
    worst
}

#[test]
fn loss_gradient_equals_finite_differences() {
    let (layer, input) = tanh_convolution();
    for (spec, outputs, link) in LossSpec::examples() {
        let activation = match link {
            Some(Link::Softmax) => Function::Softmax,
            Some(Link::Sigmoid) => Function::Sigmoid,
            None => Function::Linear,
        };
        let head = Dense { activation, ..Dense::new(outputs) };
        let worst = worst_gradient(&network_to(layer.clone(), input.clone(), head), &spec);
        assert!(worst < 2e-3, "{spec:?}: largest difference {worst}");
        testing::check_loss(&spec, outputs, link).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// A batch through the whole model, and the same batch as its front shows it through the rest: the same losses.
#[test]
fn the_front_shows_what_training_sees() {
    let random = "[[layers]]\ntype = \"RandomFlip\"\n[[layers]]\ntype = \"RandomCrop\"\nheight = 5\nwidth = 6\npadding = 1\n\
                  [[layers]]\ntype = \"MaxPooling2D\"\n[[layers]]\ntype = \"Dropout\"\nrate = 0.2\n";
    let rest = "[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";
    let build = |text: &str| ModelSpec::from_toml("m", text).unwrap().0.build().unwrap();
    let whole = build(&format!("input = [7, 6, 2]\n{random}{rest}"));
    let bare = build(&format!("input = [2, 3, 2]\n{rest}"));
    let front = Front::of(&whole).unwrap();
    assert_eq!(front.kinds(), ["RandomFlip", "RandomCrop", "MaxPooling2D", "Dropout"]);
    assert_eq!(front.output(), bare.input());
    assert!(Front::of(&bare).is_none());

    let (x, weights) = (numbers(6, 9 * 84), whole.initial_weights(3));
    let key = TrainKey { seed: 11, step: 40 };
    let losses = |model: &Model, x: &[f32]| {
        let len = model.input().len();
        let feed = |range: std::ops::Range<usize>, to: &mut [f32], labels: &mut [u32]| {
            to.copy_from_slice(&x[range.start * len..range.end * len]);
            for (label, i) in labels.iter_mut().zip(range) {
                *label = (i % 3) as u32;
            }
        };
        let mut gradient = vec![0.0; weights.len()];
        let metrics = engine(model, 2, true).gradients(&weights, 9, &feed, key, &mut gradient);
        (metrics.loss_sum.to_bits(), bits(&gradient))
    };
    let seen = front.train(&x, key, 0);
    assert_eq!(losses(&whole, &x), losses(&bare, &seen));
    let alone = front.train(&x[84 * 4..84 * 5], key, 4);
    assert_eq!(alone, seen[12 * 4..12 * 5], "an image is changed the same without its batch");
}

/// The same with penalties on every parameter, each of them large enough to show.
#[test]
fn loss_gradient_holds_the_penalties() {
    let (layer, input) = tanh_convolution();
    let mut spec = network(layer, input).spec();
    let strong = |l1, l2| Some(Regularizer { l1, l2 });
    for entry in &mut spec.layers {
        match &mut entry.spec {
            LayerSpec::Conv2D(conv) => {
                (conv.kernel_regularizer, conv.bias_regularizer) =
                    (strong(0.3, 0.2), strong(0.0, 0.4));
            }
            LayerSpec::Dense(dense) => {
                (dense.kernel_regularizer, dense.bias_regularizer) =
                    (strong(0.0, 0.5), strong(0.1, 0.0));
            }
            _ => {}
        }
    }
    let worst = worst_gradient(&spec.build().unwrap(), &LossSpec::default());
    assert!(worst < 2e-3, "largest difference {worst}");
}

/// The penalty is in the loss of a step and of an evaluation alike, weighs a batch as its samples do, and is the same sum
/// for any number of threads, on parameters that lie across several blocks.
#[test]
fn the_penalty_is_part_of_every_loss() {
    let text = r#"
        input = [70]
        [[layers]]
        type = "Dense"
        units = 130
        activation = "tanh"
        kernel_regularizer = { l1 = 0.01, l2 = 0.02 }
        [[layers]]
        type = "Dense"
        units = 3
        activation = "softmax"
        bias_regularizer = { l2 = 5.0 }
    "#;
    let model = ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
    let bare = text.replace("kernel_regularizer", "#").replace("bias_regularizer", "#");
    let bare = ModelSpec::from_toml("model.toml", &bare).unwrap().0.build().unwrap();
    let mut weights = model.initial_weights(3);
    let last = weights.len() - 1;
    weights[last] = 0.5;
    let kernel = weights[..70 * 130].iter().map(|w| f64::from(*w));
    let expected: f64 = kernel.map(|w| 0.01 * w.abs() + 0.02 * w * w).sum::<f64>() + 5.0 * 0.25;
    let data = numbers(6, 21 * 70);
    let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
        x.copy_from_slice(&data[range.start * 70..range.end * 70]);
        labels.fill(1);
    };
    let key = TrainKey { seed: 1, step: 0 };
    let run = |model: &Model, threads| {
        let mut engine = engine(model, threads, true);
        let evaluated = engine.evaluate(&weights, 21, &feed);
        let mut same = weights.clone();
        let trained = engine.train_step(&mut same, &mut [], 21, &feed, key, &|_, _, _, _| {});
        (evaluated, trained)
    };
    let (evaluated, trained) = run(&model, 1);
    let (bare_evaluated, bare_trained) = run(&bare, 1);
    for (with, without) in [(evaluated, bare_evaluated), (trained, bare_trained)] {
        assert!(
            (with.penalty() - expected).abs() < 1e-6 * expected,
            "{} {expected}",
            with.penalty()
        );
        assert!((with.loss() - (without.loss() + expected)).abs() < 1e-6);
        assert_eq!(with.data_loss().to_bits(), without.loss().to_bits());
        assert_eq!((without.penalty(), without.correct), (0.0, with.correct));
    }
    for threads in [2, 7] {
        assert_eq!(run(&model, threads), (evaluated, trained), "{threads} threads");
    }
}

/// A batch of mixed pairs: its gradient is share times that of the one label and the rest of the other's.
#[test]
fn a_mixed_batch_has_the_mean_of_both_gradients() {
    let (layer, input) = tanh_convolution();
    let model = network(layer, input);
    let (weights, len) = (model.initial_weights(2), model.input().len());
    let data = numbers(5, 13 * len);
    let pixels = |range: &std::ops::Range<usize>, x: &mut [f32]| {
        x.copy_from_slice(&data[range.start * len..range.end * len]);
    };
    let label = |shift: usize, range: std::ops::Range<usize>, labels: &mut [u32]| {
        for (label, i) in labels.iter_mut().zip(range) {
            *label = ((i + shift) % 3) as u32;
        }
    };
    let key = TrainKey { seed: 1, step: 0 };
    // One plain gradient step of size 1 shows the gradient.
    let take = |_: usize, w: &mut [f32], g: &mut [f32], _: &mut [&mut [f32]]| {
        for (w, g) in w.iter_mut().zip(g) {
            *w = *g;
        }
    };
    let plain = |shift: usize| {
        let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            pixels(&range, x);
            label(shift, range, labels);
        };
        let mut gradient = weights.clone();
        let metrics =
            engine(&model, 1, true).train_step(&mut gradient, &mut [], 13, &feed, key, &take);
        (gradient, metrics)
    };
    let mixed = |threads, share: f32| {
        let feed = |range: std::ops::Range<usize>, x: &mut [f32], targets: Targets<'_>| {
            pixels(&range, x);
            label(0, range.clone(), targets.labels);
            label(1, range, targets.partners);
            targets.shares.fill(share);
        };
        let mut gradient = weights.clone();
        let metrics = engine(&model, threads, true).train_step_mixed(
            &mut gradient,
            &mut [],
            13,
            &feed,
            key,
            &take,
        );
        (gradient, metrics)
    };
    let ((first, a), (second, b)) = (plain(0), plain(1));
    let (gradient, metrics) = mixed(1, 0.75);
    for ((got, first), second) in gradient.iter().zip(&first).zip(&second) {
        assert!((got - (0.75 * first + 0.25 * second)).abs() < 1e-6, "{got} {first} {second}");
    }
    assert!((metrics.loss() - (0.75 * a.loss() + 0.25 * b.loss())).abs() < 1e-6);
    assert_eq!((metrics.correct, mixed(1, 0.25).1.correct), (a.correct, b.correct));
    assert_eq!(bits(&mixed(7, 0.75).0), bits(&gradient));
    assert_eq!(bits(&mixed(1, 1.0).0), bits(&first));
}

/// The engine, which takes blocks apart, cuts the batch into shards and lets them meet, against the layer and its head run one after
/// the other over the whole batch.
#[test]
fn the_engine_does_what_the_layers_do() {
    let n = 21;
    // A penalty on outputs is the engine's own; cnn-train compares it with Keras.
    let plain =
        |(layer, _): &(LayerSpec, _)| !format!("{layer:?}").contains("activity_regularizer: Some");
    for (layer, input) in LayerSpec::examples().into_iter().filter(plain) {
        let model = network(layer.clone(), input);
        let (len, loss) = (model.input().len(), loss_of(&model));
        let mut weights = model.initial_weights(1);
        let own = model.layers()[0].params_range().len();
        for (w, random) in weights[..own].iter_mut().zip(numbers(8, own)) {
            *w += 0.1 * random;
        }
        let (data, labels): (_, Vec<u32>) =
            (numbers(3, n * len), (0..n as u32).map(|i| i % 3).collect());
        let feed = |range: std::ops::Range<usize>, x: &mut [f32], to: &mut [u32]| {
            x.copy_from_slice(&data[range.start * len..range.end * len]);
            to.copy_from_slice(&labels[range]);
        };
        let key = TrainKey { seed: 5, step: 3 };
        let mut found = vec![0.0; weights.len()];
        engine(&model, 2, true).gradients(&weights, n, &feed, key, &mut found);

        let pass = |layer| Pass::Train { seed: 5, step: 3, layer, first: 0 };
        let built = |at: usize| {
            let layer = &model.layers()[at];
            (layer.spec.build(&layer.input).unwrap(), weights[layer.params_range()].to_vec())
        };
        let (first, params) = built(0);
        let mut first = Bench::new(first, data.clone(), n, params, pass(0));
        let (head, params) = built(2);
        let x = first.forward().to_vec();
        let mut head = Bench::new(
            Built { layer: head.layer.without_link(Link::Softmax).unwrap(), ..head },
            x,
            n,
            params,
            pass(2),
        );
        let logits = head.forward().to_vec();
        let mut dlogits = vec![0.0; logits.len()];
        let mut counts = ClassCounts::new(3);
        let (truth, scale) = (Labels::plain(&labels), 1.0 / n as f32);
        loss.measure(Isa::best(), &logits, truth, true, scale, &mut dlogits, &mut counts);
        let mut expected = vec![0.0; weights.len()];
        let (of_first, of_head) = expected.split_at_mut(own);
        let dy = head.backward(&dlogits, of_head, true);
        first.backward(&dy, of_first, own > 0);
        let penalties = penalty_gradient(&model, &weights);
        let largest = expected.iter().fold(1e-2_f32, |max, g| max.max(g.abs()));
        for (i, ((found, expected), penalty)) in
            found.iter().zip(&expected).zip(penalties).enumerate()
        {
            let trained = model.params().any(|p| p.trainable && p.range.contains(&i));
            let expected = if trained { expected + penalty } else { 0.0 };
            assert!(
                (found - expected).abs() <= 2e-5 * largest,
                "{layer:?} at {i}: {found}, {expected}"
            );
        }
    }
}

fn loss_of(model: &Model) -> Loss {
    Loss::new(&LossSpec::default(), model.output(), model.link()).unwrap()
}

/// What the regularisers add to the gradient.
fn penalty_gradient(model: &Model, weights: &[f32]) -> Vec<f32> {
    let mut g = vec![0.0; weights.len()];
    for param in model.params() {
        let Some(Regularizer { l1, l2 }) = param.penalty else { continue };
        for i in param.range.clone() {
            g[i] = l1 * weights[i].signum() + 2.0 * l2 * weights[i];
        }
    }
    g
}
