//! `cnn summary`: a model's layers, shapes and parameters, and what is wrong with it.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{files, output, report};
use cnn_nn::config::Diagnostics;
use cnn_nn::{Model, ModelSpec, summary};
use cnn_train::Config;

/// What `cnn summary` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A model.toml, the name of a preset, or - for standard input.
    model: String,

    /// Columns of the table; default the terminal's, or 80.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(20..=1000))]
    width: Option<u16>,

    /// Show how each shape comes about, what each output sees, multiply-accumulates and memory.
    #[arg(long)]
    wide: bool,

    /// The table as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Prints the table on stdout and mistakes on stderr. A model whose shapes are sound is shown even if the rest is wrong.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let source = files::model(&args.model)?;
    let (model, found) = examine(&source.name, &source.text);
    if let Some(model) = &model {
        let width = args.width.map_or_else(output::stdout_width, usize::from);
        output::result(&table(model, args.format, args.wide, width))?;
    }
    if found.has_errors() {
        return Err(Failure { exit: Exit::Model, text: report::diagnostics(&found) });
    }
    output::note(&report::diagnostics(&found));
    Ok(())
}

/// The model, if its shapes can be settled, and everything that is wrong in the file.
fn examine(name: &str, text: &str) -> (Option<Model>, Diagnostics) {
    match Config::from_toml(name, text) {
        Ok((config, warnings)) => (config.model.build().ok(), warnings),
        Err(found) => (ModelSpec::read(name, text).ok().map(|(model, _)| model), found),
    }
}

/// The summary in the form that was asked for, ending in a line break.
pub(crate) fn table(model: &Model, format: Format, wide: bool, width: usize) -> String {
    let text = match format {
        Format::Json => summary::json(model).to_string(),
        Format::Text if wide => summary::wide(model),
        Format::Text => summary::text(model, width),
    };
    if text.ends_with('\n') { text } else { text + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::PRESETS;
    use proptest::prelude::*;

    /// All that `cnn summary` does with a text, short of printing.
    fn all(text: &str) {
        let (model, found) = examine("model.toml", text);
        assert!(model.is_some() || found.has_errors(), "no model and no reason:\n{text}");
        report::diagnostics(&found);
        if let Some(model) = model {
            for format in [Format::Text, Format::Json] {
                assert!(!table(&model, format, true, 80).is_empty());
            }
            assert!(!table(&model, Format::Text, false, 20).is_empty());
        }
    }

    #[test]
    fn presets_have_no_mistakes() {
        for preset in PRESETS {
            let (model, found) = examine(preset.name, preset.text);
            assert!(found.is_empty(), "{}", report::diagnostics(&found));
            assert_eq!(model.unwrap().name(), preset.name);
        }
    }

    #[test]
    fn a_preset_cut_at_any_byte_is_answered() {
        let text = PRESETS[0].text;
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            all(&text[..end]);
        }
    }

    #[test]
    fn any_byte_of_a_preset_may_change() {
        let text = PRESETS[0].text;
        for at in 0..text.len() {
            // In a remark only the end of the line and what TOML forbids there make a difference.
            let line = text.as_bytes()[..at].rsplit(|&byte| byte == b'\n').next();
            let others: &[u8] =
                if line.is_some_and(|line| line.contains(&b'#')) { b"\0\n" } else { b"\0\"[=9-\n" };
            for &other in others {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = other;
                if let Ok(text) = String::from_utf8(bytes) {
                    all(&text);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn lines_may_come_in_any_order_and_number(picks in prop::collection::vec(0usize..200, 0..40)) {
            let lines: Vec<&str> = PRESETS.iter().flat_map(|preset| preset.text.lines()).collect();
            let text: Vec<&str> = picks.iter().map(|pick| lines[pick % lines.len()]).collect();
            all(&text.join("\n"));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,200}") {
            all(&text);
        }
    }
}
