//! What a person sees after a mistake in model.toml: every mistake of the course's own listings (keras-semantics 1.3), and
//! the bad inputs of the list that promises are kept by.

mod files;
mod shapes;
mod syntax;
mod together;
mod values;

use cnn_nn::config::{Diagnostic, Diagnostics};
use cnn_nn::model::ModelSpec;

fn mistakes(text: &str) -> Diagnostics {
    match ModelSpec::read("model.toml", text) {
        Ok((model, _)) => panic!("no mistake found in\n{text}\n{model:?}"),
        Err(found) => found,
    }
}

/// Everything found: `code line:column message | label | help`.
fn lines(found: &Diagnostics) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let (line, column) =
            d.span.as_ref().map_or((0, 0), |span| found.source().position(span.start));
        format!("{} {line}:{column} {} | {} | {}", d.code, d.message, d.label, d.help.join(" "))
    };
    found.iter().map(line).collect()
}

/// One mistake, whose line begins with `start` and contains all of `parts`.
fn only(text: &str, start: &str, parts: &[&str]) {
    let found = lines(&mistakes(text));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(start), "{}", found[0]);
    for part in parts {
        assert!(found[0].contains(part), "{part:?} is not in {}", found[0]);
    }
}

/// A model with one layer, given by its lines; the first of them is line 5 of the file. Dense has a flat input, as it should.
fn layer(kind: &str, keys: &str) -> String {
    let input = if kind == "Dense" { "[784]" } else { "[28, 28, 1]" };
    format!("input = {input}\n\n[[layers]]\ntype = \"{kind}\"\n{keys}\n")
}

const COURSE: &str = "input = [28, 28, 1]
[[layers]]
type = \"Conv2D\"
filters = 64
kernel_size = 3
activation = \"relu\"
[[layers]]
type = \"MaxPooling2D\"
[[layers]]
type = \"Conv2D\"
filters = 64
kernel_size = 3
activation = \"relu\"
[[layers]]
type = \"MaxPooling2D\"
[[layers]]
type = \"Flatten\"
[[layers]]
type = \"Dense\"
units = 128
activation = \"relu\"
[[layers]]
type = \"Dense\"
units = 10
activation = \"softmax\"
";
