//! A row's changes made to its model, and whoever is to blame where that is no model.

use super::edit::{Draft, Refused};
use super::read::{Plan, Reader};
use super::rows::Change;
use super::sweep::Row;
use crate::config::Config;
use cnn_nn::Model;
use cnn_nn::config::{Diagnostic, Diagnostics, Document, Severity};
use std::ops::Range;

impl Reader<'_> {
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
    pub(super) fn row(&mut self, plan: &Plan<'_>) -> Option<Row> {
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
