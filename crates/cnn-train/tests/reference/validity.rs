//! Whether the schemas and the reader of the files agree: what is right fits both, and what the schema refuses is refused.

use crate::checker::refused;
use crate::items::{Item, items};
use crate::{root, schema};
use cnn_callbacks::BuildContext;
use cnn_nn::ModelSpec;
use cnn_nn::layers::LayerSpec;
use cnn_nn::losses::LossSpec;
use cnn_nn::model::TOP_LEVEL;
use cnn_optim::schedules::{LearningRate, ScheduleSpec};
use cnn_optim::{OptimizerSpec, SGD};
use cnn_train::experiment::Sweep;
use cnn_train::{CompileSpec, Config, FitSpec, Overrides};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A TOML text as the checker sees it.
fn parse(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A part of a model.toml as a whole one: with an input, and with layers that end in ten classes.
fn whole(part: &str) -> String {
    let table = parse(part);
    let has = |key: &str| table.get(key).is_some();
    if part.starts_with("layers = [") {
        return format!("input = [28, 28, 1]\n{part}");
    }
    let (flatten, dense) = (
        "[[layers]]\ntype = \"Flatten\"\n\n",
        "\n[[layers]]\ntype = \"Dense\"\nunits = 10\nactivation = \"softmax\"\n",
    );
    let mut text =
        if has("input") { String::new() } else { format!("input = [28, 28, 1]\n\n{flatten}") };
    text.push_str(part);
    if !has("input") {
        text.push_str(dense);
    }
    if has("callbacks") && !has("fit") {
        text.push_str("\n[fit]\nvalidation_split = 0.1\n");
    }
    text
}

/// Reads a whole model.toml, callbacks included, or says what is wrong.
fn read(text: &str) -> Result<Config, String> {
    let (config, _) = Config::from_toml("model.toml", text).map_err(|found| found.to_string())?;
    config.build_callbacks(&BuildContext::new("runs/x")).map_err(|(_, error)| error.to_string())?;
    Ok(config)
}

/// Reads an example: a single layer is a model alone, all else is a configuration.
fn reads(item: &Item, text: &str) -> Result<(), String> {
    let text = whole(text);
    if item.kind == "layer" {
        return ModelSpec::read("model.toml", &text).map(drop).map_err(|found| found.to_string());
    }
    read(&text).map(drop)
}

fn assert_fits(what: &str, text: &str, schema: &Value) {
    assert_eq!(refused(&parse(text), schema), Vec::<String>::new(), "{what}\n{text}");
}

#[test]
fn every_example_of_the_reference_is_read_and_builds() {
    let schema = schema::model();
    for item in items(&schema) {
        let what = format!("{} {}", item.kind, item.name);
        assert!(!item.about.is_empty(), "{what}");
        reads(&item, &item.example).unwrap_or_else(|why| panic!("{what}: {why}\n{}", item.example));
        assert_fits(&what, &whole(&item.example), &schema);
        // Its other spelling is the same thing, to the schema too.
        if let Some(alias) = &item.alias {
            let text = item.example.replace(&format!("\"{}\"", item.name), &format!("\"{alias}\""));
            assert!(text.contains(alias.as_str()), "{what}: {text}");
            reads(&item, &text).unwrap_or_else(|why| panic!("{what} as {alias}: {why}"));
            assert_fits(&what, &whole(&text), &schema);
        }
    }
}

#[test]
fn every_layer_says_its_shapes_parameters_and_source() {
    for item in items(&schema::model()) {
        let text = crate::markdown::text(&item.text);
        let wanted: &[&str] = match item.kind {
            "layer" => &["**Shapes**", "**Parameters**", "**Errors**", "**Source**"],
            "loss" => &["**Output**", "**Source**"],
            "optimizer" | "schedule" | "callback" => &["**Errors**", "**Source**"],
            _ => &[],
        };
        for part in wanted {
            assert!(text.contains(part), "{} has no {part}", item.name);
        }
        for key in &item.keys {
            assert!(!key.meaning.is_empty(), "{}: {} has no meaning", item.name, key.name);
        }
        for left in ["[`", "crate::", "\\["] {
            assert!(!item.json().to_string().contains(left), "{}: {left}", item.name);
        }
    }
}

/// The specs that the registries test themselves with use every key.
#[test]
fn what_is_written_fits_the_schema() {
    let schema = schema::model();
    for (spec, input) in LayerSpec::examples() {
        let model = ModelSpec::new(input, [spec]);
        assert_fits("layer", &model.to_toml().unwrap(), &schema);
    }
    let fits = |compile: CompileSpec| {
        let model = ModelSpec::new([4], [LayerSpec::from(cnn_nn::layers::Flatten)]);
        let config = Config { model, compile, fit: FitSpec::default(), callbacks: Vec::new() };
        assert_fits("compile", &config.to_toml().unwrap(), &schema);
    };
    for (loss, ..) in LossSpec::examples() {
        fits(CompileSpec { loss, ..CompileSpec::default() });
    }
    for optimizer in cnn_optim::REGISTRY.iter().flat_map(|kind| (kind.examples)()) {
        fits(CompileSpec { optimizer, ..CompileSpec::default() });
    }
    for schedule in ScheduleSpec::examples() {
        let learning_rate = LearningRate::Schedule(schedule);
        let optimizer = OptimizerSpec::SGD(SGD { learning_rate, ..SGD::default() });
        fits(CompileSpec { optimizer, ..CompileSpec::default() });
    }
    let callbacks = cnn_callbacks::REGISTRY.iter().flat_map(|kind| (kind.examples)()).collect();
    let model = ModelSpec::new([4], [LayerSpec::from(cnn_nn::layers::Flatten)]);
    let (compile, fit) = (CompileSpec::default(), FitSpec::default());
    let all = Config { model, compile, fit, callbacks };
    assert_fits("callbacks", &all.to_toml().unwrap(), &schema);
}

/// The files below a folder with this ending, sorted.
fn below(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, all);
            } else if path.to_string_lossy().ends_with(ending) {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    walk(&root().join(folder), ending, &mut all);
    all.sort();
    all
}

/// The TOML snippets of a page.
fn snippets(page: &str) -> Vec<String> {
    let parts = page.split("```toml\n").skip(1);
    parts.filter_map(|part| Some(part.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn presets_experiments_and_every_snippet_of_the_docs_fit_the_schemas() {
    let (model, sweep) = (schema::model(), schema::sweep());
    let (mut models, mut sweeps) = (0, 0);
    let presets = below("crates/cnn-cli/presets", ".toml");
    assert!(presets.len() >= 12);
    for path in presets {
        let text = fs::read_to_string(&path).unwrap();
        read(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert_fits(&path.to_string_lossy(), &text, &model);
        models += 1;
    }
    for path in below("crates/cnn-cli/experiments", ".toml") {
        assert_fits(&path.to_string_lossy(), &fs::read_to_string(&path).unwrap(), &sweep);
        sweeps += 1;
    }
    let mut pages = below("docs", ".md");
    pages.push(root().join("README.md"));
    for page in pages {
        for snippet in snippets(&fs::read_to_string(&page).unwrap()) {
            let what = page.to_string_lossy();
            let table = parse(&snippet);
            let keys: Vec<&String> = table.as_object().unwrap().keys().collect();
            let known =
                |schema: &Value| keys.iter().all(|key| schema["properties"].get(key).is_some());
            if known(&model) {
                assert_fits(&what, &whole(&snippet), &model);
                models += 1;
            } else if known(&sweep) {
                assert_fits(&what, &snippet, &sweep);
                sweeps += 1;
            } else {
                // A key of an optimizer alone.
                let table = format!("[compile.optimizer]\ntype = \"SGD\"\n{snippet}");
                assert_fits(&what, &whole(&table), &model);
                models += 1;
            }
        }
    }
    println!("{models} model.toml and {sweeps} sweep.toml fit the schemas");
    assert!(models >= 100 && sweeps >= 4, "{models} {sweeps}");
}

#[test]
fn the_schemas_know_the_keys_that_are_read() {
    let keys = |schema: &Value| -> Vec<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&schema::model()), TOP_LEVEL);
    // The reader of sweeps lists its keys where one is not known.
    let none = |_: &str| Err("there is none".to_owned());
    let found =
        Sweep::from_toml("sweep.toml", "zzz = 1\n", Overrides::default(), &none).unwrap_err();
    let listed = found.to_string();
    for key in keys(&schema::sweep()) {
        assert!(listed.contains(&key), "{key}: {listed}");
    }
}

/// Mistakes that the schema knows, each in a file that is right otherwise.
#[test]
fn what_the_schema_refuses_the_reader_refuses() {
    let schema = schema::model();
    let base = "input = [28, 28, 1]\n\n[[layers]]\ntype = \"Flatten\"\n\n[[layers]]\ntype = \"Dense\"\nunits = 10\nactivation = \"softmax\"\n";
    read(base).unwrap();
    assert_fits("base", base, &schema);
    let replaced = [
        ("input = [28, 28, 1]\n", ""),
        ("input", "inptu"),
        ("[28, 28, 1]", "\"28\""),
        ("[28, 28, 1]", "[28.5, 28, 1]"),
        ("Flatten", "Flaten"),
        ("type = \"Flatten\"", "typ = \"Flatten\""),
        ("type = \"Flatten\"", "type = \"Flatten\"\nunits = 3"),
        ("units = 10\n", ""),
        ("units = 10", "units = -1"),
        ("units = 10", "units = \"10\""),
        ("units = 10", "unit = 10"),
        ("\"softmax\"", "\"sofmax\""),
        ("\"softmax\"", "true"),
        ("activation =", "use_bias = 1\nactivation ="),
        ("activation =", "kernel_initializer = \"he\"\nactivation ="),
        ("activation =", "kernel_initializer = { normal = 0.1, constant = 1.0 }\nactivation ="),
        ("activation =", "kernel_regularizer = { l3 = 0.1 }\nactivation ="),
        ("activation =", "kernel_regularizer = {}\nactivation ="),
        ("activation =", "kernel_constraint = { max_norm = 0.0 }\nactivation ="),
        ("activation =", "name = 3\nactivation ="),
    ];
    let wrong = replaced.map(|(from, to)| base.replacen(from, to, 1));
    let added = [
        "[compile]\nloss = \"crossentropy\"",
        "[compile]\nloss = { type = \"MeanSquaredError\", from_logits = true }",
        "[compile]\noptimizer = \"adma\"",
        "[compile]\noptimizer = { learning_rate = 0.1 }",
        "[compile]\noptimizer = { type = \"Adam\", lr = 0.1 }",
        "[compile]\noptimizer = { type = \"Adam\", learning_rate = \"fast\" }",
        "[compile]\noptimizer = { type = \"Adam\", learning_rate = { type = \"OneCycle\" } }",
        "[compile]\noptimizer = { type = \"Adam\", learning_rate = { type = \"Cosine\" } }",
        "[compile]\nmetrics = \"accuracy\"",
        "[compile]\nmetrics = [\"acuracy\"]",
        "[fit]\nepoch = 3",
        "[fit]\nepochs = 2.5",
        "[fit]\nepochs = -1",
        "[fit]\nshuffle = \"yes\"",
        "[[callbacks]]\ntype = \"StopAt\"",
        "[[callbacks]]\ntype = \"EarlyStoping\"",
        "[[callbacks]]\ntype = \"EarlyStopping\"\nmode = \"best\"",
        "[[callbacks]]\ntype = \"LearningRateScheduler\"\nrates = [[0, 0.1, 3]]",
        "[[layers]]\ntype = \"RandomContrast\"\nfactor = 0.1\nvalue_range = [0, 1, 2]",
        "[[layers]]\ntype = \"Dense\"\nunits = 10\nkernel_initializer = { uniform = [0, 1, 2] }",
        "[training]\nepochs = 3",
    ];
    let added = added.map(|part| format!("{base}\n{part}\n"));
    for text in wrong.iter().chain(&added) {
        assert_ne!(text, base);
        assert!(!refused(&parse(text), &schema).is_empty(), "the schema takes\n{text}");
        assert!(read(text).is_err(), "the reader takes\n{text}");
    }
}

/// The wrong files that the command line is tested with: many are wrong in ways that only the program knows, but what the schema
/// refuses must not be read.
#[test]
fn the_schema_refuses_no_file_that_is_read() {
    let schema = schema::model();
    let (mut all, mut caught) = (0, 0);
    for path in below("crates/cnn-cli/tests/models", ".toml") {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(value) = toml::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
            continue;
        };
        let wrong = refused(&value, &schema);
        all += 1;
        caught += usize::from(!wrong.is_empty());
        assert!(wrong.is_empty() || read(&text).is_err(), "{}: {wrong:?}", path.display());
    }
    println!("of {all} files that parse, most of them wrong, the schema refuses {caught}");
    assert!(caught >= 20, "{caught} of {all}");
}

/// A default must be allowed where it is the default.
#[test]
fn defaults_fit_their_own_place() {
    fn walk(value: &Value, root: &Value, count: &mut usize) {
        if let Some(default) = value.get("default") {
            let mut alone = value.clone();
            alone["$defs"] = root["$defs"].clone();
            assert_eq!(refused(default, &alone), Vec::<String>::new(), "{value}");
            *count += 1;
        }
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| *key != "default")
                .for_each(|(_, v)| walk(v, root, count)),
            Value::Array(items) => items.iter().for_each(|item| walk(item, root, count)),
            _ => {}
        }
    }
    let (schema, mut count) = (schema::model(), 0);
    walk(&schema, &schema, &mut count);
    assert!(count >= 100, "{count}");
    assert!(!refused(&json!({ "input": [1] }), &schema).is_empty());
}
