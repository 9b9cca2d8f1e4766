//! Everything that model.toml may name: its page from the head of the file that implements it, its keys from its spec.
//!
//! What is true of the code is said in the reference: only the titles of the pages are written here.

use crate::keys::{self, Key};
use crate::page::{Block, blocks};
use crate::{example, root};
use cnn_train::MetricSpec;
use schemars::Schema;
use serde_json::{Value, json};
use std::fs;

/// A kind of thing, which is a page of the reference.
pub(crate) struct Kind {
    /// In one word: what `cnn layers --kind` takes.
    pub(crate) name: &'static str,
    /// The page, without its ending.
    pub(crate) page: &'static str,
    /// The page's title.
    pub(crate) title: &'static str,
    /// Where in model.toml these things stand, and what for.
    pub(crate) place: &'static str,
    /// The definition of the schema that lists them.
    definition: &'static str,
    /// A folder with a file for each of them or of their families.
    folder: &'static str,
    /// The file whose head, but for its first paragraph, is about them all.
    intro: &'static str,
    /// Or the type whose documentation is.
    docs: Option<fn() -> Schema>,
}

impl Kind {
    const fn new(words: [&'static str; 5]) -> Self {
        let [name, page, title, place, definition] = words;
        Self { name, page, title, place, definition, folder: "", intro: "", docs: None }
    }

    const fn with_folder(self, folder: &'static str) -> Self {
        Self { folder, ..self }
    }

    const fn with_intro(self, intro: &'static str) -> Self {
        Self { intro, ..self }
    }

    const fn with_docs(self, docs: fn() -> Schema) -> Self {
        Self { docs: Some(docs), ..self }
    }

    /// What is to be known about all of them.
    pub(crate) fn intro(&self) -> Vec<Block> {
        let text = match self.docs.map(|schema| schema().to_value()) {
            Some(schema) => {
                let lines = schema["description"].as_str().unwrap().lines();
                lines.map(|line| format!("//! {line}")).collect::<Vec<_>>().join("\n")
            }
            None if self.intro.is_empty() => return Vec::new(),
            None => read(self.intro),
        };
        blocks(&text).into_iter().skip(1).collect()
    }
}

/// The kinds, in the order of the index.
pub(crate) const KINDS: [Kind; 11] = [
    Kind::new([
        "section",
        "model",
        "The file",
        "A model.toml: the model, and its sections `[compile]` and `[fit]`",
        "",
    ]),
    Kind::new([
        "layer",
        "layers",
        "Layers",
        "`[[layers]]`, from the image to the answer. Shapes are those of one sample. A layer of the list may also have a `name`",
        "LayerSpec",
    ])
    .with_folder("crates/cnn-nn/src/layers"),
    Kind::new(["activation", "activations", "Activations", "`activation` of a layer", "Function"]),
    Kind::new([
        "initializer",
        "initializers",
        "Initializers",
        "`kernel_initializer`, `bias_initializer` and the like of a layer: how its weights begin",
        "Initializer",
    ])
    .with_intro("crates/cnn-nn/src/initializer.rs"),
    Kind::new([
        "regularizer",
        "regularizers",
        "Regularizers",
        "`kernel_regularizer`, `bias_regularizer` and `activity_regularizer` of a layer: a penalty that is added to the loss",
        "Regularizer",
    ])
    .with_intro("crates/cnn-nn/src/regularizer.rs"),
    Kind::new([
        "constraint",
        "constraints",
        "Constraints",
        "`kernel_constraint` and the like of a layer: what its kernel is made to satisfy after every update",
        "Constraint",
    ])
    .with_intro("crates/cnn-nn/src/constraint.rs"),
    Kind::new([
        "loss",
        "losses",
        "Losses",
        "`loss` in `[compile]`: what training makes small",
        "LossSpec",
    ])
    .with_folder("crates/cnn-nn/src/losses")
    .with_intro("crates/cnn-nn/src/losses/mod.rs"),
    Kind::new([
        "metric",
        "metrics",
        "Metrics",
        "`metrics` in `[compile]`: what is measured beside the loss",
        "MetricSpec",
    ])
    .with_docs(|| schemars::schema_for!(MetricSpec)),
    Kind::new([
        "optimizer",
        "optimizers",
        "Optimizers",
        "`optimizer` in `[compile]`: how the weights follow their gradients. Slots are the running values that an optimizer keeps for every weight; a checkpoint saves them",
        "OptimizerSpec",
    ])
    .with_folder("crates/cnn-optim/src/optimizers"),
    Kind::new([
        "schedule",
        "schedules",
        "Learning-rate schedules",
        "`learning_rate` of an optimizer, in place of a number",
        "ScheduleSpec",
    ])
    .with_folder("crates/cnn-optim/src/schedules")
    .with_intro("crates/cnn-optim/src/schedules/mod.rs"),
    Kind::new([
        "callback",
        "callbacks",
        "Callbacks",
        "`[[callbacks]]`: what watches a training, and may stop it",
        "CallbackSpec",
    ])
    .with_folder("crates/cnn-callbacks/src/callbacks"),
];

/// One thing that model.toml may name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// One of [`KINDS`].
    pub(crate) kind: &'static str,
    /// Its `type`, or the value itself.
    pub(crate) name: String,
    /// Another spelling that is read as well.
    pub(crate) alias: Option<String>,
    /// What it is, in a sentence.
    pub(crate) about: String,
    /// Formula, shapes, parameters, errors, source, where it differs from Keras and `PyTorch`.
    pub(crate) text: Vec<Block>,
    /// Its keys, in the order of its spec.
    pub(crate) keys: Vec<Key>,
    /// A part of a model.toml with it, or a whole one.
    pub(crate) example: String,
}

impl Item {
    pub(crate) fn json(&self) -> Value {
        let key = |key: &Key| {
            let mut one = json!({ "name": key.name, "type": key.kind, "required": key.required });
            if let Some(default) = &key.default {
                one["default"] = default.as_str().into();
            }
            one["meaning"] = key.meaning.as_str().into();
            one
        };
        json!({
            "kind": self.kind,
            "name": self.name,
            "alias": self.alias,
            "about": self.about,
            "text": crate::markdown::text(&self.text),
            "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
            "example": self.example,
        })
    }
}

/// Everything, kind by kind.
pub(crate) fn items(schema: &Value) -> Vec<Item> {
    let mut all = sections(schema);
    for kind in &KINDS {
        let definition = &schema["$defs"][kind.definition];
        let branches = definition["oneOf"].as_array().or(definition["anyOf"].as_array());
        let branches: Vec<&Value> = branches.into_iter().flatten().collect();
        let tagged = |branch: &&Value| branch["properties"]["type"]["enum"].is_array();
        if branches.iter().any(tagged) {
            let tables = branches.into_iter().filter(tagged);
            all.extend(tables.map(|branch| tagged_item(kind, branch, schema)));
        } else {
            let mut values = Vec::new();
            for branch in branches {
                value_items(kind, branch, &mut values);
            }
            all.extend(values);
        }
    }
    all
}

/// The file as a whole, and the sections that are no lists.
fn sections(schema: &Value) -> Vec<Item> {
    let whole = (
        "model.toml",
        schema,
        "input = [28, 28, 1]\n\n[[layers]]\ntype = \"Flatten\"\n\n[[layers]]\ntype = \"Dense\"\nunits = 10\nactivation = \"softmax\"\n",
    );
    let compile = (
        "compile",
        &schema["$defs"]["CompileSpec"],
        "[compile]\noptimizer = { type = \"Adam\", learning_rate = 0.001 }\nloss = \"sparse_categorical_crossentropy\"\nmetrics = [\"accuracy\"]\n",
    );
    let fit = (
        "fit",
        &schema["$defs"]["FitSpec"],
        "[fit]\nepochs = 5\nbatch_size = 32\nvalidation_split = 0.1\nseed = 42\n",
    );
    let item = |(name, table, example): (&str, &Value, &str)| Item {
        kind: "section",
        name: name.to_owned(),
        alias: None,
        about: table["description"].as_str().unwrap().to_owned(),
        text: Vec::new(),
        keys: keys::of(table, schema),
        example: example.to_owned(),
    };
    [whole, compile, fit].map(item).into()
}

/// A table with a `type`.
fn tagged_item(kind: &Kind, branch: &Value, schema: &Value) -> Item {
    let mut item = named(kind, &branch["properties"]["type"]["enum"], branch);
    item.keys = keys::of(branch, schema);
    let alias = item.alias.as_deref().unwrap_or_default();
    item.text = source(kind.folder, &item.name, alias).map_or_else(Vec::new, |s| blocks(&s));
    let toml = |block: &Block| matches!(block, Block::Code { toml: true, .. });
    item.example = match item.text.iter().position(toml).map(|at| item.text.remove(at)) {
        Some(Block::Code { text, .. }) => text,
        _ => example::of(kind.name, &item.name, &format!("\"{}\"", item.name)),
    };
    item
}

/// A name, or a table with a key that is no name already.
fn value_items(kind: &Kind, branch: &Value, all: &mut Vec<Item>) {
    if branch["enum"].is_array() {
        let mut item = named(kind, &branch["enum"], branch);
        item.example = example::of(kind.name, &item.name, &format!("\"{}\"", item.name));
        all.push(item);
    }
    for (key, value) in branch["properties"].as_object().into_iter().flatten() {
        if all.iter().all(|item| item.name != *key) {
            let mut item = named(kind, &json!([key]), value);
            let written = format!("{{ {key} = {} }}", value["examples"][0]);
            item.example = example::of(kind.name, key, &written);
            all.push(item);
        }
    }
}

fn named(kind: &Kind, names: &Value, described: &Value) -> Item {
    Item {
        kind: kind.name,
        name: names[0].as_str().unwrap().to_owned(),
        alias: names[1].as_str().map(str::to_owned),
        about: described["description"].as_str().unwrap_or_default().to_owned(),
        text: Vec::new(),
        keys: Vec::new(),
        example: String::new(),
    }
}

/// The text of the file that implements a thing: that of its name, or the one of its family.
fn source(folder: &str, name: &str, alias: &str) -> Option<String> {
    if folder.is_empty() {
        return None;
    }
    for file in [format!("{folder}/{alias}.rs"), format!("{folder}/{alias}/mod.rs")] {
        if root().join(&file).is_file() {
            return Some(read(&file));
        }
    }
    let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut texts =
        files.filter(|file| file.is_file()).map(|file| fs::read_to_string(file).unwrap());
    let head = format!("pub struct {name} {{");
    Some(texts.find(|text| text.contains(&head)).unwrap_or_else(|| panic!("no source of {name}")))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
