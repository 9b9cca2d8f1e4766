//! File names with placeholders, as Python's `str.format` fills them in: `{epoch:02d}-{val_loss:.2f}.cnn`.
//!
//! A placeholder is a name, and behind a colon how its number is written: `0` to fill with zeros, a width, a dot and digits, and
//! `d` (whole numbers), `f` or `e`. Without a format it is Python's `repr`. `{{` and `}}` are braces.

use crate::error::wrong;
use crate::monitor::{closest, other_spelling};
use crate::text::{push, push_exponent, python_repr};
use crate::{CallbackError, Logs};

/// A file name with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// `spec` is what stands behind the colon.
    Field {
        name: String,
        spec: String,
    },
}

/// How a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Format {
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    /// `d`, `f` or `e`; none is `repr`.
    kind: Option<char>,
}

/// Numbers that only a whole number has: its format is another.
const COUNTS: [&str; 2] = ["epoch", "batch"];

/// Digits and columns, at most.
const LIMIT: usize = 30;

impl Template {
    /// Reads a name, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![Part::Text(String::new())];
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            let brace = &from[..1];
            let literal = from[1..].starts_with(brace);
            push_text(&mut parts, before);
            if literal {
                push_text(&mut parts, brace);
                rest = &from[2..];
                continue;
            }
            let inside = from[1..].split_once('}').filter(|_| brace == "{");
            let Some((field, after)) = inside else {
                return Err(format!(
                    "a single `{brace}`; write `{brace}{brace}` for the character"
                ));
            };
            parts.push(field_of(field)?);
            rest = after;
        }
        push_text(&mut parts, rest);
        Ok(Self(parts))
    }

    /// The name with 0 for every placeholder: its shape, to see where it leads.
    pub(crate) fn shape(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field { .. } => "0".to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    /// The name with the placeholders' names alone: two files of one pattern are the same file, or are with some numbers.
    pub(crate) fn pattern(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field { name, .. } => format!("{{{name}}}"),
        };
        self.0.iter().map(text).collect()
    }

    /// Checks the placeholders against the names of metrics, then how their numbers are written; `batch` is known where `by_batch`. `acc`
    /// and `accuracy` stand for each other.
    pub(crate) fn resolve(
        &mut self,
        callback: &'static str,
        metrics: &[String],
        by_batch: bool,
    ) -> Result<Vec<String>, CallbackError> {
        let counts = if by_batch { &COUNTS[..] } else { &COUNTS[..1] };
        let available: Vec<String> =
            counts.iter().map(|&count| count.to_owned()).chain(metrics.iter().cloned()).collect();
        let has = |name: &str| available.iter().any(|known| known == name);
        let mut notes = Vec::new();
        for part in &mut self.0 {
            let Part::Field { name, spec } = part else { continue };
            if let Some(other) = other_spelling(name).filter(|other| !has(name) && has(other)) {
                notes.push(format!("{callback}: `{name}` is read as `{other}`"));
                *name = other;
            }
            if has(name) {
                if Format::of(name, spec).is_none() {
                    return Err(unknown_format(callback, name, spec));
                }
                continue;
            }
            let hint = if name == "batch" {
                "`batch` is known where `save_freq` is a number of batches".to_owned()
            } else if name.starts_with("val_") && by_batch {
                "at the end of a batch nothing is validated".to_owned()
            } else if name.starts_with("val_") && has(&name[4..]) {
                "there is no validation data: set `validation_split` in [fit]".to_owned()
            } else {
                closest(name, &available)
                    .map_or_else(String::new, |near| format!("did you mean `{near}`?"))
            };
            return Err(CallbackError::UnknownPlaceholder {
                callback,
                placeholder: name.clone(),
                available,
                hint,
            });
        }
        Ok(notes)
    }

    /// The name with everything filled in. Epoch and batch are counted from 1, as in Keras; a metric that the logs lack is `NA`.
    pub(crate) fn fill(&self, epoch: usize, batch: usize, logs: &Logs) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { name, spec } => {
                    let format = Format::of(name, spec).unwrap_or_default();
                    match name.as_str() {
                        "epoch" => format.push_count(&mut out, epoch),
                        "batch" => format.push_count(&mut out, batch),
                        name => match logs.get(name) {
                            Some(value) => format.push_number(&mut out, value),
                            None => out.push_str("NA"),
                        },
                    }
                }
            }
        }
        out
    }
}

fn push_text(parts: &mut Vec<Part>, more: &str) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push_str(more),
        _ => parts.push(Part::Text(more.to_owned())),
    }
}

/// What stands between braces.
fn field_of(text: &str) -> Result<Part, String> {
    let (name, spec) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(format!("`{{{text}}}` names no metric"));
    }
    Ok(Part::Field { name: name.to_owned(), spec: spec.to_owned() })
}

fn unknown_format(callback: &'static str, name: &str, spec: &str) -> CallbackError {
    let usual = if COUNTS.contains(&name) { ":02d" } else { ":.2f" };
    let expected = "a path with placeholders that can be filled in";
    let hint =
        format!("the format `:{spec}` of `{name}` is not known; `{{{name}{usual}}}` is usual");
    wrong(callback, "filepath", expected, format!("{{{name}:{spec}}}"), &hint)
}

impl Format {
    /// How a number of this name can be written.
    fn of(name: &str, spec: &str) -> Option<Self> {
        Self::parse(spec).filter(|format| match format.kind {
            Some('d') => COUNTS.contains(&name),
            Some(_) => true,
            None => format.precision.is_none(),
        })
    }

    fn parse(spec: &str) -> Option<Self> {
        let mut format = Self { zeros: spec.starts_with('0'), ..Self::default() };
        let (numbers, kind) = match spec.strip_suffix(['d', 'f', 'e']) {
            Some(numbers) => (numbers, spec.chars().last()),
            None => (spec, None),
        };
        let (width, precision) = match numbers.split_once('.') {
            Some((width, precision)) => (width, Some(precision)),
            None => (numbers, None),
        };
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let number = plain.then(|| digits.parse::<usize>().ok()).flatten();
            number.filter(|&n| n <= LIMIT)
        };
        format.kind = kind;
        format.width = if width.is_empty() { 0 } else { number(width)? };
        format.precision = match precision {
            Some(_) if kind == Some('d') => return None,
            Some(digits) => Some(number(digits)?),
            None => None,
        };
        Some(format)
    }

    fn push_count(self, out: &mut String, n: usize) {
        match self.kind {
            Some('f' | 'e') => self.push_number(out, n as f64),
            _ => self.push_padded(out, &n.to_string()),
        }
    }

    fn push_number(self, out: &mut String, x: f64) {
        let mut text = String::new();
        let precision = self.precision.unwrap_or(6);
        match self.kind {
            Some('f' | 'e') if !x.is_finite() => text = python_repr(x),
            Some('f') => push(&mut text, format_args!("{x:.precision$}")),
            Some('e') => push_exponent(&mut text, x, precision),
            _ => text = python_repr(x),
        }
        self.push_padded(out, &text);
    }

    /// Numbers stand to the right; zeros go between the sign and the digits.
    fn push_padded(self, out: &mut String, text: &str) {
        let missing = self.width.saturating_sub(text.len());
        if self.zeros {
            let digits = text.trim_start_matches('-');
            out.push_str(&text[..text.len() - digits.len()]);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> String {
        let logs: Logs = [("loss", 0.12345), ("bad", f64::NAN), ("down", -2.5), ("small", 1.5e-7)]
            .into_iter()
            .collect();
        Template::parse(text).unwrap().fill(7, 12, &logs)
    }

    /// The right-hand sides are what Python prints.
    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (template, text) in [
            ("{epoch}-{epoch:02d}-{epoch:4d}-{epoch:d}-{batch:03}", "7-07-   7-7-012"),
            ("{epoch:.1f} {epoch:e}", "7.0 7.000000e+00"),
            (
                "{loss} {loss:.2f} {loss:f} {loss:.0f} {loss:8.3f}",
                "0.12345 0.12 0.123450 0    0.123",
            ),
            ("{loss:.3e} {small} {small:.1e}", "1.235e-01 1.5e-07 1.5e-07"),
            ("{bad:.2f} {bad:08.2f} {down:07.2f}", "nan 00000nan -002.50"),
            ("{{{epoch}}} }}{{", "{7} }{"),
        ] {
            assert_eq!(fill(template), text);
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_said() {
        for (template, why) in [
            ("a{epoch", "a single `{`; write `{{` for the character"),
            ("a}b", "a single `}`; write `}}` for the character"),
            ("{}", "`{}` names no metric"),
            ("{lo-ss}", "`{lo-ss}` names no metric"),
        ] {
            assert_eq!(Template::parse(template).unwrap_err(), why);
        }
        for (template, why) in [
            ("{epoch:x}", "the format `:x` of `epoch` is not known; `{epoch:02d}` is usual"),
            ("{loss:2d}", "the format `:2d` of `loss` is not known; `{loss:.2f}` is usual"),
            ("{loss:.f}", "the format `:.f` of `loss` is not known; `{loss:.2f}` is usual"),
            ("{loss:.99f}", "the format `:.99f` of `loss` is not known; `{loss:.2f}` is usual"),
            ("{loss:>9}", "the format `:>9` of `loss` is not known; `{loss:.2f}` is usual"),
            (
                "{epohc:02d}",
                "under the name `epohc` in `filepath`; available: `epoch`, `loss`; did you mean `epoch`?",
            ),
            (
                "{los:x}",
                "under the name `los` in `filepath`; available: `epoch`, `loss`; did you mean `loss`?",
            ),
        ] {
            let mut template = Template::parse(template).unwrap();
            let error = template.resolve("ModelCheckpoint", &["loss".to_owned()], false);
            let said = error.unwrap_err().to_string();
            assert!(said.ends_with(why), "{said}");
        }
    }

    #[test]
    fn the_shape_has_no_placeholders() {
        let template = Template::parse("{epoch}/../{loss:.2f}.cnn").unwrap();
        assert_eq!(template.shape(), "0/../0.cnn");
        assert_eq!(template.pattern(), "{epoch}/../{loss}.cnn");
    }
}
