//! The keys of a table, from its part of the schema.

use serde_json::Value;

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// How it is written.
    pub(crate) name: String,
    /// What may stand there, in words.
    pub(crate) kind: String,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// The value where it is not given, as model.toml writes it, or in words; `None` for a required key.
    pub(crate) default: Option<String>,
    /// What it does, its unit and range.
    pub(crate) meaning: String,
}

/// The keys of a table with a `type`, or of a section.
pub(crate) fn of(table: &Value, schema: &Value) -> Vec<Key> {
    let required = table["required"].as_array();
    let properties = table["properties"].as_object();
    let own = properties.into_iter().flatten().filter(|(name, _)| *name != "type");
    own.map(|(name, key)| {
        let required = required.is_some_and(|names| names.iter().any(|other| other == name));
        let meaning = key["description"].as_str().unwrap_or_default().to_owned();
        let plain = key.get("default").filter(|_| !is_spec(key));
        let written = plain.map(literal).or_else(|| said(&meaning));
        Key {
            name: name.clone(),
            kind: kind(key, schema),
            required,
            default: written.filter(|_| !required),
            meaning,
        }
    })
    .collect()
}

/// A value as TOML has it.
fn literal(value: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(literal).collect::<Vec<_>>().join(", ");
    match value {
        Value::Array(items) => format!("[{}]", all(items)),
        other => other.to_string(),
    }
}

/// What the meaning says after "default".
fn said(meaning: &str) -> Option<String> {
    let lower = meaning.to_lowercase();
    let after = |word: &str| lower.find(word).map(|at| at + word.len());
    let rest = meaning.get(after("default ").or_else(|| after("default: "))?..)?;
    let (mut depth, mut quoted, mut code) = (0, false, false);
    let mut end = rest.len();
    for (i, letter) in rest.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '`' => code = !code,
            _ if quoted || code => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ';' | ',' | ':' if depth <= 0 => end = i.min(end),
            '.' if rest[i + 1..].chars().next().is_none_or(char::is_whitespace) => {
                end = i.min(end);
            }
            _ => {}
        }
        if depth < 0 || end <= i {
            end = end.min(i);
            break;
        }
    }
    let said = rest[..end].trim().trim_matches('`');
    let said = said.split_once(" (").map_or(said, |(value, _)| value);
    (!said.is_empty()).then(|| said.to_owned())
}

/// What may stand there, in words.
pub(crate) fn kind(key: &Value, schema: &Value) -> String {
    if let Some(name) = key["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return match name {
            "LayerSpec" | "NamedLayer" => "a layer".to_owned(),
            "LossSpec" => "a loss".to_owned(),
            "OptimizerSpec" => "an optimizer".to_owned(),
            "CallbackSpec" => "a callback".to_owned(),
            "MetricSpec" => "a metric".to_owned(),
            "ScheduleSpec" => "a schedule".to_owned(),
            "Function" => "an activation".to_owned(),
            "CompileSpec" | "FitSpec" => "a table".to_owned(),
            _ => kind(&schema["$defs"][name], schema),
        };
    }
    if let Some(title) = key["title"].as_str() {
        return title.to_owned();
    }
    if let Some(choices) = key["oneOf"].as_array().or_else(|| key["anyOf"].as_array()) {
        let all: Vec<String> = choices.iter().map(|choice| kind(choice, schema)).collect();
        return all.join(" or ");
    }
    if let Some(names) = key["enum"].as_array() {
        return names.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    if let Some(name) = key.get("const") {
        return name.to_string();
    }
    match key["type"].as_str() {
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("string") => "a text".to_owned(),
        Some("array") if key["prefixItems"].is_array() => {
            let each = key["prefixItems"].as_array().unwrap();
            let each: Vec<String> = each.iter().map(|item| kind(item, schema)).collect();
            format!("a pair of {}", each.join(" and "))
        }
        Some("array") => list(key, schema),
        Some("object") => table(key, schema),
        _ => "a value".to_owned(),
    }
}

/// Whether it is a table with a `type`, whose default is better said in words.
fn is_spec(key: &Value) -> bool {
    key["$ref"]
        .as_str()
        .is_some_and(|path| path.ends_with("OptimizerSpec") || path.ends_with("LossSpec"))
}

fn list(key: &Value, schema: &Value) -> String {
    let each = kind(&key["items"], schema);
    let each = each.strip_prefix("a ").or(each.strip_prefix("an ")).unwrap_or(&each).to_owned();
    let many = match each.split_once(' ') {
        _ if each.starts_with("list of") => each.replacen("list", "lists", 1),
        Some(("whole", "number")) => "whole numbers".to_owned(),
        Some(("pair", _)) => each.replacen("pair", "pairs", 1),
        Some(_) => format!("values, each {each}"),
        None => format!("{each}s"),
    };
    match (key["minItems"].as_u64(), key["maxItems"].as_u64()) {
        (Some(2), Some(2)) => format!("two {many}"),
        _ => format!("a list of {many}"),
    }
}

fn table(key: &Value, schema: &Value) -> String {
    match key["properties"].as_object() {
        Some(keys) => {
            let names: Vec<String> = keys.keys().map(|name| format!("`{name}`")).collect();
            format!("a table of {}", names.join(", "))
        }
        None if key["additionalProperties"].is_object() => {
            format!("a table, each value {}", kind(&key["additionalProperties"], schema))
        }
        None => "a table".to_owned(),
    }
}

#[test]
fn defaults_are_read_from_the_meaning() {
    for (meaning, expected) in [
        ("Window, in pixels; default 2.", Some("2")),
        ("No unit. Default 0.9, in [0, 1).", Some("0.9")),
        ("What lies beyond: `\"reflect\"` (default), or other.", None),
        ("Steps; default what is left of the fit.", Some("what is left of the fit")),
        ("Path; default `\"a.b, c\"`; more.", Some("\"a.b, c\"")),
        ("No number here.", None),
        ("What to say. Default: a sentence, `a, b`.", Some("a sentence")),
    ] {
        assert_eq!(said(meaning).as_deref(), expected, "{meaning}");
    }
}
