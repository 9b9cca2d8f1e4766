//! Wrong keys, names and values.

use crate::{layer, lines, mistakes, only};
use cnn_nn::model::ModelSpec;

// Row 3.
#[test]
fn a_mistyped_key_or_name_finds_its_word() {
    let text = layer("Dense", "units = 3\nactivatoin = \"relu\"");
    only(
        &text,
        "M003 6:1 unknown key `activatoin` in layer 1 (Dense)",
        &["did you mean `activation`?"],
    );
    let text = layer("Dense", "units = 3\nactivation = \"reul\"");
    only(
        &text,
        "M004 6:1 unknown activation \"reul\" in layer 1 (Dense)",
        &["did you mean \"relu\"?"],
    );
    only(
        &layer("MaxPoling2D", ""),
        "M004 4:1 layer 1 has an unknown type \"MaxPoling2D\"",
        &["did you mean \"MaxPooling2D\"?"],
    );
    only(&layer("LSTM", ""), "M004 4:1 layer 1 has an unknown type \"LSTM\"", &["no such name"]);
    only(
        &layer("Conv2D", "filters = 3\nkernel = 3"),
        "M003 6:1 unknown key `kernel`",
        &["`kernel_size`?"],
    );
    only(
        &layer("Conv2D", "filters = 3\nkernel_size = 3\npadding = \"sam\""),
        "M006 7:1 `padding` cannot be \"sam\"",
        &["did you mean \"same\"?"],
    );
}

#[test]
fn initializers_are_read_in_keras_s_spellings_and_the_others_explained() {
    let with = |value: &str| layer("Dense", &format!("units = 3\nkernel_initializer = {value}"));
    for sound in [
        "\"HeNormal\"",
        "\"Zeros\"",
        "\"random_normal\"",
        "\"TruncatedNormal\"",
        "\"uniform\"",
        "{ orthogonal = 2.0 }",
    ] {
        ModelSpec::read("model.toml", &with(sound)).unwrap_or_else(|found| panic!("{found}"));
    }
    let unknown = "M004 6:1 unknown kernel_initializer";
    only(&with("\"dirac\""), unknown, &["did you mean \"identity\"?"]);
    only(&with("\"xavier_uniform\""), unknown, &["did you mean \"glorot_uniform\"?"]);
    only(&with("\"constant\""), unknown, &["no such name"]);
    only(&with("\"{ constant = 0.1 }\""), unknown, &["no such name"]);
    let listed = mistakes(&with("\"constant\"")).to_string();
    assert!(listed.contains("zeros, { constant = 0.1 }, { identity = 0.5 }"), "{listed}");
    only(
        &with("{}"),
        "M007 6:1 `kernel_initializer` cannot be {} in layer 1 (Dense)",
        &["expected a table with one key, such as { constant = 0.1 }"],
    );
    only(&with("{ orthogonal = inf }"), "M037 6:1", &["the gain must be finite"]);
}

#[test]
fn a_list_that_is_too_long_is_no_pair() {
    let text = layer("RandomContrast", "factor = 0.2\nvalue_range = [0, 1, 2]");
    let mistake = "M006 6:1 `value_range` cannot be [0, 1, 2] in layer 1 (RandomContrast)";
    only(&text, mistake, &["expected a list of 2"]);
}

#[test]
fn both_spellings_of_a_type_and_a_bare_name_are_read() {
    let text = "input = [8, 8, 1]\nlayers = [\"flatten\", { type = \"dense\", units = 2 }, { type = \"Dense\", units = 2, name = \"out\" }]\n";
    let (spec, found) = ModelSpec::from_toml("model.toml", text).unwrap();
    assert!(found.is_empty());
    let names: Vec<_> =
        spec.build().unwrap().layers().iter().map(|layer| layer.name.clone()).collect();
    assert_eq!(names, ["flatten", "dense", "out"]);
}

#[test]
fn two_mistakes_in_one_layer_and_one_in_another_come_together() {
    let text = "input = [28, 28, 1]
[[layers]]
type = \"conv2D\"
filters = \"64\"
kernal_size = 3
activatoin = \"relu\"
[[layers]]
type = \"Dense\"
activation = \"Relu\"
[[layer]]
epochs = 3
";
    let found = lines(&mistakes(text));
    let expected = [
        "M004 3:1 layer 1 has an unknown type \"conv2D\" | did you mean \"conv2d\"? | ",
        "M006 4:1 `filters` cannot be \"64\" in layer 1 (conv2D) | expected a whole number | without quotes: filters = 64",
        "M003 5:1 unknown key `kernal_size` in layer 1 (conv2D) | did you mean `kernel_size`? | ",
        "M003 6:1 unknown key `activatoin` in layer 1 (conv2D) | did you mean `activation`? | ",
        "M005 8:1 layer 2 (Dense) needs `units` | `units` is missing | ",
        "M004 9:1 unknown activation \"Relu\" in layer 2 (Dense) | did you mean \"relu\"? | ",
        "M008 10:3 unknown key `layer` at the top level | did you mean `layers`? | ",
    ];
    assert_eq!(found, expected);
}

// T10.
#[test]
fn wrong_numbers_say_what_is_wrong_with_them() {
    let filters = |value: &str| layer("Conv2D", &format!("filters = {value}\nkernel_size = 3"));
    only(
        &filters("-32"),
        "M006 5:1 `filters` cannot be -32 in layer 1 (Conv2D)",
        &["a whole number, 0 or more"],
    );
    only(&filters("1.5"), "M006 5:1 `filters` cannot be 1.5", &["a whole number"]);
    only(&filters("64.0"), "M006 5:1 `filters` cannot be 64.0", &["filters = 64"]);
    only(
        &filters("\"64\""),
        "M006 5:1 `filters` cannot be \"64\"",
        &["without quotes: filters = 64"],
    );
    only(&filters("1e99"), "M006 5:1 `filters` cannot be 1e99", &["a whole number"]);
    only(
        &filters("99999999999999999999999999999999999999999999"),
        "M006 5:1 `filters` cannot be 9999",
        &["a whole number"],
    );
    only(&filters("[3]"), "M006 5:1 `filters` cannot be [3]", &["a whole number"]);
    only(&filters("0"), "M030 5:1 layer 1 `conv2d` (Conv2D)", &["filter"]);
    only(&layer("Dropout", "rate = \"0.5\""), "M006 5:1 `rate` cannot be \"0.5\"", &["rate = 0.5"]);
    only(&layer("Dropout", "rate = 1e999"), "M006 5:1 `rate` cannot be 1e999", &["a number"]);
    only(
        &layer("Dense", "units = 3\nuse_bias = \"true\""),
        "M006 6:1 `use_bias`",
        &["use_bias = true"],
    );
    only(
        &layer("Dense", "units = 3\nname = 3"),
        "M006 6:1 `name` cannot be 3",
        &["a text in quotes"],
    );
    only(
        &layer("Conv2D", "filters = 3\nkernel_size = [3, 3, 3]"),
        "M007 6:1 `kernel_size` cannot be [3, 3, 3]",
        &["[3, 3]"],
    );
    only(
        "input = 784\nlayers = [\"Flatten\"]\n",
        "M006 1:1 `input` cannot be 784",
        &["input = [784]"],
    );
}

#[test]
fn a_regularizer_is_a_table_or_one_of_keras_s_names() {
    use cnn_nn::regularizer::Regularizer;
    let dense = |value: &str| layer("Dense", &format!("units = 3\nkernel_regularizer = {value}"));
    for (value, expected) in [
        ("{ l2 = 1e-4 }", Some(Regularizer::l2(1e-4))),
        ("{ l1 = 1, l2 = 0.5 }", Some(Regularizer { l1: 1.0, l2: 0.5 })),
        ("\"l1\"", Some(Regularizer::l1(0.01))),
        ("\"L2\"", Some(Regularizer::l2(0.01))),
        ("\"l1l2\"", Some(Regularizer { l1: 0.01, l2: 0.01 })),
        ("\"l1_l2\"", Some(Regularizer { l1: 0.01, l2: 0.01 })),
        ("{ l2 = 0 }", None),
    ] {
        let (model, _) = ModelSpec::read("model.toml", &dense(value)).unwrap();
        assert_eq!(model.layers()[0].params[0].penalty, expected, "{value}");
        assert_eq!(model.layers()[0].params[1].penalty, None);
    }
    let start = "M006 6:1 `kernel_regularizer` cannot be";
    only(&dense("0.01"), start, &["a table such as { l2 = 1e-4 }"]);
    only(&dense("true"), start, &["a table such as { l2 = 1e-4 }"]);
    only(
        &dense("{}"),
        "M005 6:22 `kernel_regularizer` of layer 1 (Dense) needs `l2`",
        &["missing"],
    );
    only(&dense("\"l3\""), "M004 6:1 unknown kernel_regularizer \"l3\"", &["did you mean \"l1\""]);
    only(&dense("{ L2 = 0.1 }"), "M003 6:24 unknown key `L2`", &["did you mean `l2`?"]);
    only(&dense("{ l2 = \"0.1\" }"), "M006 6:24 `l2` cannot be \"0.1\"", &["l2 = 0.1"]);
    let range =
        "M037 6:1 layer 1 `dense` (Dense): kernel_regularizer: l2 must be 0 or more, and finite";
    only(&dense("{ l2 = -1e-4 }"), range, &["got -0.0001", "kernel_regularizer = { l2 = 1e-4 }"]);
    only(&dense("{ l2 = nan }"), range, &["got NaN"]);
    only(&dense("{ l2 = inf }"), range, &["got inf"]);
    only(
        &layer("Dense", "units = 3\nuse_bias = false\nbias_regularizer = \"l2\""),
        "M037 7:1 layer 1 `dense` (Dense): bias_regularizer is given, but use_bias = false",
        &["drop bias_regularizer"],
    );
    only(&layer("Flatten", "kernel_regularizer = \"l2\""), "M003 5:1 unknown key", &[]);
}

#[test]
fn names_are_unique_and_harmless() {
    let two = |a: &str, b: &str| {
        format!(
            "input = [4]\nlayers = [{{ type = \"Flatten\", name = \"{a}\" }}, {{ type = \"Dense\", units = 1, name = \"{b}\" }}]\n"
        )
    };
    only(&two("same", "same"), "M011 2:77 layer 2 and layer 1 are both called `same`", &["unique"]);
    only(&two("a/b", "c"), "M010 2:31 layer 1: a name cannot contain `/`", &[]);
    only(
        &two("a", "\\u001b[31m"),
        "M010 2:74 layer 2: a name cannot contain control characters",
        &[],
    );
    only(&two("a", ""), "M010 2:74 layer 2: a name needs at least one character", &[]);
    // A given name that looks like an automatic one is skipped by the numbering.
    let text = "input = [4]\nlayers = [{ type = \"Dense\", units = 1 }, { type = \"Dense\", units = 1, name = \"dense\" }, { type = \"Dense\", units = 1 }]\n";
    let model = ModelSpec::read("model.toml", text).unwrap().0;
    let names: Vec<_> = model.layers().iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["dense_1", "dense", "dense_2"]);
}

#[test]
fn groups_dilation_and_multipliers_that_do_not_fit() {
    let conv = |keys: &str| layer("Conv2D", &format!("filters = 6\nkernel_size = 3\n{keys}"));
    let wrong = |keys: &str, what: &str, hint: &str| only(&conv(keys), what, &[hint]);
    wrong(
        "groups = 0",
        "M037 7:1 layer 1 `conv2d` (Conv2D): groups must be 1 or more",
        "groups = 1",
    );
    wrong(
        "groups = 4",
        "M037 7:1 layer 1 `conv2d` (Conv2D): groups must divide the filters",
        "groups = 1",
    );
    wrong(
        "groups = 3",
        "M037 7:1 layer 1 `conv2d` (Conv2D): groups must divide the input's channels",
        "groups = 1",
    );
    wrong(
        "dilation_rate = 0",
        "M033 7:1 layer 1 `conv2d` (Conv2D): dilation 0",
        "dilation_rate = 1",
    );
    wrong(
        "dilation_rate = [1, 2]\nstrides = [2, 1]",
        "M033 7:1 layer 1 `conv2d` (Conv2D): stride 2 together with dilation 2",
        "strides = 1",
    );
    wrong(
        "dilation_rate = 20",
        "M031 7:1 layer 1 `conv2d` (Conv2D): kernel 3, at dilation 20 as wide as 41, is larger than the input 28",
        "padding = \"same\"",
    );
    only(
        &layer("DepthwiseConv2D", "kernel_size = 3\ndepth_multiplier = 0"),
        "M037 6:1 layer 1 `depthwise_conv2d` (DepthwiseConv2D): depth_multiplier must be 1 or more",
        &["depth_multiplier = 1"],
    );
    only(
        &layer("SeparableConv2D", "filters = 0\nkernel_size = 3"),
        "M030 5:1 layer 1 `separable_conv2d` (SeparableConv2D)",
        &["filters = 32"],
    );
}

#[test]
fn branches_that_do_not_meet_and_mistakes_inside_them() {
    let conv = |keys: &str| format!("{{ type = \"Conv2D\", kernel_size = 3, {keys} }}");
    only(
        &layer("Residual", "layers = []"),
        "M044 5:1 layer 1 `residual` (Residual): Residual has no layers",
        &["filters = 16"],
    );
    only(
        &layer(
            "Residual",
            &format!("layers = [{}]", conv("filters = 4, strides = 2, padding = \"same\"")),
        ),
        "M044 5:1 layer 1 `residual` (Residual): layers gives [14, 14, 4], the input is [28, 28, 1]: only equal shapes",
        &["shortcut = [{ type = \"Conv2D\", filters = 4, kernel_size = 1, strides = 2 }]"],
    );
    only(
        &layer("Residual", &format!("layers = [{}]", conv("filters = 1"))),
        "M044 5:1 layer 1 `residual` (Residual): layers gives [26, 26, 1]",
        &["padding = \"same\""],
    );
    let both = format!("layers = [{}]\nshortcut = [{}]", conv("filters = 1"), conv("filters = 2"));
    only(
        &layer("Residual", &both),
        "M044 6:1 layer 1 `residual` (Residual): layers gives [26, 26, 1], shortcut gives [26, 26, 2]",
        &["the same strides"],
    );
    only(
        &layer("Residual", &format!("layers = [{}, {}]", conv("filters = 2"), conv("filters = 0"))),
        "M030 5:1 layer 1 `residual` (Residual): layers[1] (Conv2D), which is given [26, 26, 2]: Conv2D needs at least one filter",
        &["filters = 32"],
    );
    only(
        &layer("Concatenate", "branches = [[]]"),
        "M044 5:1 layer 1 `concatenate` (Concatenate): Concatenate needs two branches, got 1",
        &["branches = "],
    );
    only(
        &layer("Concatenate", &format!("branches = [[], [{}]]", conv("filters = 2"))),
        "M044 5:1 layer 1 `concatenate` (Concatenate): branch 1 gives [26, 26, 2], those before it [28, 28, 1]",
        &["padding = \"same\""],
    );
    only(
        &layer("SqueezeExcite", "ratio = 4"),
        "M037 5:1 layer 1 `squeeze_excite` (SqueezeExcite): ratio must be from 1 to the 1 channels, got 4",
        &["ratio = 1"],
    );
}

#[test]
fn numbers_that_no_batch_normalisation_has() {
    only(
        &layer("BatchNormalization", "momentum = 1.5"),
        "M037 5:1 layer 1 `batch_normalization` (BatchNormalization): momentum must be between 0 and 1, got 1.5",
        &["0.99"],
    );
    only(
        &layer("BatchNormalization", "epsilon = 0.0"),
        "M037 5:1 layer 1 `batch_normalization` (BatchNormalization): epsilon must be above 0 and finite, got 0",
        &["0.001"],
    );
}
