//! Reading a sweep.toml: its keys, and the rows that its grid and its variants make.

use super::edit::Draft;
use super::plan::with_seed;
use super::rows::{Change, combinations, label, short_names};
use super::sweep::{Cost, FindModel, MAX_ROWS, MAX_SEEDS, Row, Sweep, Threshold};
use crate::config::Overrides;
use cnn_nn::config::{Diagnostic, Diagnostics, Document, nearest};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantSpec {
    name: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, rename = "set")]
    _set: Option<IgnoredAny>,
}

/// A row before it is built.
pub(super) struct Plan<'a> {
    pub(super) name: String,
    pub(super) model: &'a str,
    pub(super) changes: Vec<&'a Change>,
    /// Where to point where no change is to blame.
    pub(super) place: Option<Range<usize>>,
}

pub(super) struct Reader<'a> {
    pub(super) document: Document,
    pub(super) found: Diagnostics,
    pub(super) overrides: Overrides,
    pub(super) find_model: &'a FindModel<'a>,
    /// Models by the words of the sweep; `None` for those that do not work, which is reported once.
    pub(super) bases: HashMap<String, Option<Draft>>,
    /// What was said of which place: many rows have the same mistake.
    pub(super) said: HashSet<(String, usize)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        file: &str,
        text: &str,
        overrides: Overrides,
        find_model: &'a FindModel<'a>,
    ) -> Self {
        let (document, found) = Document::parse(file, text);
        let (bases, said) = (HashMap::new(), HashSet::new());
        Self { document, found, overrides, find_model, bases, said }
    }

    pub(super) fn error(
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

    pub(super) fn sweep(&mut self, file: &str) -> Sweep {
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
    pub(super) fn seeds(&mut self) -> Vec<u64> {
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

    pub(super) fn threshold(&mut self) -> Option<Threshold> {
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
    pub(super) fn monitored(&mut self, threshold: &Threshold, rows: &[Row]) {
        for row in rows {
            let metrics = row.config.metrics(row.config.fit.validates());
            if metrics.contains(&threshold.monitor) {
                continue;
            }
            let label = match nearest(&threshold.monitor, metrics.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no such metric".to_owned(),
            };
            let help = match threshold.monitor.strip_prefix("val_") {
                Some(_) => "val_ metrics need fit.validation_split or fit.fold".to_owned(),
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

    pub(super) fn rows(&mut self) -> Vec<Row> {
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
    pub(super) fn no_twins(&mut self, rows: &[(Row, Option<Range<usize>>)]) {
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
                before.iter().find(|(other, _)| with_seed(other, 0) == with_seed(row, 0))
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
