//! Layers, initial weights, losses and gradients against Keras's own numbers (data/golden, made by the scripts beside the files).

use cnn_data::npz;
use cnn_kernels::Isa;
use cnn_nn::ModelSpec;
use cnn_nn::config::Document;
use cnn_nn::engine::ClassCounts;
use cnn_nn::layer::{Link, Pass};
use cnn_nn::loss::{Labels, Loss, LossSpec};
use cnn_nn::testing::Bench;
use cnn_tensor::Shape;
use std::collections::BTreeMap;
use std::path::Path;

/// Arrays of one golden file: case → name → (shape, values).
type Cases = BTreeMap<String, BTreeMap<String, (Vec<usize>, Vec<f32>)>>;

fn cases(file: &str) -> Cases {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden").join(file);
    let mut cases = Cases::new();
    for npz::Entry { name, array } in npz::read(&path).unwrap_or_else(|e| panic!("{e}")) {
        if let Some((case, key)) = name.split_once('/') {
            let values = (array.shape.clone(), array.to_f32());
            cases.entry(case.to_owned()).or_default().insert(key.to_owned(), values);
        }
    }
    assert!(!cases.is_empty());
    cases
}

fn assert_close(what: &str, ours: &[f32], golden: &[f32]) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let scale = golden.iter().fold(1.0f32, |m, g| m.max(g.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{what}[{i}]: ours {a}, Keras {b}");
    }
}

#[test]
fn every_layer_equals_keras() {
    let mut count = 0;
    for kind in cnn_nn::layers::LayerSpec::KINDS {
        for (case, arrays) in cases(&format!("{kind}.npz")) {
            let what = format!("{kind} {case}");
            let text: String = arrays["toml"].1.iter().map(|&b| char::from(b as u8)).collect();
            let (x_shape, x) = &arrays["x"];
            let text = format!("input = {:?}\n\n[[layers]]\n{text}", &x_shape[1..]);
            let (spec, _) =
                ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{what}: {e}"));
            let built = spec.layers[0]
                .spec
                .build(&Shape::new(&x_shape[1..]))
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(built.output.dims(), &arrays["y"].0[1..], "{what}");
            let specs = built.params.clone();
            let params: Vec<f32> = specs.iter().flat_map(|p| arrays[&*p.name].1.clone()).collect();
            let training = arrays.contains_key("training");
            let train = Pass::Train { seed: 1, step: 0, layer: 0, first: 0 };
            let pass = if training { train } else { Pass::Infer };
            let mut bench = Bench::new(built, x.clone(), x_shape[0], params, pass);
            assert_close(&format!("{what} y"), bench.forward(), &arrays["y"].1);
            if let Some((_, dy)) = arrays.get("dy") {
                let mut dw = vec![0.0; bench.params.len()];
                let dx = bench.backward(dy, &mut dw, true);
                assert_close(&format!("{what} dx"), &dx, &arrays["dx"].1);
                let mut rest = &dw[..];
                for param in &specs {
                    let (ours, after) = rest.split_at(param.len());
                    if param.trainable {
                        let golden = &arrays[&format!("d{}", param.name)].1;
                        assert_close(&format!("{what} d{}", param.name), ours, golden);
                    }
                    rest = after;
                }
            }
            if let Some(layer) = bench.layer.batch_statistics().filter(|_| training) {
                let (mut part, mut whole) =
                    (vec![0.0; layer.part_len()], vec![0.0; layer.whole_len()]);
                layer.measure(Isa::best(), x, &mut part);
                layer.combine(&[(x_shape[0], &part)], &mut whole);
                layer.follow(&whole, &mut bench.params);
                let moving: Vec<f32> = (specs.iter().filter(|p| !p.trainable))
                    .flat_map(|p| arrays[&format!("next_{}", p.name)].1.clone())
                    .collect();
                let ours = &bench.params[bench.params.len() - moving.len()..];
                assert_close(&format!("{what} moving"), ours, &moving);
            }
            count += 1;
        }
    }
    println!("{count} layer cases equal Keras");
    assert!(count >= 20);
}

/// Seeds whose draws are taken together, beside Keras's forty.
const SEEDS: u64 = 20;

/// What is wrong with these draws beside those of Keras: limits, deciles, mean and deviation, within five deviations of sampling.
fn check_draws(
    arrays: &BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    drawn: &[f32],
) -> Result<(), String> {
    let of = |key: &str| arrays[key].1.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let n = drawn.len() as f64;
    // One of ours and half of one of theirs, as they are twice as many.
    let rarity = (1.5 / n).sqrt();
    if arrays.contains_key("limits") {
        let (low, high) = (of("limits")[0], of("limits")[1]);
        let least = f64::from(drawn.iter().copied().fold(f32::INFINITY, f32::min));
        let most = f64::from(drawn.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let (width, rounding) = (high - low, 1e-6 * (high - low));
        if least < low - rounding || least > low + 5e-4 * width {
            return Err(format!("the least is {least}, the limit {low}"));
        }
        if most > high + rounding || most < high - 5e-4 * width {
            return Err(format!("the largest is {most}, the limit {high}"));
        }
    }
    for (i, decile) in of("deciles").into_iter().enumerate() {
        let (share, wanted) = (
            drawn.iter().filter(|w| f64::from(**w) < decile).count() as f64 / n,
            (i + 1) as f64 / 10.0,
        );
        if (share - wanted).abs() > 5.0 * (wanted * (1.0 - wanted)).sqrt() * rarity {
            return Err(format!("{share} of the draws are below {decile}, of Keras's {wanted}"));
        }
    }
    let mean = drawn.iter().map(|w| f64::from(*w)).sum::<f64>() / n;
    let variance = drawn.iter().map(|w| (f64::from(*w) - mean).powi(2)).sum::<f64>() / n;
    let (their_mean, their_deviation) = (of("mean")[0], of("deviation")[0]);
    if (mean - their_mean).abs() > 5.0 * their_deviation * rarity {
        return Err(format!("mean {mean}, Keras {their_mean}"));
    }
    let deviation = variance.sqrt();
    if (deviation / their_deviation - 1.0).abs() > 5.0 * rarity / 2.0_f64.sqrt() {
        return Err(format!("deviation {deviation}, Keras {their_deviation}"));
    }
    Ok(())
}

/// Products of the columns of a kernel seen as a matrix, or of its rows where there are fewer of them.
fn products(kernel: &[f32], columns: usize) -> Vec<f32> {
    let rows = kernel.len() / columns;
    let (count, len) = (rows.min(columns), rows.max(columns));
    let at = |vector: usize, i: usize| {
        f64::from(kernel[if rows < columns { vector * columns + i } else { i * columns + vector }])
    };
    let dot = |a: usize, b: usize| (0..len).map(|i| at(a, i) * at(b, i)).sum::<f64>() as f32;
    (0..count * count).map(|i| dot(i / count, i % count)).collect()
}

#[test]
fn every_initializer_equals_keras() {
    let (mut exact, mut sampled) = (0, 0);
    for (case, arrays) in cases("initializers.npz") {
        let text = |key: &str| arrays[key].1.iter().map(|&b| char::from(b as u8)).collect();
        let (toml, name): (String, String) = (text("toml"), text("parameter"));
        let input: Vec<usize> = arrays["input"].1.iter().map(|&n| n as usize).collect();
        let start = |toml: &str, seed| {
            let text = format!("input = {input:?}\n\n[[layers]]\n{toml}");
            let (spec, _) = ModelSpec::from_toml("model.toml", &text)
                .unwrap_or_else(|found| panic!("{case}: {found}"));
            let model = spec.build().unwrap();
            let ending = format!("/{name}");
            let param = model.params().find(|param| param.name.ends_with(&ending)).unwrap();
            (model.initial_weights(seed)[param.range.clone()].to_vec(), param.shape.clone())
        };
        let (first, shape) = start(&toml, 1);
        if let Some((golden_shape, values)) = arrays.get("values") {
            assert_eq!((&shape, &first), (golden_shape, values), "{case}");
            exact += 1;
        } else if let Some((_, golden)) = arrays.get("products") {
            assert_close(&case, &products(&first, shape[shape.len() - 1]), golden);
            exact += 1;
        } else {
            let drawn: Vec<f32> = (0..SEEDS).flat_map(|seed| start(&toml, seed).0).collect();
            check_draws(&arrays, &drawn).unwrap_or_else(|wrong| panic!("{case}: {wrong}"));
            for other in [0.0, drawn[0], arrays["mean"].1[0]] {
                assert!(check_draws(&arrays, &vec![other; drawn.len()]).is_err(), "{case}");
            }
            sampled += 1;
        }
        if let Some((_, golden)) = arrays.get("default") {
            let (given, _) = toml.trim_end().rsplit_once('\n').unwrap();
            assert_eq!(&start(given, 1).0, golden, "{case}");
        }
    }
    println!("{exact} initializers are Keras's number by number, {sampled} by their distribution");
    assert!(exact >= 15 && sampled >= 25, "{exact} {sampled}");
}

/// A loss as a case of `losses.npz` describes it.
fn loss_of(text: &str, outputs: usize, link: &str) -> Loss {
    #[derive(serde::Deserialize)]
    struct Whole {
        loss: LossSpec,
    }
    let (document, mut found) = Document::parse("golden", &format!("[whole.loss]\n{text}"));
    let whole: Option<Whole> = document.table("whole", &mut found);
    let link = match link {
        "softmax" => Some(Link::Softmax),
        "sigmoid" => Some(Link::Sigmoid),
        _ => None,
    };
    let spec = whole.unwrap_or_else(|| panic!("{text}: {found:?}")).loss;
    Loss::new(&spec, &Shape::new([outputs]), link).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn every_loss_equals_keras() {
    let (mut count, mut kinds) = (0, std::collections::BTreeSet::new());
    for (case, arrays) in cases("losses.npz") {
        let text = |key: &str| arrays[key].1.iter().map(|&b| char::from(b as u8)).collect();
        let whole = |key: &str| {
            let numbers = arrays.get(key).map(|array| array.1.iter().map(|&x| x as u32));
            numbers.map(Iterator::collect::<Vec<_>>)
        };
        let (toml, link): (String, String) = (text("toml"), text("link"));
        let (shape, y) = &arrays["y"];
        let loss = loss_of(&toml, shape[1], &link);
        let top = if shape[1] > 2 { &[2][..] } else { &[] };
        let loss = loss.counting_top(top).unwrap();
        let (classes, partners) = (whole("labels").unwrap(), whole("partners"));
        let mixed = partners.as_ref().map(|partners| (&partners[..], &arrays["shares"].1[..]));
        let labels = Labels { classes: &classes, mixed };
        let (n, mut dy) = (shape[0] as f32, vec![f32::NAN; y.len()]);
        let mut counts = ClassCounts::new(loss.classes());
        let got = loss.measure(Isa::best(), y, labels, true, 1.0 / n, &mut dy, &mut counts);
        assert_close(&format!("{case} mean"), &[got.loss() as f32], &arrays["mean"].1);
        assert_close(&format!("{case} dy"), &dy, &arrays["dy"].1);
        assert_eq!(got.correct, whole("correct").unwrap()[0] as usize, "{case}");
        if let Some(top) = whole("top_2") {
            assert_eq!(got.in_top[0], top[0] as usize, "{case}");
        }
        kinds.insert(toml.lines().next().unwrap().to_owned());
        count += 1;
    }
    println!("{count} loss cases equal Keras");
    assert!(count >= 60);
    assert_eq!(kinds.len(), LossSpec::KINDS.len(), "{kinds:?}");
}
