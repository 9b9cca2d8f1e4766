//! The reference as Markdown: a page for each kind, and the index.

use crate::items::{Item, KINDS, Kind};
use crate::keys::Key;
use crate::page::Block;
use std::fmt::Write as _;

const GENERATED: &str = "<!-- Made by `cargo xtask reference` from the code and its documentation. Not to be changed by hand. -->\n\n";

/// Blocks with empty lines between them.
pub(crate) fn text(blocks: &[Block]) -> String {
    let block = |block: &Block| match block {
        Block::Text(text) => text.clone(),
        Block::Code { toml, text } => {
            format!("```{}\n{text}```", if *toml { "toml" } else { "text" })
        }
    };
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// The page of one kind.
pub(crate) fn page(kind: &Kind, items: &[Item]) -> String {
    let items: Vec<&Item> = items.iter().filter(|item| item.kind == kind.name).collect();
    let shared = shared(&items);
    let mut out = format!("{GENERATED}# {}\n\n{}.\n\n", kind.title, kind.place);
    let intro = text(&kind.intro());
    if !intro.is_empty() {
        let _ = write!(out, "{intro}\n\n");
    }
    for item in &items {
        let _ = write!(out, "## {}\n\n{}", item.name, item.about);
        if let Some(alias) = &item.alias {
            let _ = write!(out, " Also written `{alias}`.");
        }
        out.push_str("\n\n");
        if !item.text.is_empty() {
            let _ = write!(out, "{}\n\n", text(&item.text));
        }
        let own: Vec<&Key> = item.keys.iter().filter(|key| !shared.contains(key)).collect();
        keys(&own, &mut out);
        if !shared.is_empty() {
            let _ = write!(out, "Also [the keys that all have](#keys-that-all-have).\n\n");
        }
        let _ = write!(out, "```toml\n{}```\n\n", item.example);
    }
    if !shared.is_empty() {
        out.push_str("## Keys that all have\n\n");
        keys(&shared, &mut out);
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// The keys that every one of several items has, with the same default and meaning.
fn shared<'a>(items: &[&'a Item]) -> Vec<&'a Key> {
    let [first, others @ ..] = items else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let all_have = |key: &&Key| others.iter().all(|item| item.keys.contains(key));
    first.keys.iter().filter(all_have).collect()
}

fn keys(keys: &[&Key], out: &mut String) {
    if keys.is_empty() {
        return;
    }
    out.push_str("| key | what it takes | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let default = match (&key.default, key.required) {
            (_, true) => "**required**".to_owned(),
            (Some(value), _) if is_toml(value) => format!("`{value}`"),
            (Some(words), _) => words.clone(),
            (None, _) => "–".to_owned(),
        };
        let cells = [format!("`{}`", key.name), key.kind.clone(), default, key.meaning.clone()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

/// Whether it is written as in the file, and not in words.
fn is_toml(value: &str) -> bool {
    let first = value.chars().next();
    ["true", "false"].contains(&value) || first.is_some_and(|c| "\"[{-0123456789".contains(c))
}

/// The index.
pub(crate) fn index(items: &[Item]) -> String {
    let mut out = format!("{GENERATED}{HEAD}");
    for kind in &KINDS {
        let of_kind: Vec<&Item> = items.iter().filter(|item| item.kind == kind.name).collect();
        let _ = write!(out, "## [{}]({}.md)\n\n{}.\n\n", kind.title, kind.page, kind.place);
        out.push_str("| | |\n|---|---|\n");
        for item in of_kind {
            let anchor: String = item.name.to_lowercase().chars().filter(|c| *c != '.').collect();
            let about = item.about.replace('|', "\\|");
            let _ = writeln!(out, "| [`{}`]({}.md#{anchor}) | {about} |", item.name, kind.page);
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

const HEAD: &str = "\
# Reference

What a [model.toml](model.md) may say. `cnn layers` shows the same in the terminal: `cnn layers Conv2D`.

Names are Keras's, and so are the defaults. Where a thing differs from Keras or PyTorch, its entry says so. Whatever is not listed
here is refused, with the nearest name that would work.

Editors complete and check the file with its JSON Schema, [model.schema.json](model.schema.json); `cnn schema` prints it.
`cnn schema sweep` prints that of a [sweep.toml](../experiments.md), [sweep.schema.json](sweep.schema.json). With taplo, or the
extension Even Better TOML of VS Code, write it once beside your files and name it in their first line:

```text
cnn schema > model.schema.json
```

```toml
#:schema ./model.schema.json
input = [28, 28, 1]

[[layers]]
type = \"Flatten\"
```

";
