//! Whole files: hostile ones, other line ends, what belongs to others, the way back.

use crate::{COURSE, layer, lines, mistakes, only};
use cnn_nn::model::{ModelSpec, lint};

// T19, T20, T22, T23.
#[test]
fn hostile_files_end_in_one_clear_error() {
    only(&format!("a = {}", "[".repeat(20_000)), "M002", &["too deeply"]);
    only(&format!("{}a = 1", "a.".repeat(20_000)), "M002", &["too deeply"]);
    only(&format!("a = {}1{}", "[".repeat(40), "]".repeat(40)), "M002", &["more than 32 levels"]);
    only(&"#".repeat(2 << 20), "M002", &["2097152 bytes", "262144"]);
    only(
        &format!("{}input = [4]", "# \n".repeat(9)).replace("input", &"x".repeat(200)),
        "M002 10:1 a key of 200 bytes",
        &["128"],
    );
    let many = format!("input = [4]\n{}", "[[layers]]\ntype = \"Flatten\"\n".repeat(1001));
    only(&many, "M002 2:3 1001 entries in `layers`", &["1000"]);
    let found = lines(&mistakes(&format!("version = 2\n{}", layer("Flatten", ""))));
    assert!(
        found[0].starts_with("M008 1:1 unknown key `version`")
            && found[0].contains("newer program"),
        "{found:?}"
    );
    let found = mistakes(&layer("Flatten", "name = \"a\u{0}\u{1b}[31m\"")).to_string();
    assert!(!found.contains(['\u{0}', '\u{1b}']), "{found:?}");
    for line in
        ["a\u{1b}: 3", "[[layers\u{1b}", "x\u{1b} = relu", "x = [3\u{1b}", "\"\u{1b}\" = relu"]
    {
        let found = mistakes(&layer("Flatten", line)).to_string();
        assert!(!found.contains('\u{1b}'), "{found:?}");
    }
    let found = mistakes(&layer("Dense", &format!("units = \"{}\"", "x".repeat(5000)))).to_string();
    assert!(found.lines().all(|line| line.chars().count() < 400), "{found}");
}

#[test]
fn a_thousand_mistakes_take_no_time_to_speak_of() {
    let keys: Vec<_> = (0..20_000).map(|i| format!("k{i} = 1")).collect();
    let found = mistakes(&layer("Dense", &keys.join("\n")));
    assert!(found.len() > 10 && found.len() < 100, "{}", found.len());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let text = format!("\u{feff}{}", COURSE.replace('\n', "\r\n"));
    assert!(ModelSpec::read("model.toml", &text).unwrap().1.is_empty());
    let text = text.replace("units = 10", "unist = 10");
    let found = lines(&mistakes(&text));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("M003 24:1 unknown key `unist`"), "{found:?}");
}

#[test]
fn the_plain_form_has_file_line_column_and_caret() {
    let text = layer("Dense", "units = 3\nactivatoin = \"relu\"");
    let expected = "\
error[M003]: unknown key `activatoin` in layer 1 (Dense)
 --> model.toml:6:1
  |
6 | activatoin = \"relu\"
  | ^^^^^^^^^^ did you mean `activation`?
  = note: its keys are type, name, units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint
";
    assert_eq!(mistakes(&text).to_string(), expected);
}

#[test]
fn other_sections_are_left_to_others() {
    let text =
        format!("{COURSE}[fit]\nanything = 1\n[[callbacks]]\ntype = \"X\"\n[compile]\nloss = 3\n");
    assert!(ModelSpec::from_toml("model.toml", &text).is_ok());
}

#[test]
fn every_example_of_every_layer_survives_toml_and_lints_without_panic() {
    for (spec, input) in cnn_nn::layers::LayerSpec::examples() {
        let spec = ModelSpec::new(input, [spec]);
        let text = spec.to_toml().unwrap();
        let (read, _) = ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(read, spec, "{text}");
        let model = read.build().unwrap_or_else(|e| panic!("{e}"));
        lint(&model);
        // The spelt-out spec builds the same model.
        assert_eq!(model.spec().build().unwrap().param_count(), model.param_count());
    }
}
