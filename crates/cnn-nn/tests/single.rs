//! A single sample, shared out by the threads layer by layer: the bits that it has among others.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_kernels::Isa;
use cnn_nn::engine::{Engine, Options};
use cnn_nn::layer::{Layer, Pass, Weights, Work};
use cnn_nn::layers::LayerSpec;
use cnn_nn::model::{Model, ModelSpec};
use cnn_tensor::Shape;
use cnn_tensor::random::{Purpose, stream, uniform_f32};

/// Numbers between −1 and 1, the same for the same seed.
fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Init, 7, 7);
    (0..len).map(|_| uniform_f32(&mut random) * 2.0 - 1.0).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// Whether the layer can be cut. If so, its parts write the whole output, in order, to the bits of the whole layer.
fn check_parts(layer: &dyn Layer, params: &[f32], x: &[f32], output: usize) -> bool {
    let isa = Isa::best();
    let mut expected = vec![f32::NAN; output];
    let mut scratch = vec![0.0; layer.work().scratch];
    let work = Work { saved: &mut [], scratch: &mut scratch };
    layer.forward(isa, Weights { params, packed: &[] }, x, &mut expected, work, Pass::Infer);
    for count in [1, 2, 3, 5, 100] {
        let parts = layer.parts(count);
        if parts.is_empty() {
            return false;
        }
        assert!(parts.len() <= count, "{layer:?}: {} parts, asked for {count}", parts.len());
        let (mut y, mut at) = (vec![f32::NAN; output], 0);
        for part in parts {
            let range = part.output();
            assert_eq!(range.start, at, "{layer:?}: each part begins where the one before ended");
            part.forward(isa, params, x, &mut y[range.clone()], &mut scratch);
            at = range.end;
        }
        assert_eq!(at, output, "{layer:?}");
        assert_eq!(bits(&y), bits(&expected), "{layer:?} in {count} parts");
    }
    true
}

#[test]
fn parts_of_a_layer_are_the_layer() {
    let mut cut = 0;
    for (i, (spec, input)) in LayerSpec::examples().into_iter().enumerate() {
        let input = Shape::new(input);
        let built = spec.build(&input).unwrap();
        let len = built.params.iter().map(|p| p.shape.iter().product::<usize>()).sum();
        let (params, x) = (numbers(i as u64, len), numbers(100 + i as u64, input.len()));
        cut += usize::from(check_parts(&*built.layer, &params, &x, built.output.len()));
    }
    assert!(
        cut >= 8,
        "{cut} of the examples are cut: five convolutions and three Dense layers at least"
    );
}

/// The fused layer is in no registry: it is made here of its two.
#[test]
fn parts_of_a_pooled_convolution_are_the_layer() {
    for (side, channels, rest) in [
        (28, 1, "activation = \"relu\""),
        (13, 32, "activation = \"relu\""),
        (11, 5, "padding = \"same\""),
        (15, 3, "strides = 2\npadding = 2\nactivation = \"relu\""),
        (13, 3, "dilation_rate = 2\npadding = \"same\""),
    ] {
        let text = format!(
            "input = [{side}, {side}, {channels}]\n[[layers]]\ntype = \"Conv2D\"\nfilters = 33\nkernel_size = 3\n{rest}\n\
             [[layers]]\ntype = \"MaxPooling2D\"\npool_size = 2\n"
        );
        let model = model(&text);
        let [conv, pool] = model.layers() else { panic!("two layers") };
        let fused = conv.layer.fuse(&*pool.layer).expect("windows that neither overlap nor leave");
        let (params, x) = (numbers(1, model.param_count()), numbers(2, model.input().len()));
        assert!(check_parts(&*fused, &params, &x, model.output().len()), "{text}");
    }
}

/// Rows that see nothing but padding have no input of their own, and the layer is not cut.
#[test]
fn a_layer_with_rows_of_padding_alone_stays_whole() {
    let text = "input = [3, 3, 1]\n[[layers]]\ntype = \"Conv2D\"\nfilters = 2\nkernel_size = 2\npadding = 4\n";
    let model = model(text);
    assert!(model.layers()[0].layer.parts(10).is_empty());
}

fn model(text: &str) -> Model {
    ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap()
}

#[test]
fn one_sample_on_many_threads_gets_the_answer_it_gets_among_others() {
    let conv = |filters, rest| {
        format!("[[layers]]\ntype = \"Conv2D\"\nfilters = {filters}\nkernel_size = 3\n{rest}\n")
    };
    let pool = "[[layers]]\ntype = \"MaxPooling2D\"\npool_size = 2\n";
    let dense = |units, activation| {
        format!("[[layers]]\ntype = \"Dense\"\nunits = {units}\nactivation = \"{activation}\"\n")
    };
    let head =
        format!("[[layers]]\ntype = \"Flatten\"\n{}{}", dense(200, "relu"), dense(10, "softmax"));
    let relu = "activation = \"relu\"";
    for text in [
        format!("input = [28, 28, 1]\n{}{pool}{}{pool}{head}", conv(32, relu), conv(48, relu)),
        format!(
            "input = [24, 24, 3]\n{}{}{head}",
            conv(17, "padding = \"same\"\nstrides = 2\nactivation = \"tanh\""),
            conv(20, "padding = 1")
        ),
    ] {
        let model = model(&text);
        let weights = model.initial_weights(5);
        let len = model.input().len();
        let data = numbers(9, 3 * len);
        let answer = |threads, from: usize, n: usize| {
            let options = Options { threads, isa: Isa::best(), batch_size: 32, fuse: true };
            let mut engine = Engine::for_inference(&model, options);
            let feed = |range: std::ops::Range<usize>, x: &mut [f32], _: &mut [u32]| {
                x.copy_from_slice(&data[(from + range.start) * len..(from + range.end) * len]);
            };
            let mut answer = vec![0.0; 10 * n];
            engine.predict(&weights, n, &feed, &mut answer);
            bits(&answer)
        };
        let all = answer(1, 0, 3);
        for threads in [1, 2, 7] {
            for i in 0..3 {
                assert_eq!(answer(threads, i, 1), all[10 * i..10 * (i + 1)], "{threads}: {text}");
            }
        }
    }
}
