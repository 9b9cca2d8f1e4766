//! `cnn layers`: what a model.toml may say, looked up in the terminal.

use crate::args::Format;
use crate::failure::Failure;
use crate::output;
use crate::reference::{self, Item, KINDS, Key};
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use std::fmt::Write as _;

const EXAMPLES: &str = "\
Examples:
  cnn layers                       everything, a line each
  cnn layers Conv2D                formula, shapes, keys with their defaults, an example
  cnn layers --kind optimizer
  cnn layers clipnorm              a key: who has it, and what it means; any part of a name will do
  cnn layers fit                   the keys of [fit]";

/// What `cnn layers` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A layer, loss, optimizer, schedule, callback, activation, …, a key, or a part of such a name; all of them if left away.
    name: Option<String>,

    /// Of this kind only.
    #[arg(long, value_parser = PossibleValuesParser::new(KINDS.map(|(kind, _)| kind)))]
    kind: Option<String>,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Prints the list, or what has that name.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let kind = args.kind.as_deref();
    let all = reference::items(kind);
    let found = match &args.name {
        None => all,
        Some(name) => match reference::find(&all, name) {
            Ok(found) => found,
            Err(near) => {
                return search(&all, name, args).unwrap_or_else(|| Err(unknown(name, kind, near)));
            }
        },
    };
    if args.format == Format::Json {
        let items: Vec<Value> = found.into_iter().map(|item| item.0).collect();
        return output::result(&format!("{}\n", json!({ "schema": 1, "items": items })));
    }
    if args.name.is_none() {
        return output::result(&list(&found));
    }
    let width = output::stdout_width().clamp(40, 100);
    let entries: Vec<String> = found.iter().map(|item| entry(item, width)).collect();
    output::result(&entries.join("\n"))
}

/// Prints what has the word in its name; `None` if there is nothing.
fn search(all: &[Item], word: &str, args: &Args) -> Option<Result<(), Failure>> {
    let (items, keys) = reference::search(all, word);
    if items.is_empty() && keys.is_empty() {
        return None;
    }
    if args.format == Format::Json {
        let key = |found: &Key| json!({ "kind": found.kind, "of": found.of, "key": found.entry });
        let keys: Vec<Value> = keys.iter().map(key).collect();
        let items: Vec<Value> = items.into_iter().map(|item| item.0).collect();
        let object = json!({ "schema": 1, "items": items, "keys": keys });
        return Some(output::result(&format!("{object}\n")));
    }
    let width = output::stdout_width().clamp(40, 100);
    let mut text = format!("No item is called `{word}`; these names have it\n");
    if !items.is_empty() {
        text = format!("{text}\n{}", list(&items));
    }
    if !keys.is_empty() {
        text.push_str("\nKeys\n");
    }
    for Key { entry: key, kind, of } in &keys {
        let part = |part: &str| key[part].as_str().unwrap_or_default();
        wrapped(&mut text, &format!("{}: {}", part("name"), part("type")), 2, width);
        wrapped(&mut text, &format!("of {} ({kind})", of.join(", ")), 6, width);
        wrapped(&mut text, part("meaning"), 6, width);
    }
    Some(output::result(&text))
}

fn unknown(name: &str, kind: Option<&str>, near: Option<String>) -> Failure {
    if let (Some(kind), Ok(other)) = (kind, reference::find(&reference::items(None), name)) {
        let is = other
            .iter()
            .map(|item| format!("`{}` is of the kind {}", item.text("name"), item.text("kind")));
        let help = is.collect::<Vec<_>>().join(", ");
        return Failure::usage(&format!("no {kind} is called `{name}`"), &help);
    }
    let what = kind.map_or_else(|| "nothing".to_owned(), |kind| format!("no {kind}"));
    let help = near.map_or_else(
        || "`cnn layers` lists all there is".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Failure::usage(&format!("{what} is called `{name}`"), &help)
}

/// Every item in a line, kind by kind.
fn list(items: &[Item]) -> String {
    let mut text = String::new();
    for (kind, title) in KINDS {
        let own: Vec<&Item> = items.iter().filter(|item| item.text("kind") == kind).collect();
        if own.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{title}");
        for item in own {
            let _ =
                writeln!(text, "  {:<30}{}", item.text("name"), item.sentence().replace('`', ""));
        }
    }
    text
}

/// All about one item.
fn entry(item: &Item, width: usize) -> String {
    let mut text = format!("{} ({})\n", item.text("name"), item.text("kind"));
    wrapped(&mut text, item.text("about"), 0, width);
    let alias = item.text("alias");
    if !alias.is_empty() {
        let _ = writeln!(text, "Also written {alias}.");
    }
    prose(&mut text, item.text("text"), width);
    if !item.keys().is_empty() {
        text.push_str("\nKeys\n");
    }
    for key in item.keys() {
        let word = |part: &str| key[part].as_str().unwrap_or_default();
        let (meaning, default) = (word("meaning"), word("default"));
        let state = if key["required"] == true {
            " (required)".to_owned()
        } else if default.is_empty() || meaning.to_lowercase().contains("default") {
            String::new()
        } else {
            format!(" (default {default})")
        };
        wrapped(&mut text, &format!("{}{state}: {}", word("name"), word("type")), 2, width);
        wrapped(&mut text, meaning, 6, width);
    }
    text.push_str("\nExample\n");
    for line in item.text("example").lines() {
        let _ = writeln!(text, "{}", format!("  {line}").trim_end());
    }
    text
}

/// Markdown as a terminal has it: paragraphs wrapped, code as it is.
fn prose(text: &mut String, markdown: &str, width: usize) {
    let (mut code, mut apart) = (false, true);
    for line in markdown.lines() {
        if line.is_empty() && !code {
            apart = true;
            continue;
        }
        if std::mem::take(&mut apart) {
            text.push('\n');
        }
        if line.starts_with("```") {
            code = !code;
        } else if code {
            let _ = writeln!(text, "{}", format!("  {line}").trim_end());
        } else if line.starts_with("|--") {
            // The rule below a table's head says nothing here.
        } else if line.starts_with('|') {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            wrapped(text, &cells.join("  ·  "), 2, width);
        } else {
            wrapped(text, &labelled(line), 0, width);
        }
    }
}

/// `**Shapes** any` and `**Shapes**: any` become `Shapes: any`.
fn labelled(line: &str) -> String {
    match line.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        Some((label, rest)) => format!("{label}: {}", rest.trim_start_matches([':', ' '])),
        None => line.to_owned(),
    }
}

/// Words in lines of at most `width`, indented.
fn wrapped(text: &mut String, words: &str, indent: usize, width: usize) {
    let words = without_links(words);
    let mut line = " ".repeat(indent);
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}

/// `[initializers](initializers.md)` becomes `initializers`.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("](") {
        if let (Some((before, name)), Some((_, after))) =
            (before.rsplit_once('['), link.split_once(".md)"))
        {
            out.push_str(before);
            out.push_str(name);
            rest = after;
        } else {
            out.push_str(before);
            out.push_str("](");
            rest = link;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_words() {
        let text = "y[i], see [initializers](initializers.md), f[j](x)";
        assert_eq!(without_links(text), "y[i], see initializers, f[j](x)");
    }

    #[test]
    fn every_entry_is_whole_and_fits() {
        for item in reference::items(None) {
            let text = entry(&item, 80);
            assert!(!text.contains("\n\n\n") && !text.contains("**"), "{text}");
            assert!(!text.contains(".md)") && text.ends_with('\n'), "{text}");
            for key in item.keys() {
                let name = key["name"].as_str().unwrap();
                assert!(text.contains(&format!("\n  {name}")), "{name}\n{text}");
            }
        }
    }
}
