//! Sections that other crates read through the same mechanism: nested enums, bare names, defaults, lists.

use cnn_nn::config::write::{Toml, node};
use cnn_nn::config::{Diagnostics, Document};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Optimizer {
    #[serde(alias = "adam")]
    Adam(Adam),
    #[serde(alias = "plain")]
    Plain,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Adam {
    learning_rate: f32,
    beta_1: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 0.001, beta_1: 0.9 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compile {
    optimizer: Optimizer,
    loss: String,
    #[serde(default)]
    metrics: Vec<String>,
    #[serde(default)]
    note: Option<String>,
}

fn compile(text: &str) -> (Option<Compile>, Diagnostics) {
    let (document, mut found) = Document::parse("m.toml", text);
    let section = document.table("compile", &mut found);
    (section, found)
}

fn lines(found: &Diagnostics) -> Vec<String> {
    let place = |d: &cnn_nn::config::Diagnostic| {
        d.span.as_ref().map_or((0, 0), |span| found.source().position(span.start))
    };
    let line = |d| {
        let (line, column) = place(d);
        format!("{} {line}:{column} {} | {}", d.code, d.message, d.label)
    };
    found.iter().map(line).collect()
}

#[test]
fn a_table_a_bare_name_and_a_section_choose_a_variant() {
    let adam = |learning_rate| Optimizer::Adam(Adam { learning_rate, ..Adam::default() });
    for (optimizer, expected) in [
        ("optimizer = { type = \"Adam\", learning_rate = 0.01 }", adam(0.01)),
        ("optimizer = { type = \"adam\", learning_rate = 1 }", adam(1.0)),
        ("optimizer = \"adam\"", adam(0.001)),
        ("optimizer = \"Plain\"", Optimizer::Plain),
        ("optimizer = { type = \"plain\" }", Optimizer::Plain),
        ("[compile.optimizer]\ntype = \"Adam\"\nlearning_rate = 0.5", adam(0.5)),
    ] {
        let (section, found) = compile(&format!("[compile]\nloss = \"x\"\n{optimizer}\n"));
        assert_eq!(section.map(|section| section.optimizer), Some(expected), "{found}");
    }
}

#[test]
fn mistakes_inside_a_nested_table_point_at_its_keys() {
    let text = "[compile]\noptimizer = { type = \"Adma\", learning_rate = \"0.1\", beta1 = 0.9 }\nmetrics = [\"accuracy\", 3]\n";
    let (section, found) = compile(text);
    assert_eq!(section, None);
    let expected = [
        "M005 1:1 [compile] needs `loss` | `loss` is missing",
        "M004 2:15 unknown type \"Adma\" in `optimizer` of [compile] | did you mean \"Adam\"?",
        "M006 2:30 `learning_rate` cannot be \"0.1\" in `optimizer` of [compile] | expected a number",
        "M003 2:53 unknown key `beta1` in `optimizer` of [compile] | did you mean `beta_1`?",
        "M006 3:24 3 does not belong there in `metrics` of [compile] | expected a text in quotes",
    ];
    assert_eq!(lines(&found), expected);
    let (_, found) = compile("[compile]\nloss = \"x\"\noptimizer = { learning_rate = 0.1 }\n");
    assert_eq!(
        lines(&found),
        ["M005 3:13 `optimizer` of [compile] has no `type` | which one is it?"]
    );
    let (_, found) = compile("[compile]\nloss = \"x\"\noptimizer = { type = \"Plain\", x = 1 }\n");
    assert_eq!(
        lines(&found),
        ["M003 3:31 unknown key `x` in `optimizer` of [compile] | not a key of this table"]
    );
}

#[test]
fn an_absent_section_lacks_its_required_keys() {
    let (_, found) = compile("");
    assert_eq!(
        lines(&found),
        [
            "M005 0:0 [compile] needs `optimizer` | `optimizer` is missing",
            "M005 0:0 [compile] needs `loss` | `loss` is missing",
        ]
    );
    let (_, found) = compile("compile = 3\n");
    assert_eq!(lines(&found), ["M006 1:1 `compile` must be a section | expected a table"]);
}

#[test]
fn sections_are_written_as_they_are_read() {
    let section = Compile {
        optimizer: Optimizer::Adam(Adam { learning_rate: 0.1, beta_1: 1e-7 }),
        loss: "a \"quoted\"\n\u{1b}text".to_owned(),
        metrics: vec!["accuracy".to_owned()],
        note: None,
    };
    let text = Toml::default()
        .section("compile", &node(&section).unwrap())
        .list("callbacks", &[node(&Optimizer::Plain).unwrap()])
        .into_string();
    let expected = "[compile]
optimizer = { type = \"Adam\", learning_rate = 0.1, beta_1 = 1e-7 }
loss = \"a \\\"quoted\\\"\\n\\u001Btext\"
metrics = [\"accuracy\"]

[[callbacks]]
type = \"Plain\"
";
    assert_eq!(text, expected);
    assert_eq!(compile(&text).0, Some(section));
}

#[test]
fn places_are_found_by_path() {
    let text = "[compile]\nloss = \"x\"\noptimizer = { type = \"Adam\" }\n[[callbacks]]\ntype = \"A\"\n[[callbacks]]\ntype = \"B\"\n";
    let (document, _) = Document::parse("m.toml", text);
    let at = |path: &str| document.span(path).map(|span| &text[span]);
    assert_eq!(at("compile.optimizer.type"), Some("type = \"Adam\""));
    assert_eq!(at("callbacks.1.type"), Some("type = \"B\""));
    // The nearest parent where the path ends.
    assert_eq!(at("compile.optimizer.beta_1"), Some("optimizer = { type = \"Adam\" }"));
    assert_eq!(at("callbacks.1.threshold"), Some("[[callbacks]]"));
    assert_eq!(at("fit.epochs"), None);
}
