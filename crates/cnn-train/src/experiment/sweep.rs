//! sweep.toml: what is compared with what. Read, spread into rows, and every row checked before anything is trained.
//!
//! ```toml
//! name = "filters"
//! model = "cnn32"                       # a preset, or a file beside this one
//! data = "fashion-mnist"
//! seeds = 5                             # or [1, 2, 3]
//! threshold = { monitor = "accuracy", at_least = 0.9 }
//!
//! [grid]                                # every combination
//! "layers.Conv2D.filters" = [16, 32]    # all layers of the type; one layer by its name or position
//! "fit.batch_size" = [32, 128]
//!
//! [[variants]]                          # named rows; each is multiplied by the grid
//! name = "with dropout"
//! set = { "insert.after.flatten" = { type = "Dropout", rate = 0.5 } }
//! ```

use super::edit::{Draft, Path, Refused};
use super::rows::{Change, combinations, label, short_names};
use crate::config::{Config, Overrides};
use cnn_nn::Model;
use cnn_nn::config::write::Node;
use cnn_nn::config::{Diagnostic, Diagnostics, Document, RawEntry, Severity, nearest};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Rows of one experiment, at most.
pub const MAX_ROWS: usize = 1_000;

/// Seeds of one experiment, at most.
pub const MAX_SEEDS: usize = 1_000;

const KEYS: [&str; 10] = [
    "name",
    "model",
    "data",
    "seeds",
    "threshold",
    "baseline",
    "cost",
    "eval_train",
    "grid",
    "variants",
];

/// A checked experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Its name; the file's if it says none.
    pub name: String,
    /// The data set, where the file names one.
    pub data: Option<String>,
    /// Every row is trained once with each; never empty, no seed twice.
    pub seeds: Vec<u64>,
    /// When a run counts as good enough: its epochs until then are reported.
    pub threshold: Option<Threshold>,
    /// The row that the others are compared with; the one with the best mean test accuracy if absent.
    pub baseline: Option<String>,
    /// What the chart has on its cost axis.
    pub cost: Cost,
    /// Whether the training accuracy is also measured with the final weights.
    pub eval_train: bool,
    /// The rows, in the order of the file; never empty.
    pub rows: Vec<Row>,
}

/// One row: a configuration that is trained with every seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name: the variant's, then what the grid sets. Unique, and good for a folder's name.
    pub name: String,
    /// The configuration; its seed is replaced by each of the sweep's.
    pub config: Config,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-accumulates per image, forward.
    pub macs: u64,
}

/// A metric that has to reach a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// `accuracy`, `loss`, or one of them with `val_`.
    pub monitor: String,
    /// Reached at this value or above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Reached at this value or below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Threshold {
    /// The first epoch, from 1, whose value is good enough.
    pub fn reached(&self, values: &[f64]) -> Option<usize> {
        let good = |value: &f64| {
            self.at_least.is_none_or(|bound| *value >= bound)
                && self.at_most.is_none_or(|bound| *value <= bound)
        };
        values.iter().position(|value| value.is_finite() && good(value)).map(|at| at + 1)
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.monitor)?;
        if let Some(bound) = self.at_least {
            write!(f, " ≥ {bound}")?;
        }
        self.at_most.map_or(Ok(()), |bound| write!(f, " ≤ {bound}"))
    }
}

/// What a row costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Multiply-accumulates per image, forward.
    #[default]
    Macs,
    /// Trainable parameters.
    Parameters,
    /// Seconds of training.
    Seconds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantSpec {
    name: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, rename = "set")]
    _set: Option<IgnoredAny>,
}

/// Finds a model by the words of a sweep: its name for messages and its text, or why there is none.
pub type FindModel<'a> = dyn Fn(&str) -> Result<(String, String), String> + 'a;

impl Sweep {
    /// Reads a sweep.toml and checks every row of it. `file` is what messages call it; `overrides` go to every row.
    ///
    /// # Errors
    /// All mistakes in one run, each with its place in the sweep: syntax, unknown keys and paths, empty grids, rows whose
    /// model or training does not work (which row, and why), names used twice.
    pub fn from_toml(
        file: &str,
        text: &str,
        overrides: Overrides,
        find_model: &FindModel<'_>,
    ) -> Result<Self, Diagnostics> {
        let (document, found) = Document::parse(file, text);
        let mut reader = Reader {
            document,
            found,
            overrides,
            find_model,
            bases: HashMap::new(),
            said: HashSet::new(),
        };
        let sweep = reader.sweep(file);
        if reader.found.has_errors() { Err(reader.found) } else { Ok(sweep) }
    }
}

/// A row before it is built.
struct Plan<'a> {
    name: String,
    model: &'a str,
    changes: Vec<&'a Change>,
    /// Where to point where no change is to blame.
    place: Option<Range<usize>>,
}

struct Reader<'a> {
    document: Document,
    found: Diagnostics,
    overrides: Overrides,
    find_model: &'a FindModel<'a>,
    /// Models by the words of the sweep; `None` for those that do not work, which is reported once.
    bases: HashMap<String, Option<Draft>>,
    /// What was said of which place: many rows have the same mistake.
    said: HashSet<(String, usize)>,
}

impl Reader<'_> {
    fn error(
        &mut self,
        code: &'static str,
        span: Option<Range<usize>>,
        what: &str,
        label: &str,
        help: &str,
    ) {
        let error = Diagnostic::error(code, what).at(span).with_label(label).with_help(help);
        self.document.report(&mut self.found, error);
    }

    fn sweep(&mut self, file: &str) -> Sweep {
        self.document.unknown_top_level(&KEYS, &mut self.found);
        let stem =
            std::path::Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name =
            self.document.value::<String>("name", &mut self.found).or(stem).unwrap_or_default();
        if !plain(&name) {
            let what = format!("`{}` cannot name a folder", name.escape_default());
            self.error("E001", self.document.span("name"), &what, "letters, digits, - and _", "");
        }
        let data = self.document.value::<String>("data", &mut self.found);
        let seeds = self.seeds();
        let threshold = self.threshold();
        let baseline = self.document.value::<String>("baseline", &mut self.found);
        let cost = self.document.value::<Cost>("cost", &mut self.found).unwrap_or_default();
        let eval_train =
            self.document.value::<bool>("eval_train", &mut self.found).unwrap_or_default();
        let rows = self.rows();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        if let Some(baseline) =
            baseline.as_deref().filter(|name| !names.contains(name) && !names.is_empty())
        {
            let label = match nearest(baseline, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no such row".to_owned(),
            };
            let span = self.document.span("baseline");
            let help = format!("the rows are {}", names.join(", "));
            self.error(
                "E002",
                span,
                &format!("there is no row `{baseline}` to compare with"),
                &label,
                &help,
            );
        }
        if let Some(threshold) = &threshold {
            self.monitored(threshold, &rows);
        }
        Sweep { name, data, seeds, threshold, baseline, cost, eval_train, rows }
    }

    /// A number of seeds, or a list of them; 1 to 5 if the file does not say.
    fn seeds(&mut self) -> Vec<u64> {
        const HELP: &str = "seeds = 5 stands for [1, 2, 3, 4, 5]";
        if !self.document.has("seeds") {
            return (1..=5).collect();
        }
        let span = self.document.span("seeds");
        let Some(list) = self.document.entries(&["seeds"]) else {
            let count = self.document.value::<u64>("seeds", &mut self.found).unwrap_or(1);
            if !(1..=MAX_SEEDS as u64).contains(&count) {
                self.error("E003", span, &format!("{count} seeds"), "expected 1 to 1000", HELP);
            }
            return (1..=count.min(MAX_SEEDS as u64)).collect();
        };
        let seeds = self.document.value::<Vec<u64>>("seeds", &mut self.found).unwrap_or_default();
        if list.is_empty() || list.len() > MAX_SEEDS {
            self.error("E003", span, &format!("{} seeds", list.len()), "expected 1 to 1000", HELP);
        }
        for (i, seed) in seeds.iter().enumerate() {
            if seeds[..i].contains(seed) {
                let what = format!(
                    "the seed {seed} is listed twice: its runs would be the same, bit for bit"
                );
                self.error(
                    "E003",
                    Some(list[i].place.value.clone()),
                    &what,
                    "again",
                    "give each seed once",
                );
            }
        }
        seeds
    }

    fn threshold(&mut self) -> Option<Threshold> {
        if !self.document.has("threshold") {
            return None;
        }
        let threshold = self.document.table::<Threshold>("threshold", &mut self.found)?;
        let bounds: Vec<f64> = threshold.at_least.into_iter().chain(threshold.at_most).collect();
        if bounds.is_empty() || bounds.iter().any(|bound| !bound.is_finite()) {
            let help = "threshold = { monitor = \"accuracy\", at_least = 0.9 }; at_most for a loss";
            let span = self.document.span("threshold");
            self.error(
                "E004",
                span,
                "the threshold has no value to reach",
                "at_least or at_most",
                help,
            );
        }
        Some(threshold)
    }

    /// The threshold's metric must be there in every row.
    fn monitored(&mut self, threshold: &Threshold, rows: &[Row]) {
        for row in rows {
            let metrics = row.config.metrics(row.config.fit.validation_split > 0.0);
            if metrics.contains(&threshold.monitor) {
                continue;
            }
            let label = match nearest(&threshold.monitor, metrics.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no such metric".to_owned(),
            };
            let help = match threshold.monitor.strip_prefix("val_") {
                Some(_) => "val_ metrics need fit.validation_split".to_owned(),
                None => format!("it has {}", metrics.join(", ")),
            };
            let what = format!(
                "row `{}` has no metric `{}` for the threshold",
                row.name, threshold.monitor
            );
            self.error("E004", self.document.span("threshold.monitor"), &what, &label, &help);
            return;
        }
    }

    fn rows(&mut self) -> Vec<Row> {
        let base = self.document.value::<String>("model", &mut self.found);
        let grid = self.grid();
        let variants = self.document.typed_list::<VariantSpec>("variants", &[], &mut self.found);
        let variants: Vec<Option<VariantSpec>> =
            variants.into_iter().map(|item| item.value).collect();
        let sets: Vec<Vec<Change>> = (0..variants.len()).map(|i| self.set(i)).collect();
        if self.found.has_errors() && variants.iter().any(Option::is_none) {
            return Vec::new();
        }
        let shorts = short_names(&grid);
        let choices = combinations(&grid);
        let mut plans: Vec<Plan<'_>> = Vec::new();
        let heads: Vec<(Option<&VariantSpec>, &[Change], String)> = if variants.is_empty() {
            vec![(None, &[], "model".to_owned())]
        } else {
            let head = |(i, variant): (usize, &'_ Option<VariantSpec>)| (i, variant.is_some());
            let sound = variants.iter().enumerate().map(head).filter(|(_, sound)| *sound);
            sound
                .map(|(i, _)| {
                    (variants[i].as_ref(), sets[i].as_slice(), format!("variants.{i}.name"))
                })
                .collect()
        };
        for (variant, set, place) in &heads {
            let Some(model) =
                variant.and_then(|variant| variant.model.as_deref()).or(base.as_deref())
            else {
                let who = variant.map_or_else(
                    || "the sweep".to_owned(),
                    |v| format!("the variant `{}`", v.name),
                );
                let span = self.document.span(place);
                let help = "model = \"cnn32\" at the top, or in each variant: a preset or a file";
                self.error("E005", span, &format!("{who} names no model"), "", help);
                continue;
            };
            for choice in &choices {
                let mut name = variant.map_or_else(String::new, |variant| variant.name.clone());
                for (value, short) in choice.iter().zip(&shorts) {
                    name += if name.is_empty() { "" } else { "," };
                    name += &label(short, &value.value);
                }
                if name.is_empty() {
                    let stem = std::path::Path::new(model).file_stem();
                    name = stem.map_or_else(
                        || "model".to_owned(),
                        |stem| stem.to_string_lossy().into_owned(),
                    );
                }
                let changes = set.iter().chain(choice.iter().copied()).collect();
                plans.push(Plan { name, model, changes, place: self.document.span(place) });
            }
        }
        if plans.len() > MAX_ROWS {
            let what = format!("the sweep has {} rows", plans.len());
            self.error("E006", self.document.span("grid"), &what, "", "1000 are the most");
            return Vec::new();
        }
        let rows: Vec<(Row, Option<Range<usize>>)> =
            plans.iter().filter_map(|plan| Some((self.row(plan)?, plan.place.clone()))).collect();
        self.no_twins(&rows);
        rows.into_iter().map(|(row, _)| row).collect()
    }

    /// Names and configurations must differ.
    fn no_twins(&mut self, rows: &[(Row, Option<Range<usize>>)]) {
        for (i, (row, place)) in rows.iter().enumerate() {
            if !plain(&row.name) {
                let what = format!("`{}` cannot name a run folder", row.name.escape_default());
                self.error("E001", place.clone(), &what, "letters, digits, - and _", "");
            }
            let before = &rows[..i];
            if before.iter().any(|(other, _)| other.name == row.name) {
                let what = format!("two rows have the name `{}`", row.name);
                self.error(
                    "E007",
                    place.clone(),
                    &what,
                    "again",
                    "give each variant a name of its own",
                );
            } else if let Some((other, _)) =
                before.iter().find(|(other, _)| other.config == row.config)
            {
                let what = format!(
                    "the rows `{}` and `{}` are the same configuration",
                    other.name, row.name
                );
                self.error(
                    "E007",
                    place.clone(),
                    &what,
                    "the same again",
                    "leave one out, or change a value in it",
                );
            }
        }
    }

    /// The changes of `[grid]`, one for each value.
    fn grid(&mut self) -> Vec<Vec<Change>> {
        const HELP: &str = "\"fit.batch_size\" = [32, 64, 128] trains every row three times";
        if !self.document.has("grid") {
            return Vec::new();
        }
        let span = self.document.span("grid");
        let Some(entries) = self.document.entries(&["grid"]) else {
            self.error("E008", span, "`grid` must be a section", "expected [grid]", HELP);
            return Vec::new();
        };
        if entries.is_empty() {
            self.error("E008", span.clone(), "the grid is empty", "no path with values", HELP);
        }
        let mut grid: Vec<Vec<Change>> = Vec::new();
        for (path, entry) in flat(entries, "", &|_, value| matches!(value, Node::Table(_))) {
            let place = entry.place.entry();
            let keys = self.keys_to("grid", &path);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let values =
                self.document.entries(&keys).filter(|_| matches!(entry.value, Node::List(_)));
            let Some(values) = values else {
                let help = format!("\"{path}\" = [{}]", entry.value);
                self.error(
                    "E008",
                    Some(place),
                    &format!("`{path}` needs a list of values"),
                    "expected […]",
                    &help,
                );
                continue;
            };
            if values.is_empty() {
                self.error(
                    "E008",
                    Some(place),
                    &format!("`{path}` has no value to try"),
                    "an empty list",
                    HELP,
                );
                continue;
            }
            let Some(parsed) = self.path(&path, &place) else { continue };
            for (i, value) in values.iter().enumerate() {
                if values[..i].iter().any(|before| before.value == value.value) {
                    let what = format!("`{path}` lists {} twice", value.value);
                    self.error(
                        "E008",
                        Some(value.place.value.clone()),
                        &what,
                        "again",
                        "give each value once",
                    );
                }
            }
            let mut changes: Vec<Change> = Vec::new();
            for RawEntry { value, place, .. } in values {
                if changes.iter().all(|before| before.value != value) {
                    let (text, path) = (path.clone(), parsed.clone());
                    let key = entry.place.key.clone();
                    changes.push(Change { text, path, value, key, place: place.value });
                }
            }
            grid.push(changes);
        }
        let most = grid.iter().fold(1usize, |product, values| product.saturating_mul(values.len()));
        if most > MAX_ROWS {
            self.error(
                "E006",
                span,
                &format!("the grid has {most} combinations"),
                "",
                "1000 rows are the most",
            );
            return Vec::new();
        }
        grid
    }

    /// The keys, from the top, that lead to a path of the grid: one quoted key, or nested tables.
    fn keys_to(&self, top: &str, path: &str) -> Vec<String> {
        let mut keys = vec![top.to_owned()];
        let mut rest = path;
        loop {
            let so_far: Vec<&str> = keys.iter().map(String::as_str).collect();
            let entries = self.document.entries(&so_far).unwrap_or_default();
            let fits = |entry: &&RawEntry| {
                rest == entry.key || rest.starts_with(&format!("{}.", entry.key))
            };
            let Some(entry) = entries.iter().filter(fits).max_by_key(|entry| entry.key.len())
            else {
                return keys;
            };
            keys.push(entry.key.clone());
            match rest.get(entry.key.len() + 1..) {
                Some(below) if !below.is_empty() => rest = below,
                _ => return keys,
            }
        }
    }

    /// The changes of a variant.
    fn set(&mut self, variant: usize) -> Vec<Change> {
        let number = variant.to_string();
        let Some(entries) = self.document.entries(&["variants", &number]) else {
            return Vec::new();
        };
        let Some(set) = entries.into_iter().find(|entry| entry.key == "set") else {
            return Vec::new();
        };
        let Some(entries) = self.document.entries(&["variants", &number, "set"]) else {
            let help = "set = { \"fit.epochs\" = 5 }";
            self.error(
                "E008",
                Some(set.place.entry()),
                "`set` must be a table",
                "expected { … }",
                help,
            );
            return Vec::new();
        };
        // `set.fit.epochs = 5` without quotes is a table in a table.
        let inner = |path: &str, value: &Node| match (value, Path::parse(path)) {
            (Node::Table(_), Err(_)) => true,
            (Node::Table(entries), Ok(Path::Layer { keys, .. })) => {
                keys.is_empty() && entries.iter().all(|(key, _)| key != "type")
            }
            _ => false,
        };
        let mut changes = Vec::new();
        for (path, entry) in flat(entries, "", &inner) {
            let place = entry.place.entry();
            if let Some(parsed) = self.path(&path, &place) {
                let key = entry.place.key.clone();
                changes.push(Change { text: path, path: parsed, value: entry.value, key, place });
            }
        }
        changes
    }

    fn path(&mut self, text: &str, place: &Range<usize>) -> Option<Path> {
        Path::parse(text)
            .map_err(|refused| {
                self.error(
                    "E009",
                    Some(place.clone()),
                    &refused.what,
                    &refused.label,
                    &refused.help,
                );
            })
            .ok()
    }

    /// The model of a row, read once.
    fn base(&mut self, model: &str, place: Option<Range<usize>>) -> Option<Draft> {
        if let Some(known) = self.bases.get(model) {
            return known.clone();
        }
        let draft = match (self.find_model)(model) {
            Err(why) => {
                self.error("E005", place, &format!("the model `{model}` cannot be read"), &why, "");
                None
            }
            Ok((name, text)) => match Config::from_toml(&name, &text) {
                Ok((config, _)) => {
                    let built = config.model.build().ok();
                    built.and_then(|model: Model| Draft::new(&config, &model).ok())
                }
                Err(found) => {
                    let first = found.iter().find(|one| one.severity == Severity::Error);
                    let why = first.map_or_else(String::new, |one| one.message.clone());
                    let help = format!("`cnn summary {model}` shows all of its mistakes");
                    self.error(
                        "E005",
                        place,
                        &format!("the model `{model}` has mistakes"),
                        &why,
                        &help,
                    );
                    None
                }
            },
        };
        self.bases.insert(model.to_owned(), draft.clone());
        draft
    }

    /// Builds a row, or says why it cannot be.
    fn row(&mut self, plan: &Plan<'_>) -> Option<Row> {
        let mut draft = self.base(plan.model, plan.place.clone())?;
        let mut order: Vec<usize> = (0..plan.changes.len()).collect();
        order.sort_by_key(|&i| plan.changes[i].path.order());
        let mut sound = true;
        for i in order {
            let change = plan.changes[i];
            if let Err(Refused { what, label, help, of_value }) =
                draft.change(i, &change.path, &change.value)
            {
                sound = false;
                let place = if of_value { &change.place } else { &change.key };
                if self.said.insert((what.clone(), place.start)) {
                    let what = format!("row `{}`: {what}", plan.name);
                    self.error("E009", Some(place.clone()), &what, &label, &help);
                }
            }
        }
        let text = draft.text();
        match Config::from_toml_with(&plan.name, &text, self.overrides) {
            Ok((config, _)) => {
                let model = config.model.build().ok()?;
                let (parameters, macs) = (model.param_count() as u64, model.macs());
                sound.then(|| Row { name: plan.name.clone(), config, parameters, macs })
            }
            Err(found) => {
                self.blame(plan, &draft, &text, &found);
                None
            }
        }
    }

    /// Points the mistakes of a row's model at the values of the sweep that cause them.
    fn blame(&mut self, plan: &Plan<'_>, draft: &Draft, text: &str, found: &Diagnostics) {
        let (built, _) = Document::parse(&plan.name, text);
        let places = draft.places();
        for mistake in found.iter().filter(|one| one.severity == Severity::Error) {
            let covers = |path: &str, span: &Range<usize>| {
                built.locate(path).is_some_and(|located| {
                    let entry = located.entry();
                    let whole_layer = path.split('.').count() == 2 && path.starts_with("layers.");
                    let end = if whole_layer {
                        text[entry.end..].find("\n[").map_or(text.len(), |at| entry.end + at)
                    } else {
                        entry.end
                    };
                    entry.start <= span.start && span.start < end.max(entry.start + 1)
                })
            };
            let blamed = mistake.span.as_ref().and_then(|span| {
                let all = places.iter().filter(|(_, path)| covers(path, span));
                all.max_by_key(|(_, path)| path.len()).map(|(number, _)| *number)
            });
            let culprit = blamed.or(plan.changes.len().checked_sub(1)).map(|i| plan.changes[i]);
            // An unknown key is the path's last word; everything else is about the value.
            let part = |change: &Change| match mistake.code {
                "M003" => change.key.clone(),
                _ => change.place.clone(),
            };
            let place = culprit.map(part).or(plan.place.clone());
            let at = place.as_ref().map_or(0, |place| place.start);
            if !self.said.insert((mistake.message.clone(), at)) {
                continue;
            }
            let mut error = Diagnostic::error(
                mistake.code,
                format!("row `{}`: {}", plan.name, mistake.message),
            )
            .at(place)
            .with_label(if blamed.is_some() {
                mistake.label.clone()
            } else {
                String::new()
            });
            if let (None, Some(span)) = (blamed, &mistake.span) {
                let line = text[span.start.min(text.len())..].lines().next().unwrap_or_default();
                error = error.with_note(format!("in the row's model.toml: {line}"));
            }
            error.notes.extend(mistake.notes.iter().cloned());
            error.help.extend(mistake.help.iter().cloned());
            self.document.report(&mut self.found, error);
        }
    }
}

/// The entries with the keys of inner tables joined by points, as far as `inner` says so.
fn flat(
    entries: Vec<RawEntry>,
    prefix: &str,
    inner: &dyn Fn(&str, &Node) -> bool,
) -> Vec<(String, RawEntry)> {
    let mut all = Vec::new();
    for entry in entries {
        let path =
            if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
        match &entry.value {
            Node::Table(table) if inner(&path, &entry.value) => {
                let below = |(key, value): &(String, Node)| RawEntry {
                    key: key.clone(),
                    place: entry.place.clone(),
                    value: value.clone(),
                };
                all.extend(flat(table.iter().map(below).collect(), &path, inner));
            }
            _ => all.push((path, entry)),
        }
    }
    all
}

/// Good for the name of a folder, on any system.
fn plain(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || " -_.=,+()×".contains(c);
    !name.is_empty()
        && name.chars().count() <= 120
        && !name.starts_with('.')
        && name.trim() == name
        && name.chars().all(fits)
}
