//! `cnn train --tui`: whether the training screen can be had here, and its callback. The screen itself is `crate::tui`,
//! which only builds with the feature `tui` have.

use crate::args::Format;
use crate::failure::Failure;
use crate::output;
use cnn_callbacks::Callback;
use cnn_data::Dataset;
use cnn_nn::Model;

/// Whether there is a terminal for the screen; without one, plain progress takes its place, and a note says so.
///
/// # Errors
/// A program built without the screen; JSON, which is for programs.
pub(super) fn wanted(format: Format) -> Result<bool, Failure> {
    if !cfg!(feature = "tui") {
        return Err(Failure::usage(
            "this cnn was built without the training screen",
            "cargo install --path crates/cnn-cli --features tui",
        ));
    }
    if format == Format::Json {
        return Err(Failure::usage(
            "--tui is for people and --format json for programs",
            "drop one of them",
        ));
    }
    let found = here();
    if !found {
        output::note("note: --tui needs a terminal; plain progress instead\n");
    }
    Ok(found)
}

#[cfg(feature = "tui")]
fn here() -> bool {
    output::stderr_is_terminal() && crate::tui::check()
}

#[cfg(not(feature = "tui"))]
fn here() -> bool {
    false
}

/// The screen.
#[cfg(feature = "tui")]
#[expect(clippy::unnecessary_wraps, reason = "there is none in a build without it")]
pub(super) fn callback(model: &Model, data: &Dataset) -> Option<Box<dyn Callback>> {
    let about = crate::tui::About {
        model: model.name().to_owned(),
        parameters: model.param_count(),
        data: data.name.clone(),
        classes: data.classes.clone(),
    };
    Some(crate::tui::screen(about, output::stderr_colours(), crate::environment::utf8()))
}

#[cfg(not(feature = "tui"))]
pub(super) fn callback(_model: &Model, _data: &Dataset) -> Option<Box<dyn Callback>> {
    None
}
