//! A validator for the keywords that the schemas use, and no others: it stops at one that it does not know.

use serde_json::{Map, Value};

/// What a schema refuses in a value: a place and a reason each; none if it fits.
pub(crate) fn refused(value: &Value, schema: &Value) -> Vec<String> {
    let mut checker = Checker { root: schema, found: Vec::new() };
    checker.check(value, schema, "$");
    checker.found
}

struct Checker<'a> {
    root: &'a Value,
    found: Vec<String>,
}

impl<'a> Checker<'a> {
    fn wrong(&mut self, place: &str, what: &str) {
        self.found.push(format!("{place}: {what}"));
    }

    /// Whether a value fits, without saying why not.
    fn fits(&self, value: &Value, schema: &'a Value) -> bool {
        let mut inner = Checker { root: self.root, found: Vec::new() };
        inner.check(value, schema, "");
        inner.found.is_empty()
    }

    fn check(&mut self, value: &Value, schema: &'a Value, place: &str) {
        for (keyword, wanted) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let path = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                    self.check(value, self.root.pointer(path).unwrap(), place);
                }
                "anyOf" | "oneOf" => {
                    let all = wanted.as_array().unwrap();
                    let fit = all.iter().filter(|choice| self.fits(value, choice)).count();
                    if fit == 0 || (keyword == "oneOf" && fit > 1) {
                        self.wrong(place, &format!("fits {fit} of {} choices", all.len()));
                    }
                }
                "enum" if !wanted.as_array().unwrap().contains(value) => {
                    self.wrong(place, &format!("{value} is none of {wanted}"));
                }
                "const" if value != wanted => self.wrong(place, &format!("is not {wanted}")),
                "type" if !is(value, wanted.as_str().unwrap()) => {
                    self.wrong(place, &format!("{value} is no {wanted}"));
                }
                "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "enum"
                | "const" | "type" => {}
                _ => self.bounds(value, keyword, wanted, schema, place),
            }
        }
    }

    fn bounds(
        &mut self,
        value: &Value,
        keyword: &str,
        wanted: &'a Value,
        schema: &'a Value,
        place: &str,
    ) {
        let limit = wanted.as_f64();
        let (size, text) = (size(value), value.as_str().map(|text| text.chars().count()));
        let number = value.as_f64();
        let size = |wanted: bool| size.filter(|_| wanted).map(|n| n as f64);
        let fine = match keyword {
            "minimum" => number.is_none_or(|n| Some(n) >= limit),
            "exclusiveMinimum" => number.is_none_or(|n| Some(n) > limit),
            "maximum" => number.is_none_or(|n| Some(n) <= limit),
            "exclusiveMaximum" => number.is_none_or(|n| Some(n) < limit),
            "minItems" => size(value.is_array()).is_none_or(|n| Some(n) >= limit),
            "maxItems" => size(value.is_array()).is_none_or(|n| Some(n) <= limit),
            "minProperties" => size(value.is_object()).is_none_or(|n| Some(n) >= limit),
            "minLength" => text.is_none_or(|n| Some(n as f64) >= limit),
            "maxLength" => text.is_none_or(|n| Some(n as f64) <= limit),
            _ => return self.inside(value, keyword, wanted, schema, place),
        };
        if !fine {
            self.wrong(place, &format!("{value} breaks {keyword} {wanted}"));
        }
    }

    fn inside(
        &mut self,
        value: &Value,
        keyword: &str,
        wanted: &'a Value,
        schema: &'a Value,
        place: &str,
    ) {
        match (keyword, value) {
            ("items", Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    self.check(item, wanted, &format!("{place}[{i}]"));
                }
            }
            ("prefixItems", Value::Array(items)) => {
                for (i, (item, one)) in items.iter().zip(wanted.as_array().unwrap()).enumerate() {
                    self.check(item, one, &format!("{place}[{i}]"));
                }
            }
            ("properties", Value::Object(table)) => {
                for (key, one) in wanted.as_object().unwrap() {
                    if let Some(item) = table.get(key) {
                        self.check(item, one, &format!("{place}.{key}"));
                    }
                }
            }
            ("required", Value::Object(table)) => {
                for key in wanted.as_array().unwrap().iter().filter_map(Value::as_str) {
                    if !table.contains_key(key) {
                        self.wrong(place, &format!("misses {key}"));
                    }
                }
            }
            ("additionalProperties", Value::Object(table)) => {
                self.additional(table, wanted, schema, place);
            }
            // Of this schema one pattern is known: the number of a class.
            ("patternProperties", Value::Object(table)) => {
                let one = &wanted["^[0-9]+$"];
                assert_eq!(wanted.as_object().unwrap().len(), 1);
                for (key, item) in table.iter().filter(|(key, _)| is_class(key)) {
                    self.check(item, one, &format!("{place}.{key}"));
                }
            }
            (
                "items"
                | "prefixItems"
                | "properties"
                | "required"
                | "additionalProperties"
                | "patternProperties",
                _,
            ) => {}
            (other, _) => panic!("the checker does not know `{other}`"),
        }
    }

    fn additional(
        &mut self,
        table: &Map<String, Value>,
        wanted: &'a Value,
        schema: &'a Value,
        place: &str,
    ) {
        let patterns = schema.get("patternProperties").is_some();
        let known =
            |key: &str| schema["properties"].get(key).is_some() || (patterns && is_class(key));
        for (key, item) in table.iter().filter(|(key, _)| !known(key)) {
            match wanted {
                Value::Bool(true) => {}
                Value::Bool(false) => self.wrong(place, &format!("{key} is not known")),
                one => self.check(item, one, &format!("{place}.{key}")),
            }
        }
    }
}

fn is_class(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(table) => Some(table.len()),
        _ => None,
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        // In TOML 3.0 is no whole number.
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the checker does not know the type `{other}`"),
    }
}

#[test]
fn the_checker_refuses_what_it_should() {
    use serde_json::json;
    let schema = json!({
        "type": "object",
        "properties": {
            "size": { "$ref": "#/$defs/size" },
            "mode": { "oneOf": [{ "const": "a" }, { "enum": ["b", "c"] }] },
            "list": { "type": "array", "items": { "type": "number" }, "minItems": 1, "maxItems": 2 },
            "pair": { "prefixItems": [{ "type": "integer" }, { "type": "string", "minLength": 1, "maxLength": 2 }] },
            "classes": { "type": "object", "patternProperties": { "^[0-9]+$": { "type": "number" } }, "additionalProperties": false, "minProperties": 1 },
            "free": { "additionalProperties": { "type": "boolean" } },
            "share": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
            "part": { "type": "number", "exclusiveMaximum": 1 },
        },
        "required": ["size"],
        "additionalProperties": false,
        "$defs": { "size": { "type": "integer", "minimum": 1 } },
    });
    for good in [
        json!({ "size": 1 }),
        json!({ "size": 2, "mode": "b", "list": [1, 2.5], "pair": [1, "x"], "classes": { "3": 1 }, "free": { "x": true }, "share": 1, "part": 0.5 }),
    ] {
        assert_eq!(refused(&good, &schema), Vec::<String>::new(), "{good}");
    }
    for bad in [
        json!([]),
        json!({}),
        json!({ "size": 0 }),
        json!({ "size": 1.0 }),
        json!({ "size": "1" }),
        json!({ "size": 1, "sise": 1 }),
        json!({ "size": 1, "mode": "d" }),
        json!({ "size": 1, "list": [] }),
        json!({ "size": 1, "list": [1, 2, 3] }),
        json!({ "size": 1, "list": [true] }),
        json!({ "size": 1, "pair": ["x"] }),
        json!({ "size": 1, "pair": [1, "xyz"] }),
        json!({ "size": 1, "pair": [1, ""] }),
        json!({ "size": 1, "classes": {} }),
        json!({ "size": 1, "classes": { "x": 1 } }),
        json!({ "size": 1, "classes": { "1": "x" } }),
        json!({ "size": 1, "free": { "x": 1 } }),
        json!({ "size": 1, "share": 0 }),
        json!({ "size": 1, "share": 1.5 }),
        json!({ "size": 1, "part": 1 }),
    ] {
        assert!(!refused(&bad, &schema).is_empty(), "{bad}");
    }
    let twice = json!({ "oneOf": [{ "type": "number" }, { "type": "integer" }] });
    assert!(!refused(&json!(1), &twice).is_empty());
}
