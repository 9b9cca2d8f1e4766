//! The summary against Keras's own, to the character, and against the model's real buffers.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_nn::layers::{
    Activation, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, Function, LayerSpec,
    MaxPooling2D, SeparableConv2D,
};
use cnn_nn::model::{LayerEntry, Model, ModelLayer, ModelSpec, ReceptiveField};
use cnn_nn::regularizer::Regularizer;
use cnn_nn::summary;
use cnn_tensor::Padding;
use proptest::prelude::*;

fn conv(filters: usize) -> LayerSpec {
    LayerSpec::Conv2D(Conv2D { activation: Function::Relu, ..Conv2D::new(filters, 3) })
}

fn pool() -> LayerSpec {
    LayerSpec::MaxPooling2D(MaxPooling2D::default())
}

fn flatten() -> LayerSpec {
    LayerSpec::Flatten(Flatten)
}

fn dense(units: usize, activation: Function) -> LayerSpec {
    LayerSpec::Dense(Dense { activation, ..Dense::new(units) })
}

fn head() -> [LayerSpec; 3] {
    [flatten(), dense(128, Function::Relu), dense(10, Function::Softmax)]
}

fn named(name: &str, spec: LayerSpec) -> LayerEntry {
    LayerEntry { name: Some(name.to_owned()), spec }
}

fn image(layers: Vec<LayerSpec>) -> ModelSpec {
    ModelSpec::new([28, 28, 1], layers)
}

fn with_dropout() -> ModelSpec {
    let activation = |activation| LayerSpec::Activation(Activation { activation });
    let dropout = |rate| LayerSpec::Dropout(Dropout { rate });
    let conv = Conv2D {
        strides: [2, 1].into(),
        padding: Padding::Same,
        use_bias: false,
        ..Conv2D::new(16, [5, 3])
    };
    let pool =
        MaxPooling2D { pool_size: [3, 2].into(), strides: Some(2.into()), padding: Padding::Same };
    let layers = [
        LayerSpec::Conv2D(conv),
        activation(Function::Tanh),
        dropout(0.25),
        LayerSpec::MaxPooling2D(pool),
        activation(Function::Sigmoid),
        flatten(),
        dropout(0.5),
        dense(10, Function::Linear),
        activation(Function::Softmax),
    ];
    ModelSpec { name: Some("with_dropout".to_owned()), ..ModelSpec::new([32, 48, 3], layers) }
}

fn long_names() -> ModelSpec {
    let title =
        "a model whose name is so long that the line of the title has to be wrapped somewhere too";
    ModelSpec {
        name: Some(title.to_owned()),
        input: vec![28, 28, 1],
        layers: vec![
            named("the first convolution of the network with a very long name", conv(8)),
            named(
                "an_identifier_without_any_space_that_is_longer_than_the_column_is_wide",
                conv(8),
            ),
            named("exactly_21_characters", pool()),
            named("pool[bold]with[red]markup", pool()),
            named("Ebenen größer · 平らにする層は幅が二倍の文字で名付けられている", flatten()),
            named("x", dense(10, Function::Linear)),
        ],
    }
}

/// The cases of `golden/summary/make.py`.
fn cases() -> Vec<(&'static str, ModelSpec)> {
    let course = |filters| {
        let body = [conv(filters), pool(), conv(filters), pool()];
        image(body.into_iter().chain(head()).collect())
    };
    let three = [conv(64), pool(), conv(64), pool(), conv(64), pool()];
    let no_flatten = vec![
        conv(64),
        pool(),
        conv(64),
        pool(),
        dense(128, Function::Relu),
        dense(10, Function::Softmax),
    ];
    let big = ModelSpec {
        name: None,
        input: vec![512, 512, 3],
        layers: vec![
            named("flat", flatten()),
            dense(1000, Function::Linear).into(),
            dense(12345, Function::Linear).into(),
        ],
    };
    vec![
        ("cnn64", course(64)),
        ("cnn32", course(32)),
        ("dnn", image(head().to_vec())),
        ("three-conv64", image(three.into_iter().chain(head()).collect())),
        ("no-flatten", image(no_flatten)),
        ("activations", with_dropout()),
        ("long-names", long_names()),
        ("big-counts", big),
        ("vector", ModelSpec::new([7], [dense(3, Function::Linear)])),
    ]
}

fn golden(case: &str, width: usize) -> String {
    let path = format!("{}/tests/golden/summary/{case}.{width}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn equal_to_keras_to_the_character() {
    for (case, spec) in cases() {
        let model = spec.build().unwrap();
        for width in [40, 60, 80, 92, 120] {
            let (ours, keras) = (summary::text(&model, width), golden(case, width));
            assert!(ours == keras, "{case} at {width} columns\nours:\n{ours}\nKeras:\n{keras}");
        }
    }
}

#[test]
fn a_model_without_layers_has_an_empty_table() {
    let failure = ModelSpec::new([28, 28, 1], []).build().unwrap_err();
    assert_eq!(failure.problems[0].code, "M013");
    assert_eq!(summary::text(&failure.partial, 80), golden("empty", 80));
}

#[test]
fn a_width_beyond_reason_is_read_as_the_nearest_sensible_one() {
    let model = cases().remove(0).1.build().unwrap();
    assert_eq!(summary::text(&model, 0), summary::text(&model, 40));
    assert_eq!(summary::text(&model, usize::MAX), summary::text(&model, 92));
}

#[test]
fn wide_shows_the_arithmetic() {
    let text = summary::wide(&cases().remove(1).1.build().unwrap());
    for expected in [
        "O = floor((i − f + 2p)/s) + 1",
        "conv2d (Conv2D)                 (None, 26, 26, 32)      320  (28 − 3 + 2·0)/1 + 1 = 26          3×3    194,688     84.50 KB",
        "max_pooling2d_1 (MaxPooling2D)  (None, 5, 5, 32)          0  floor((11 − 2 + 2·0)/2) + 1 = 5  10×10          0      3.12 KB",
        "flatten (Flatten)               (None, 800)               0  5·5·32 = 800                     10×10          0    as before",
        "dense_1 (Dense)                 (None, 10)            1,290  –                                  all      1,280      40.00 B",
        " Total params: 113,386 (442.91 KB)",
        " Multiply-accumulates: 1,413,504 per image, forward",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let uneven = summary::wide(&with_dropout().build().unwrap());
    assert!(uneven.contains("h: "), "{uneven}");
    assert!(uneven.contains("w: "), "{uneven}");
}

#[test]
fn penalties_are_shown_with_their_factors() {
    let conv = Conv2D { kernel_regularizer: Some(Regularizer::l2(1e-4)), ..Conv2D::new(4, 3) };
    let both = Some(Regularizer { l1: 0.01, l2: 0.5 });
    let dense = Dense { bias_regularizer: both, ..Dense::new(2) };
    let layers = vec![LayerSpec::Conv2D(conv), flatten(), LayerSpec::Dense(dense)];
    let model = image(layers).build().unwrap();
    let text = summary::wide(&model);
    let line = " Penalties on the loss: conv2d/kernel L2 0.0001, dense/bias L1 0.01 + L2 0.5\n";
    assert!(text.ends_with(line), "{text}");
    let data = summary::json(&model);
    assert_eq!(data["layers"][0]["weights"][1]["penalty"], serde_json::Value::Null);
    assert_eq!(data["layers"][2]["weights"][1]["penalty"]["l2"], 0.5);
}

#[test]
fn json_is_the_same_as_data() {
    let model = cases().remove(0).1.build().unwrap();
    let data = summary::json(&model);
    assert_eq!(data["schema"], 1);
    assert_eq!(data["model"], "sequential");
    assert_eq!(data["totals"]["params"], 243_786);
    assert_eq!(data["totals"]["macs"], 389_376 + 4_460_544 + 204_800 + 1_280);
    let pool = &data["layers"][3];
    assert_eq!(pool["name"], "max_pooling2d_1");
    assert_eq!(pool["type"], "MaxPooling2D");
    assert_eq!(pool["output_shape"], serde_json::json!([5, 5, 64]));
    assert_eq!(pool["derivation"]["height"], "floor((11 − 2 + 2·0)/2) + 1 = 5");
    assert_eq!(pool["receptive_field"], serde_json::json!({ "size": [10, 10], "step": [4, 4] }));
    assert_eq!(data["layers"][0]["weights"][0]["name"], "conv2d/kernel");
    assert_eq!(data["layers"][0]["activation_bytes"], 26 * 26 * 64 * 4);
    assert_eq!(data["layers"][4]["activation_bytes"], 0);
    assert_eq!(data["layers"][6]["receptive_field"], "all");
}

/// The table's counts, shapes and totals, read back from the text.
fn read_back(text: &str) -> (Vec<(String, usize)>, usize) {
    let number = |text: &str| text.replace(',', "").parse().unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('│').map(str::trim).collect();
        (line.starts_with('│') && !cells[3].is_empty())
            .then(|| (cells[2].to_owned(), number(cells[3])))
    };
    let total = text.lines().find_map(|line| line.strip_prefix(" Total params: ")).unwrap();
    (text.lines().filter_map(row).collect(), number(total.split(' ').next().unwrap()))
}

fn check(model: &Model) {
    let (rows, total) = read_back(&summary::text(model, 120));
    let weights = model.initial_weights(1);
    assert_eq!(total, weights.len());
    assert_eq!(rows.len(), model.layers().len());
    let mut end = 0;
    let mut shape = model.input().clone();
    for (layer, (shown, count)) in model.layers().iter().zip(rows) {
        assert_eq!(layer.input, shape);
        assert_eq!(layer.output.to_string(), shown);
        assert_eq!(layer.param_count(), count);
        for param in &layer.params {
            assert_eq!(param.range.start, end);
            assert_eq!(param.range.len(), param.shape.iter().product::<usize>());
            assert!(param.name.starts_with(&format!("{}/", layer.name)));
            end = param.range.end;
        }
        // What the layer really builds against this input.
        assert_eq!(layer.spec.build(&shape).unwrap().output, layer.output);
        shape = layer.output.clone();
    }
    assert_eq!(end, weights.len());
    assert_eq!(&shape, model.output());
}

/// Groups and multipliers by Keras's own counts: `Conv2D(8, 3, groups=4)` and the others on [12, 12, 4].
#[test]
fn dilated_and_grouped_convolutions_are_counted() {
    let separable = SeparableConv2D { depth_multiplier: 2, ..SeparableConv2D::new(5, 3) };
    let spec = ModelSpec::new(
        [12, 12, 4],
        vec![
            LayerSpec::Conv2D(Conv2D { groups: 4, ..Conv2D::new(8, 3) }),
            LayerSpec::DepthwiseConv2D(DepthwiseConv2D {
                dilation_rate: [2, 1].into(),
                ..DepthwiseConv2D::new(3)
            }),
            LayerSpec::SeparableConv2D(separable),
        ],
    );
    let model = spec.build().unwrap();
    let counts: Vec<usize> = model.layers().iter().map(ModelLayer::param_count).collect();
    assert_eq!(counts, [80, 80, 3 * 3 * 8 * 2 + 16 * 5 + 5]);
    let macs: Vec<u64> = model.layers().iter().map(|layer| layer.macs).collect();
    assert_eq!(macs, [10 * 10 * 72, 6 * 8 * 72, 4 * 6 * (144 + 80)]);
    let fields: Vec<_> = model.layers().iter().map(|layer| layer.receptive_field).collect();
    let field = |size| Some(ReceptiveField::Window { size, step: [1, 1] });
    assert_eq!(fields, [field([3, 3]), field([7, 5]), field([9, 7])]);
    let wide = summary::wide(&model);
    assert!(wide.contains("h: (10 − (2·(3 − 1) + 1) + 2·0)/1 + 1 = 6"), "{wide}");
    assert!(wide.contains("w: (10 − 3 + 2·0)/1 + 1 = 8"), "{wide}");
    check(&model);
}

fn any_layer() -> impl Strategy<Value = LayerSpec> {
    let padding = prop_oneof![
        Just(Padding::Valid),
        Just(Padding::Same),
        (0_usize..3).prop_map(Padding::Explicit)
    ];
    let conv = (1_usize..20, 1_usize..5, 1_usize..5, 1_usize..4, padding, any::<bool>()).prop_map(
        |(filters, kh, kw, stride, padding, use_bias)| {
            let conv = Conv2D::new(filters, [kh, kw]);
            LayerSpec::Conv2D(Conv2D { strides: stride.into(), padding, use_bias, ..conv })
        },
    );
    let depthwise = (1_usize..4, 1_usize..4, any::<bool>(), 1_usize..3).prop_map(
        |(size, step, dilated, depth_multiplier)| {
            let (dilation_rate, strides) = if dilated { (step, 1) } else { (1, step) };
            LayerSpec::DepthwiseConv2D(DepthwiseConv2D {
                dilation_rate: dilation_rate.into(),
                strides: strides.into(),
                depth_multiplier,
                ..DepthwiseConv2D::new(size)
            })
        },
    );
    prop_oneof![
        3 => conv,
        1 => depthwise,
        2 => (1_usize..4).prop_map(|n| LayerSpec::MaxPooling2D(MaxPooling2D { pool_size: n.into(), ..MaxPooling2D::default() })),
        1 => Just(flatten()),
        2 => (1_usize..40).prop_map(|units| dense(units, Function::Relu)),
        1 => Just(LayerSpec::Dropout(Dropout { rate: 0.5 })),
    ]
}

proptest! {
    #[test]
    fn the_summary_counts_the_real_buffers(
        input in prop::array::uniform3(1_usize..30),
        layers in prop::collection::vec(any_layer(), 1..8),
    ) {
        let spec = ModelSpec::new(input, layers);
        match spec.build() {
            Ok(model) => check(&model),
            Err(failure) => {
                prop_assert!(failure.partial.layers().len() < spec.layers.len());
                check(&failure.partial);
            }
        }
    }

    #[test]
    fn a_spec_survives_toml(
        input in prop::array::uniform3(1_usize..30),
        layers in prop::collection::vec(any_layer(), 1..8),
        name in prop::option::of("[^\\x00-\\x1f\\x7f-\\x9f/]{1,20}"),
    ) {
        let mut spec = ModelSpec::new(input, layers);
        spec.layers[0].name.clone_from(&name);
        spec.name = name;
        let text = spec.to_toml().unwrap();
        let (read, warnings) = ModelSpec::from_toml("m.toml", &text).unwrap();
        prop_assert!(warnings.is_empty());
        prop_assert_eq!(read, spec);
    }

    #[test]
    fn no_file_panics(text in "\\PC{0,200}") {
        let _ = ModelSpec::read("m.toml", &text);
    }

    #[test]
    fn no_nearly_right_file_panics(lines in prop::collection::vec(prop_oneof![
        Just("[[layers]]"), Just("[[layers]"), Just("[layers]"), Just("type = \"Conv2D\""), Just("type = 'Dense'"),
        Just("units = 3"), Just("units = -1"), Just("filters = [3"), Just("kernel_size = 3"), Just("kernel_size = { a = 1 }"),
        Just("input = [28, 28, 1]"), Just("input = [28, 28"), Just("activation = relu"), Just("x = \"\"\""), Just("MaxPooling2D) 2,2)"),
        Just("name = \"a/b\""), Just("]"), Just("}"), Just("[fit]"), Just("a.b.c = 1"), Just("layers = [{ type = 'Flatten' }"),
    ], 0..14)) {
        let text = lines.join("\n");
        if let Err(found) = ModelSpec::read("m.toml", &text) {
            prop_assert!(found.has_errors());
            prop_assert!(found.to_string().contains("m.toml"));
        }
    }
}
