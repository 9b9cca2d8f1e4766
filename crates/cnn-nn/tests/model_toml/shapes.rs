//! Layers that do not fit, models that are too large or hardly meant.

use crate::{COURSE, layer, lines, mistakes, only};
use cnn_nn::config::{Document, Severity};
use cnn_nn::loss::LossSpec;
use cnn_nn::model::{Limits, ModelSpec, lint_loss};

#[test]
fn the_course_s_model_is_read_without_a_word() {
    let (model, found) = ModelSpec::read("model.toml", COURSE).unwrap();
    assert!(found.is_empty(), "{found}");
    assert_eq!(model.param_count(), 243_786);
    let names: Vec<_> = model.layers().iter().map(|layer| layer.name.as_str()).collect();
    let keras =
        ["conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1", "flatten", "dense", "dense_1"];
    assert_eq!(names, keras);
    assert!(lint_loss(&model, &LossSpec::default()).is_empty());
}

// keras-semantics 1.3, row 1.
#[test]
fn no_flatten_is_a_warning_with_the_numbers_and_the_fix() {
    let text = COURSE.replace("[[layers]]\ntype = \"Flatten\"\n", "");
    let (model, found) = ModelSpec::read("model.toml", &text).unwrap();
    assert_eq!(model.param_count(), 47_178);
    let found = lines(&found);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("M050 17:1 layer 5 `dense` (Dense): input is 4-D [5, 5, 64]"),
        "{found:?}"
    );
    assert!(found[0].contains("gives [5, 5, 10] where a loss needs [10]"));
    assert!(found[0].ends_with("insert a `Flatten` layer before layer 5"));
    let loss = lint_loss(&model, &LossSpec::default());
    assert_eq!(loss[0].severity, Severity::Error);
    assert!(loss[0].message.contains("[5, 5, 10]"), "{}", loss[0]);
    assert!(loss[0].hint.contains("before layer 5"));
}

// T07, T08, T11, T16.
#[test]
fn windows_that_do_not_fit_show_the_arithmetic() {
    only(
        &layer("MaxPooling2D", "pool_size = 0"),
        "M033 5:1 layer 1 `max_pooling2d` (MaxPooling2D)",
        &["at least 1"],
    );
    only(
        &layer("MaxPooling2D", "strides = 0"),
        "M033 5:1 layer 1 `max_pooling2d` (MaxPooling2D): stride 0",
        &["strides = 1"],
    );
    let text = layer("Conv2D", "filters = 3\nkernel_size = 30");
    only(&text, "M031 6:1 layer 1", &["floor((28 − 30 + 2·0)/1) + 1 = −1", "padding = \"same\""]);
    only(
        &layer("Conv2D", "filters = 3\nkernel_size = 3\npadding = 36028797018963968"),
        "M035 7:1",
        &["too large"],
    );
    only(
        &layer("Conv2D", "filters = 3\nkernel_size = 3\ndilation_rate = 1000000000000"),
        "M035 7:1 layer 1 `conv2d` (Conv2D): dilation 1000000000000 is too large",
        &[],
    );
    only(
        &layer("Conv2D", "strides = 1000000000000\nfilters = 3\nkernel_size = 3"),
        "M035 5:1 layer 1 `conv2d` (Conv2D): stride 1000000000000 is too large",
        &[],
    );
    for rate in ["-0.1", "1.5", "nan"] {
        only(
            &layer("Dropout", &format!("rate = {rate}")),
            "M036 5:1 layer 1 `dropout`",
            &["between 0 and 1"],
        );
    }
    let three = COURSE
        .replace("type = \"Flatten\"\n", &"type = \"MaxPooling2D\"\n[[layers]]\n".repeat(3))
        .replacen("[[layers]]\n[[layers]]", "[[layers]]", 1);
    let failure = ModelSpec::from_toml("model.toml", &three).unwrap().0.build().unwrap_err();
    assert_eq!(failure.partial.layers().len(), 6);
    assert_eq!(failure.partial.output().dims(), [1, 1, 64]);
    assert!(
        failure.problems[0].note.contains("layer 6 `max_pooling2d_3` gives this layer [1, 1, 64]"),
        "{failure}"
    );
}

#[test]
fn the_layers_behind_a_misfit_are_checked_too() {
    let text = "input = [28, 28, 1]
[[layers]]
type = \"Conv2D\"
filters = 8
kernel_size = 30
[[layers]]
type = \"MaxPooling2D\"
strides = 0
[[layers]]
type = \"Flatten\"
[[layers]]
type = \"Dense\"
units = 0
[[layers]]
type = \"Dense\"
units = 4294967296
[[layers]]
type = \"Dropout\"
rate = 2
name = \"a/b\"
";
    let codes: Vec<_> = lines(&mistakes(text))
        .iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(codes, ["M031 5:1", "M033 8:1", "M030 13:1", "M022 16:1", "M036 19:1", "M010 20:1"]);
}

// T13.
#[test]
fn a_model_beyond_the_limit_shows_count_and_bytes() {
    let text =
        "input = [28, 28, 1]\nlayers = [\"Flatten\", { type = \"Dense\", units = 4294967296 }]\n";
    only(
        text,
        "M021 2:40 layer 2 `dense` (Dense) has 3,371,549,327,360 parameters (12.27 TB)",
        &["1,000,000,000"],
    );
    let spec = ModelSpec::from_toml("model.toml", COURSE).unwrap().0;
    let failure = spec.build_within(&Limits { params: 100_000, ..Limits::default() }).unwrap_err();
    assert!(
        failure.to_string().contains("204,928 parameters, 242,496 with the layers before it"),
        "{failure}"
    );
    only(
        "input = [2097152]\nlayers = [{ type = \"Dense\", units = 1 }]\n",
        "M022 1:1",
        &["1,048,576"],
    );
    only("input = [1048576, 1048576, 1]\nlayers = [\"Flatten\"]\n", "M022 1:1", &[]);
    let huge = format!(
        "input = [1000, 1000, 1]\nlayers = [{{ type = \"MaxPooling2D\", pool_size = 200, strides = 1, padding = 199 }}, {{ type = \"Conv2D\", filters = {}, kernel_size = 1 }}]\n",
        1 << 19
    );
    only(&huge, "M022 2:102 layer 2", &["numbers"]);
}

#[test]
fn an_input_that_is_none_is_refused() {
    let input =
        |value: &str| format!("input = {value}\nlayers = [{{ type = \"Dense\", units = 1 }}]\n");
    only(&input("[]"), "M014 1:1 an input has 1 to 4 axes, not 0", &["[28, 28, 1]"]);
    only(&input("[28, 0, 1]"), "M014 1:1 input [28, 0, 1]", &["size 0"]);
    only(&input("[1, 1, 1, 1, 1]"), "M014 1:1 an input has 1 to 4 axes", &[]);
    only("layers = [\"Flatten\"]\n", "M012 0:0 the file has no `input`", &["input = [28, 28, 1]"]);
    only("input = [4]\n", "M013 0:0 the model has no layers", &["[[layers]]"]);
    only("inptu = [4]\nlayers = [\"Flatten\"]\n", "M008 1:1 unknown key `inptu`", &["`input`?"]);
}

// T16, T28.
#[test]
fn models_hardly_meant_are_warned_about() {
    let warn = |text: &str| lines(&ModelSpec::read("model.toml", text).unwrap().1);
    let text = COURSE.replacen("activation = \"relu\"", "activation = \"softmax\"", 1);
    let found = warn(&text);
    assert!(
        found.len() == 1
            && found[0].starts_with("M051 6:1 layer 1 `conv2d` (Conv2D) ends in softmax"),
        "{found:?}"
    );
    let found = warn(&format!(
        "{}[[layers]]\ntype = \"Dense\"\nunits = 1\n",
        layer("Dropout", "rate = 1.0\n[[layers]]\ntype = \"Flatten\"")
    ));
    assert!(found.len() == 1 && found[0].starts_with("M052 5:1"), "{found:?}");
    let found = warn(&layer("Flatten", ""));
    assert!(found.len() == 1 && found[0].starts_with("M053"), "{found:?}");
    let found = warn(&layer("Conv2D", "filters = 3\nkernel_size = 3"));
    assert!(found.len() == 1 && found[0].contains("ends in layer 1 `conv2d`"), "{found:?}");
}

#[test]
fn a_loss_that_does_not_fit_the_last_layer_is_an_error() {
    let text = COURSE.replace("activation = \"softmax\"\n", "");
    let model = ModelSpec::read("model.toml", &text).unwrap().0;
    let problem = lint_loss(&model, &LossSpec::default()).remove(0);
    assert!(problem.hint.contains("softmax"), "{problem}");
    let (document, _) = Document::parse("model.toml", &text);
    let found = problem.diagnostic(&document);
    assert_eq!(document.source().position(found.span.unwrap().start), (23, 1));
}
