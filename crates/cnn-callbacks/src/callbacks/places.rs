//! Where callbacks write: each to a place of its own.

use super::CallbackSpec;
use super::template::Template;
use crate::CallbackError;
use crate::error::wrong;

/// A file or folder that a callback writes.
struct Place<'a> {
    callback: &'static str,
    key: &'static str,
    /// As it is given.
    given: &'a str,
    /// Relative to the run folder, the same for the same place.
    path: String,
    folder: bool,
}

impl CallbackSpec {
    fn place(&self) -> Option<Place<'_>> {
        let (key, given, folder) = match self {
            Self::CSVLogger(spec) => ("filename", &spec.filename, false),
            Self::ModelCheckpoint(spec) => ("filepath", &spec.filepath, false),
            Self::TensorBoard(spec) => ("log_dir", &spec.log_dir, true),
            Self::StopAt(_)
            | Self::EarlyStopping(_)
            | Self::SwapEMAWeights(_)
            | Self::TerminateOnNaN(_)
            | Self::ReduceLROnPlateau(_)
            | Self::LearningRateScheduler(_)
            | Self::TimeBudget(_) => return None,
        };
        let path = match self {
            Self::ModelCheckpoint(_) => Template::parse(given).ok()?.pattern(),
            _ => given.clone(),
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        Some(Place { callback: self.name(), key, given, path: parts.join("/"), folder })
    }
}

impl Place<'_> {
    /// Whether both cannot be written: they are the same, or one is a file where the other needs a folder.
    fn clashes(&self, other: &Self) -> bool {
        let lies_in = |inner: &Self, outer: &Self| {
            let rest = inner.path.strip_prefix(&outer.path);
            !outer.folder && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.path == other.path || lies_in(self, other) || lies_in(other, self)
    }
}

/// Looks for callbacks that write to one place, among those with these positions in the list: the later ones, with their positions.
/// To be called before training, as [`crate::check_monitors`].
pub fn check_places<'a>(
    specs: impl IntoIterator<Item = (usize, &'a CallbackSpec)>,
) -> Vec<(usize, CallbackError)> {
    let (mut taken, mut errors): (Vec<(usize, Place<'_>)>, _) = (Vec::new(), Vec::new());
    for (i, spec) in specs {
        let Some(place) = spec.place() else { continue };
        if let Some((before, other)) = taken.iter().find(|(_, other)| place.clashes(other)) {
            let own = if place.folder { "a folder of its own" } else { "a file of its own" };
            let hint = format!("callback {} ({}) writes there too", before + 1, other.callback);
            let got = format!("\"{}\"", place.given);
            errors.push((i, wrong(place.callback, place.key, own, got, &hint)));
        }
        taken.push((i, place));
    }
    errors
}
