//! `cargo xtask new-layer NAME`: the file with all its headings, and the lines that make it known.
//!
//! The file compiles at once, as a layer that multiplies by a number. `cargo xtask tidy` names what is still to be
//! written in it, and the conformance tests, which loop over the registry, test it from the first minute.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::fs;

const TEMPLATE: &str = include_str!("../templates/layer.rs.txt");

const FOLDER: &str = "crates/cnn-nn/src/layers";

/// Writes the layer's file and its lines in the registry.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let [kind] = args else {
        bail!("`cargo xtask new-layer NAME` takes Keras's class name, as in `AveragePooling2D`")
    };
    if !kind.starts_with(|c: char| c.is_ascii_uppercase())
        || !kind.chars().all(|c| c.is_ascii_alphanumeric())
    {
        bail!(
            "`{kind}` is no class name; Keras's spelling is the one used here, as in `AveragePooling2D`"
        );
    }
    let snake = snake_case(kind);
    let file = format!("{FOLDER}/{snake}.rs");
    let list = format!("{FOLDER}/mod.rs");
    if repo::root().join(&file).exists() {
        bail!("{file} exists");
    }
    let with_lines = register(&repo::read(&list)?, kind, &snake).with_context(|| list.clone())?;
    fs::write(repo::root().join(&file), TEMPLATE.replace("{Kind}", kind))
        .with_context(|| file.clone())?;
    fs::write(repo::root().join(&list), with_lines).with_context(|| list.clone())?;
    println!("wrote {file}, and its lines in {list}");
    println!("next:  cargo xtask tidy          (what is still to be written)");
    println!("       cargo test -p cnn-nn      (the conformance tests, with this layer)");
    println!(
        "       cargo xtask reference     (its entry in docs/reference, from its documentation)"
    );
    println!(
        "       cargo xtask golden        (vectors from Keras, once make_layers.py has a case for it)"
    );
    Ok(0)
}

/// Keras's rule (`utils/naming.py`): `MaxPooling2D` → `max_pooling2d`.
fn snake_case(kind: &str) -> String {
    let chars: Vec<char> = kind.chars().collect();
    let mut snake = String::new();
    for (i, c) in chars.iter().enumerate() {
        let before_word = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let after_word = i > 0 && chars[i - 1].is_ascii_lowercase();
        if i > 0 && c.is_ascii_uppercase() && (before_word || after_word) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The registry's text with the layer's `mod`, `pub use` and entry, each in its alphabetical place.
fn register(text: &str, kind: &str, snake: &str) -> Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    insert(&mut lines, &[format!("mod {snake};")], |line| {
        line.strip_prefix("mod ").map(|rest| rest.trim_end_matches(';').to_owned())
    })?;
    insert(&mut lines, &[format!("pub use {snake}::{kind};")], |line| {
        line.strip_prefix("pub use ").and_then(|rest| rest.split("::").next()).map(str::to_owned)
    })?;
    let entry = [format!("    /// The `{kind}` layer."), format!("    {kind} = \"{snake}\",")];
    insert(&mut lines, &entry, |line| {
        let (name, value) = line.strip_prefix("    ")?.split_once(" = \"")?;
        (value.ends_with("\",") && name.chars().all(char::is_alphanumeric))
            .then(|| value.trim_end_matches("\",").to_owned())
    })?;
    Ok(lines.join("\n") + "\n")
}

/// Inserts `new` before the first line whose key (as `key` reads it) sorts after the new one's, or behind the last.
fn insert(
    lines: &mut Vec<String>,
    new: &[String],
    key: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    let Some(own) = new.last().and_then(|line| key(line)) else {
        bail!("`{}` has no place", new.join(" "))
    };
    let keys: Vec<(usize, String)> =
        lines.iter().enumerate().filter_map(|(at, line)| Some((at, key(line)?))).collect();
    if keys.iter().any(|(_, known)| *known == own) {
        bail!("there is a layer `{own}` already");
    }
    let Some((last, _)) = keys.last() else { bail!("there is no line like `{}`", new.join(" ")) };
    let mut at = keys.iter().find(|(_, known)| *known > own).map_or(last + 1, |(at, _)| *at);
    // An entry's own comment stays with it.
    while at > 0 && lines[at - 1].trim_start().starts_with("///") {
        at -= 1;
    }
    lines.splice(at..at, new.iter().cloned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_keras_names() {
        for (kind, snake) in [
            ("Conv2D", "conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("Dense", "dense"),
            ("ReLU", "re_lu"),
        ] {
            assert_eq!(snake_case(kind), snake);
        }
    }

    #[test]
    fn the_lines_land_in_the_real_registry() {
        let text = repo::read(&format!("{FOLDER}/mod.rs")).unwrap();
        let new = register(&text, "AveragePooling3D", "average_pooling3d").unwrap();
        let added: Vec<&str> =
            new.lines().filter(|line| !text.lines().any(|old| old == *line)).collect();
        assert_eq!(
            added,
            [
                "mod average_pooling3d;",
                "pub use average_pooling3d::AveragePooling3D;",
                "    /// The `AveragePooling3D` layer.",
                "    AveragePooling3D = \"average_pooling3d\",",
            ]
        );
        let order = |needle: &str| new.find(needle).unwrap();
        assert!(order("mod activation;") < order("mod average_pooling3d;"));
        assert!(order("mod average_pooling3d;") < order("mod conv2d;"));
        assert!(order("Activation = ") < order("AveragePooling3D = "));
        assert!(order("    AveragePooling3D = ") < order("    /// 2-D convolution."));
        assert!(register(&text, "Dense", "dense").is_err());
    }

    #[test]
    fn the_template_has_every_heading() {
        for heading in
            ["**Shapes**", "**Parameters**", "**Errors**", "**Source**", "```", "#[cfg(test)]"]
        {
            assert!(TEMPLATE.contains(heading), "{heading}");
        }
    }
}
