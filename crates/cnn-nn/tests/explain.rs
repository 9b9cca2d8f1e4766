//! Explanations against TensorFlow's and NumPy's numbers (`data/golden/make_explain.py`), finite differences, and what they promise.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

use cnn_data::npz;
use cnn_kernels::Isa;
use cnn_nn::explain::{
    Baseline, CurveSettings, ExplainError, IntegratedGradients, Maximise, Method, Network,
    Occlusion, Place, Question, Settings, SmoothGrad, cam_layer, check_maximised, explain,
    grad_cam, grad_cam_plus_plus, integrated_gradients, maximise, occlusion, pixel_curves,
    randomised, references, saliency, smooth_grad, spearman, ssim,
};
use cnn_nn::layers::{
    Activation, Conv2D, Dense, Dropout, Flatten, Function, LayerSpec, MaxPooling2D,
};
use cnn_nn::{Model, ModelSpec};
use ndarray::Array2;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// The golden file: name → (shape, values).
struct Golden(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Golden {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/explain.npz");
        let entries = npz::read(&path).unwrap_or_else(|e| panic!("{e}"));
        Self(
            entries
                .into_iter()
                .map(|e| (e.name, (e.array.shape.clone(), e.array.to_f32())))
                .collect(),
        )
    }

    fn of(&self, name: &str) -> &[f32] {
        &self.0.get(name).unwrap_or_else(|| panic!("{name}")).1
    }

    fn model(&self) -> (Model, Vec<f32>) {
        let text: String = self.of("toml").iter().map(|&b| char::from(b as u8)).collect();
        let model = ModelSpec::from_toml("model.toml", &text).unwrap().0.build().unwrap();
        let weights =
            model.params().flat_map(|p| self.of(&format!("weights/{}", p.name)).to_vec()).collect();
        (model, weights)
    }

    /// Part `i` of the three that the array holds, one for each image.
    fn part(&self, name: &str, i: usize) -> &[f32] {
        let all = self.of(name);
        &all[i * all.len() / 3..(i + 1) * all.len() / 3]
    }
}

fn close<'a>(what: &str, ours: impl IntoIterator<Item = &'a f32>, golden: &[f32]) {
    let ours: Vec<f32> = ours.into_iter().copied().collect();
    assert_eq!(ours.len(), golden.len(), "{what}");
    let scale = golden.iter().fold(1.0f32, |m, g| m.max(g.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{what}[{i}]: ours {a}, golden {b}");
    }
}

#[test]
fn maps_equal_those_of_tensorflow_and_numpy() {
    let golden = Golden::read();
    let (model, weights) = golden.model();
    let layers = [(0, "conv2d"), (1, "max_pooling2d"), (2, "conv2d_1")];
    for isa in Isa::available() {
        let network = Network::new(&model, &weights, isa);
        for class in [0, 3] {
            let name = |rest: &str| format!("class{class}/{rest}");
            for i in 0..3 {
                let question = Question::new(&network, golden.part("images", i), class).unwrap();
                let part = |rest: &str| golden.part(&name(rest), i);
                close("score", &[question.scores()[class]], part("score"));
                close("saliency", &saliency(&question), part("saliency"));
                for (layer, of) in layers {
                    let cam = grad_cam(&question, Some(layer)).unwrap();
                    close(of, &cam.coarse, part(&format!("grad-cam/{of}/coarse")));
                    close(of, &cam.map, part(&format!("grad-cam/{of}/map")));
                    let cam = grad_cam_plus_plus(&question, Some(layer)).unwrap();
                    close(of, &cam.coarse, part(&format!("grad-cam++/{of}/coarse")));
                    close(of, &cam.map, part(&format!("grad-cam++/{of}/map")));
                }
                let steps = IntegratedGradients::fixed(20);
                let baseline = Baseline::Image(golden.of("baseline").to_vec());
                for (baseline, of) in [(Baseline::Grey(0.0), ""), (baseline, "/baseline")] {
                    let found = integrated_gradients(&question, &baseline, &steps).unwrap();
                    let of = format!("integrated-gradients{of}");
                    close(&of, &found.attributions, part(&of));
                }
                let windows = Occlusion { window: 3, stride: 2 };
                let map = occlusion(&question, &Baseline::default(), &windows).unwrap();
                close("occlusion", &map, part("occlusion"));
            }
            for (place, of) in layers.map(|(at, of)| (Place::Output(at), format!("/{of}"))) {
                let found = network.class_gradient(golden.of("images"), class, place);
                close(&of, &found.gradient, golden.of(&name(&format!("gradient{of}"))));
            }
            let at_input = network.class_gradient(golden.of("images"), class, Place::Input);
            close("input", &at_input.gradient, golden.of(&name("gradient")));
        }
    }
}

#[test]
fn likeness_is_scipys_and_scikit_images() {
    let golden = Golden::read();
    let plane = |i: usize| {
        Array2::from_shape_vec((12, 10), golden.of("planes")[i * 120..][..120].to_vec()).unwrap()
    };
    let ours = spearman(&golden.of("planes")[..120], &golden.of("planes")[120..]);
    assert!((ours - f64::from(golden.of("spearman")[0])).abs() < 1e-6);
    assert!((ssim(&plane(0), &plane(1)) - f64::from(golden.of("ssim")[0])).abs() < 1e-6);
}

/// A smooth network, so that differences are those of the gradient: every layer that can stand between is in it.
fn smooth() -> (Model, Vec<f32>) {
    let layers = [
        LayerSpec::Conv2D(Conv2D { activation: Function::Tanh, ..Conv2D::new(3, 3) }),
        LayerSpec::Dropout(Dropout { rate: 0.5 }),
        LayerSpec::Conv2D(Conv2D { strides: 2.into(), ..Conv2D::new(4, 2) }),
        LayerSpec::Activation(Activation { activation: Function::Sigmoid }),
        LayerSpec::Flatten(Flatten),
        LayerSpec::Dense(Dense { activation: Function::Softmax, ..Dense::new(3) }),
    ];
    let model = ModelSpec::new([7, 6, 2], layers).build().unwrap();
    let mut weights = model.initial_weights(3);
    for (i, weight) in weights.iter_mut().enumerate() {
        *weight = 2.0 * *weight + 0.01 * (i % 7) as f32;
    }
    (model, weights)
}

fn image(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 100.0).collect()
}

#[test]
fn the_gradient_of_the_logit_equals_finite_differences() {
    let (model, weights) = smooth();
    let network = Network::new(&model, &weights, Isa::best());
    let (x, h) = (image(84, 1), 2e-2);
    for class in 0..3 {
        let gradient = network.class_gradient(&x, class, Place::Input).gradient;
        for i in 0..x.len() {
            let score = |by: f32| {
                let mut moved = x.clone();
                moved[i] += by;
                f64::from(network.scores(&moved)[class])
            };
            // Fourth order, so that the step may be long enough for f32.
            let h64 = f64::from(h);
            let slope =
                (8.0 * (score(h) - score(-h)) - (score(2.0 * h) - score(-2.0 * h))) / (12.0 * h64);
            let ours = f64::from(gradient[i]);
            assert!((ours - slope).abs() < 2e-4, "class {class}, number {i}: {ours} {slope}");
        }
    }
    // The score is the logit: what the probabilities are the softmax of.
    let (scores, probabilities) = (network.scores(&x), network.probabilities(&x));
    let sum: f64 = scores.iter().map(|s| f64::from(*s).exp()).sum();
    for (score, probability) in scores.iter().zip(probabilities) {
        assert!((f64::from(*score).exp() / sum - f64::from(probability)).abs() < 1e-6);
    }
}

#[test]
fn a_batch_is_its_images_one_by_one() {
    let (model, weights) = smooth();
    let network = Network::new(&model, &weights, Isa::best());
    let images: Vec<f32> = (0..70).flat_map(|seed| image(84, seed)).collect();
    for place in [Place::Input, Place::Output(0), Place::Output(3), Place::Output(5)] {
        let all = network.class_gradient(&images, 1, place);
        let each: Vec<f32> = images
            .chunks(84)
            .flat_map(|image| network.class_gradient(image, 1, place).gradient)
            .collect();
        close(&format!("{place:?}"), &all.gradient, &each);
        assert_eq!(all.scores.len(), 70);
        assert_eq!(all.values.len(), all.gradient.len());
    }
    assert!(network.class_gradient(&[], 1, Place::Input).gradient.is_empty());
}

fn small(kinds: u8, seed: u64) -> (Model, Vec<f32>) {
    let relu = |dense| LayerSpec::Dense(Dense { activation: Function::Relu, ..Dense::new(dense) });
    let mut layers = Vec::new();
    if kinds & 1 == 1 {
        layers.push(LayerSpec::Conv2D(Conv2D { activation: Function::Relu, ..Conv2D::new(4, 3) }));
        layers.push(LayerSpec::MaxPooling2D(MaxPooling2D::default()));
    }
    layers.push(LayerSpec::Flatten(Flatten));
    if kinds & 2 == 2 {
        layers.push(relu(9));
    }
    let function = if kinds & 4 == 4 { Function::Softmax } else { Function::Linear };
    layers.push(LayerSpec::Dense(Dense { activation: function, ..Dense::new(3) }));
    let model = ModelSpec::new([8, 7, 1 + usize::from(kinds >> 3)], layers).build().unwrap();
    let weights = model.initial_weights(seed);
    (model, weights)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn integrated_gradients_are_complete(kinds in 0u8..16, seed in 0u64..1000, class in 0usize..3) {
        let (model, weights) = small(kinds, seed);
        let network = Network::new(&model, &weights, Isa::best());
        let x = image(model.input().len(), seed as usize);
        let question = Question::new(&network, &x, class).unwrap();
        let settings = IntegratedGradients { max_steps: 1 << 14, ..Default::default() };
        let found = integrated_gradients(&question, &Baseline::Grey(0.1), &settings).unwrap();
        let complete = found.completeness;
        // Where the score hardly moves, 1 % of that is less than f32 can say.
        let rise = (complete.score - complete.baseline_score).abs();
        prop_assert!(complete.error() <= 0.01 || rise < 1e-3, "{complete:?}");
        let sum: f64 = found.map.iter().map(|v| f64::from(*v)).sum();
        prop_assert!((sum - complete.sum).abs() < 1e-4, "the map holds all of it");
    }

    /// On a linear network all is known: the gradient is the weight, and its share w·(x − b).
    #[test]
    fn a_linear_network_explains_itself(seed in 0u64..1000, class in 0usize..3, channels in 0u8..2) {
        let (model, weights) = small(channels << 3, seed);
        let network = Network::new(&model, &weights, Isa::best());
        let c = model.input().dims()[2];
        let x = image(model.input().len(), seed as usize);
        let question = Question::new(&network, &x, class).unwrap();
        let weight = |i: usize| weights[i * 3 + class];
        let per_pixel = |f: &dyn Fn(usize) -> f32, fold: fn(f32, f32) -> f32| -> Vec<f32> {
            (0..56).map(|p| (p * c..(p + 1) * c).map(f).reduce(fold).unwrap()).collect()
        };
        let size = per_pixel(&|i| weight(i).abs(), f32::max);
        close("saliency", &saliency(&question), &size);
        close("smooth", &smooth_grad(&question, &SmoothGrad::default()).unwrap(), &size);
        let share = per_pixel(&|i| weight(i) * (x[i] - 0.25), |a, b| a + b);
        let found = integrated_gradients(&question, &Baseline::Grey(0.25), &IntegratedGradients::fixed(1)).unwrap();
        close("integrated", &found.map, &share);
        let windows = Occlusion { window: 1, stride: 1 };
        close("occlusion", &occlusion(&question, &Baseline::Grey(0.25), &windows).unwrap(), &share);
    }
}

#[test]
fn noise_of_nothing_is_saliency_and_the_seed_decides() {
    let (model, weights) = small(7, 5);
    let network = Network::new(&model, &weights, Isa::best());
    let x = image(56, 2);
    let question = Question::new(&network, &x, 0).unwrap();
    let smooth =
        |noise, seed| smooth_grad(&question, &SmoothGrad { samples: 40, noise, seed }).unwrap();
    close("no noise", &smooth(0.0, 1), saliency(&question).as_slice().unwrap());
    assert_eq!(smooth(0.2, 1), smooth(0.2, 1));
    assert_ne!(smooth(0.2, 1), smooth(0.2, 2));
}

#[test]
fn the_default_layer_of_class_activation_maps() {
    let find =
        |layers: Vec<LayerSpec>| cam_layer(&ModelSpec::new([8, 8, 1], layers).build().unwrap());
    let conv = || LayerSpec::Conv2D(Conv2D::new(2, 3));
    let pool = || LayerSpec::MaxPooling2D(MaxPooling2D::default());
    let relu = || LayerSpec::Activation(Activation { activation: Function::Relu });
    let (flat, dense) = (LayerSpec::Flatten(Flatten), LayerSpec::Dense(Dense::new(3)));
    assert_eq!(find(vec![conv(), pool(), conv(), flat.clone(), dense.clone()]), Some(2));
    assert_eq!(find(vec![conv(), relu(), pool(), flat.clone(), dense.clone()]), Some(1));
    assert_eq!(find(vec![dense.clone(), pool(), flat.clone(), dense.clone()]), Some(0));
    assert_eq!(find(vec![pool(), flat.clone(), dense.clone()]), None);
    assert_eq!(find(vec![flat, dense]), None);
}

/// A network that knows nothing but whether the upper left quarter is bright: class 1 is "it is".
fn quarter() -> (Model, Vec<f32>) {
    let layers = [
        LayerSpec::Flatten(Flatten),
        LayerSpec::Dense(Dense { activation: Function::Softmax, ..Dense::new(2) }),
    ];
    let model = ModelSpec::new([8, 8, 1], layers).build().unwrap();
    let in_quarter = |i: usize| i / 8 < 4 && i % 8 < 4;
    let mut weights: Vec<f32> =
        (0..64).flat_map(|i| [0.0, if in_quarter(i) { 1.0 } else { 0.0 }]).collect();
    weights.extend([0.0, -8.0]);
    (model, weights)
}

#[test]
fn sanity_checks_tell_a_model_from_a_picture() {
    let (model, weights) = quarter();
    let network = Network::new(&model, &weights, Isa::best());
    let x = vec![1.0; 64];
    let question = Question::new(&network, &x, 1).unwrap();
    let (settings, curves) = (Settings::default(), CurveSettings::default());
    let found = explain(&question, Method::IntegratedGradients, &settings).unwrap();
    let checked = randomised(&question, std::slice::from_ref(&found), &settings, 0, 8).unwrap();
    assert!(checked[0].depends_on_model(), "{checked:?}");
    assert_eq!(checked[0].cascade.len(), 1, "one layer has parameters");

    // Its pixels first: the probability falls, and rises, within a quarter of the pixels.
    let ours = pixel_curves(&question, &found.map, &settings.baseline, &curves).unwrap();
    let against = references(&question, &settings.baseline, &curves).unwrap();
    assert!(ours.deletion_area() < 0.2 && ours.insertion_area() > 0.8, "{ours:?}");
    for reference in [&against.random, &against.picture] {
        assert!((0.3..0.7).contains(&reference.deletion_area()), "{reference:?}");
        assert!((0.3..0.7).contains(&reference.insertion_area()), "{reference:?}");
    }
    assert_eq!((ours.shares[0], ours.shares[28]), (0.0, 1.0));
    assert!((ours.deletion[0] - ours.insertion[28]).abs() < 1e-6, "both are the image");

    // A map that is the picture's brightness, whatever the weights, is found out.
    let dull = |gain: f32| Array2::from_shape_fn((8, 8), |(i, j)| gain * (i * 8 + j) as f32);
    let flat = |map: Array2<f32>| map.iter().copied().collect::<Vec<f32>>();
    assert!((spearman(&flat(dull(1.0)), &flat(dull(3.0))) - 1.0).abs() < 1e-12);
}

#[test]
fn a_gradient_that_is_the_weights_own_depends_on_the_model_and_times_input_less() {
    // Dark everywhere but a bar: shares of dark pixels are 0 whatever the weights, so the ranks agree.
    let (model, weights) = small(6, 4);
    let network = Network::new(&model, &weights, Isa::best());
    let x: Vec<f32> = (0..56).map(|i| if i % 7 == 3 { 1.0 } else { 0.0 }).collect();
    let question = Question::new(&network, &x, 0).unwrap();
    let settings = Settings::default();
    let maps: Vec<_> = [Method::Saliency, Method::IntegratedGradients]
        .map(|method| explain(&question, method, &settings).unwrap())
        .into();
    let checked = randomised(&question, &maps, &settings, 0, 5).unwrap();
    assert!(checked[0].depends_on_model(), "{checked:?}");
    assert!(!checked[1].depends_on_model(), "{checked:?}");
    assert_eq!(checked[1].cascade.last().unwrap().layer, "dense");
}

#[test]
fn a_channel_gets_the_image_that_it_looks_for() {
    let (model, weights) = quarter();
    let network = Network::new(&model, &weights, Isa::best());
    let settings = Maximise::default();
    let found = maximise(&network, 1, &[1], &settings).unwrap();
    let mean = |wanted: bool| {
        let pixels = (0..64).filter(|i| (i / 8 < 4 && i % 8 < 4) == wanted);
        let values: Vec<f32> = pixels.map(|i| found[0].image[i]).collect();
        values.iter().sum::<f32>() / values.len() as f32
    };
    assert!(mean(true) > 0.9 && mean(false) < 0.5, "{} {}", mean(true), mean(false));
    let score = network.scores(&found[0].image)[1];
    assert!((found[0].activation - score).abs() < 1e-5, "its own score");
    let black = |_: usize, x: &mut [f32]| x.fill(0.0);
    let checked = check_maximised(&network, 1, &found, &settings, Some((2, &black))).unwrap();
    assert_eq!(checked[0].data, Some(-8.0));
    assert!(checked[0].depends_on_model(&found[0]), "{checked:?}");

    // A unit of zeros is driven by nothing, and says so.
    let idle = maximise(&network, 1, &[0], &settings).unwrap();
    let checked = check_maximised(&network, 1, &idle, &settings, None).unwrap();
    assert!(!checked[0].depends_on_model(&idle[0]), "{checked:?} {}", idle[0].activation);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let (model, weights) = small(6, 1);
    let network = Network::new(&model, &weights, Isa::best());
    let x = image(56, 1);
    let ask = |image: &'static [f32], class| Question::new(&network, image, class).unwrap_err();
    assert_eq!(ask(&[0.0; 55], 0), ExplainError::Image { expected: 56, got: 55 });
    assert_eq!(ask(&[0.0; 56], 3), ExplainError::Class { asked: 3, classes: 3 });
    assert_eq!(ask(&[f32::NAN; 56], 0), ExplainError::NotFinite);

    let question = Question::new(&network, &x, 0).unwrap();
    assert_eq!(grad_cam(&question, None).unwrap_err(), ExplainError::NoMaps);
    let error = grad_cam_plus_plus(&question, Some(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer `dense` gives [9] for an image, no maps [height, width, channels]"
    );
    assert_eq!(
        grad_cam(&question, Some(7)).unwrap_err(),
        ExplainError::Layer { asked: 7, layers: 3 }
    );
    let none = SmoothGrad { samples: 0, ..SmoothGrad::default() };
    let negative = SmoothGrad { noise: -1.0, ..SmoothGrad::default() };
    let gap = Occlusion { window: 2, stride: 3 };
    let flat = CurveSettings { steps: 0, ..CurveSettings::default() };
    let alone = CurveSettings { orders: 0, ..CurveSettings::default() };
    let black = Baseline::default();
    let map = Array2::zeros((8, 7));
    let errors = [
        smooth_grad(&question, &none).unwrap_err(),
        smooth_grad(&question, &negative).unwrap_err(),
        integrated_gradients(&question, &black, &IntegratedGradients::fixed(0)).unwrap_err(),
        occlusion(&question, &black, &gap).unwrap_err(),
        pixel_curves(&question, &map, &black, &flat).unwrap_err(),
        references(&question, &black, &alone).unwrap_err(),
        maximise(&network, 2, &[0], &Maximise { steps: 0, ..Default::default() }).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, ExplainError::Setting { .. })), "{errors:?}");
    let small = Baseline::Image(vec![0.0; 3]);
    let steps = IntegratedGradients::default();
    assert_eq!(
        integrated_gradients(&question, &small, &steps).unwrap_err(),
        ExplainError::Image { expected: 56, got: 3 }
    );
    let nan = Baseline::Grey(f32::NAN);
    assert_eq!(integrated_gradients(&question, &nan, &steps).unwrap_err(), ExplainError::NotFinite);
    let error = maximise(&network, 2, &[3], &Maximise::default()).unwrap_err();
    assert_eq!(error.to_string(), "there is no channel 3: layer `dense_1` has 3");
    assert_eq!(error.hint(), "channels go from 0 to 2");
    assert!(maximise(&network, 3, &[0], &Maximise::default()).is_err());
}

/// Inputs without channels and inputs that are no pictures are explained as well.
#[test]
fn every_input_has_a_map() {
    for (input, size) in [(vec![6, 5], (6, 5)), (vec![9], (1, 9))] {
        let layers = [LayerSpec::Flatten(Flatten), LayerSpec::Dense(Dense::new(3))];
        let model = ModelSpec::new(input, layers).build().unwrap();
        let weights = model.initial_weights(1);
        let network = Network::new(&model, &weights, Isa::best());
        let x = image(model.input().len(), 1);
        let question = Question::new(&network, &x, 2).unwrap();
        for method in Method::ALL.into_iter().filter(|method| !method.needs_maps()) {
            let found = explain(&question, method, &Settings::default()).unwrap();
            assert_eq!(found.map.dim(), size, "{}", method.name());
        }
        let map = saliency(&question);
        pixel_curves(&question, &map, &Baseline::default(), &CurveSettings::default()).unwrap();
        assert_eq!(maximise(&network, 1, &[0, 2], &Maximise::default()).unwrap().len(), 2);
    }
}
