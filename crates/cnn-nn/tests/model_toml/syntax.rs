//! Mistakes of TOML itself, many of them Python.

use crate::{layer, lines, mistakes, only};

// Rows 2 and 5.
#[test]
fn python_where_a_table_should_be_is_explained() {
    let text = layer("Conv2D", "filters = 64\nkernel_size = 3\n[[layers]]\nMaxPooling2D) 2,2)");
    only(&text, "M001 8:13 this is a call, not TOML", &["type = \"MaxPooling2D\"", "[[layers]]"]);
    let text = format!("{}Conv2D(64, (3,3), activation='relu'),\n", layer("Flatten", ""));
    only(&text, "M001 6:7 this is a call", &["type = \"Conv2D\""]);
}

#[test]
fn missing_brackets_and_quotes_say_which() {
    only(
        "input = [28, 28, 1\n[[layers]]\ntype = \"Flatten\"\n",
        "M001 1:9 a list is not closed",
        &["| input = [28, 28, 1]"],
    );
    only(
        "input = [28, 28, 1]\n[[layers]\ntype = \"Flatten\"\n",
        "M001 2:10 a list header is not closed",
        &["| [[layers]]"],
    );
    let dense = |keys: &str| layer("Dense", keys);
    only(
        &dense("units = 3\nactivation = relu"),
        "M001 6:14 text without quotes",
        &["| activation = \"relu\""],
    );
    only(&dense("units = 3\nactivation = \"relu"), "M001 6:19 a text is not closed", &[]);
    only(
        &dense("units = 3\nuse_bias = True"),
        "M001 6:12 true and false are written in small letters",
        &["write true"],
    );
    only(
        &dense("units = 3\nactivation = None"),
        "M001 6:14 TOML has no empty value",
        &["leave the key out"],
    );
    only(&dense("units: 3"), "M001 5:6 a key and its value are joined by `=`", &["| units = 3"]);
    only(&dense("units ="), "M001 5:8 a key without a value", &[]);
    let conv = layer("Conv2D", "filters = 3\nkernel_size = (3, 3)");
    only(&conv, "M001 6:15 a list is written in square brackets", &["[3, 3]"]);
    only(&dense("units = 3\nunits = 4"), "M001 6:1 duplicate key", &["remove one"]);
    only(
        "input = [4]\n[layers]\ntype = \"Flatten\"\n",
        "M006 2:1 `layers` is a list of tables",
        &["[[layers]]"],
    );
    only(
        "input = [4]\nlayers = [\n  { type = \"Dense\", units = 3 },\n",
        "M001 2:10 a list is not closed",
        &["add `]`"],
    );
}

#[test]
fn all_syntax_errors_of_a_file_are_found_and_what_is_between_them() {
    let text = "input = [28, 28, 1
[[layers]]
type = Dense
units = \"3\"
[[layers]]
type = \"Dense\"
untis = 3
activation = \"relu
[fit]
epochs = 1
[fit]
epochs = 2
";
    let found = lines(&mistakes(text));
    let places: Vec<_> =
        found.iter().map(|line| line.split_inclusive(' ').take(2).collect::<String>()).collect();
    assert_eq!(
        places,
        ["M001 1:9 ", "M001 3:8 ", "M003 7:1 ", "M001 8:19 ", "M001 11:2 "],
        "{found:#?}"
    );
}

#[test]
fn lists_that_are_not_closed_are_told_once_each() {
    for (text, expected) in [
        (
            "input = [4\nlayers = [\n  { type = \"Dense\", units = 3 },\n",
            &["M001 1:9 a list", "M001 2:10 a list"][..],
        ),
        (
            "input = [4]\nlayers = [\n  { type = \"Dense\", units = 3 },\n[compile]\nmetrics = [\"accuracy\"\n[fit]\nepochs = 2\n",
            &["M001 2:10 a list", "M001 5:11 a list"],
        ),
    ] {
        let found = lines(&mistakes(text));
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (line, start) in found.iter().zip(expected) {
            assert!(line.starts_with(start), "{found:#?}");
        }
    }
}
