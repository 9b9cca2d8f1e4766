//! The reference of model.toml: its pages, its JSON Schema, and what holds of every item in it.
//!
//! The files of `docs/reference` are made here, from the specs and their documentation, and travel inside of `cnn`. They are
//! committed: `cargo xtask reference` writes them again, and a test fails where they are not what the code says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod checker;
mod example;
mod items;
mod keys;
mod markdown;
mod oracles;
mod page;
mod schema;
mod validity;

use items::{Item, KINDS};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the files are, from the repository's root.
const FOLDER: &str = "docs/reference";

/// The repository's root.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The files of the reference: name and text.
fn files() -> Vec<(String, String)> {
    let schema = schema::model();
    let items = items::items(&schema);
    let mut all = vec![
        ("README.md".to_owned(), markdown::index(&items)),
        ("items.json".to_owned(), items_json(&items)),
        ("model.schema.json".to_owned(), schema::text(&schema)),
        ("sweep.schema.json".to_owned(), schema::text(&schema::sweep())),
    ];
    let pages =
        KINDS.iter().map(|kind| (format!("{}.md", kind.page), markdown::page(kind, &items)));
    all.extend(pages);
    all
}

/// The items for programs, each key in a line.
fn items_json(items: &[Item]) -> String {
    schema::text(&Value::from(items.iter().map(Item::json).collect::<Vec<_>>()))
}

#[test]
fn the_committed_reference_is_what_the_code_says() {
    let folder = root().join(FOLDER);
    let path = |name: &str| -> PathBuf { folder.join(name) };
    let files = files();
    if std::env::var_os("CNN_REFERENCE").is_some_and(|what| what == "write") {
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &files {
            fs::write(path(name), text).unwrap();
        }
    }
    let stale = |(name, text): &&(String, String)| {
        fs::read_to_string(path(name))
            .map_or(true, |committed| committed.replace('\r', "") != *text)
    };
    let stale: Vec<&str> = files.iter().filter(stale).map(|(name, _)| name.as_str()).collect();
    assert!(
        stale.is_empty(),
        "out of date in {FOLDER}: {stale:?}; `cargo xtask reference` writes them"
    );
    let known = |name: &str| files.iter().any(|(file, _)| file == name);
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known(&name), "{FOLDER}/{name} is made by nothing: delete it");
    }
}
