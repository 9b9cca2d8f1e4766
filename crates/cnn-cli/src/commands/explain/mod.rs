//! `cnn explain`: why a trained model answers as it does, and whether the explanation can be trusted.

mod args;
mod channels;
mod figures;
mod text;

pub(crate) use args::Args;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::pictures::{self, Chosen};
use crate::{environment, files, output};
use cnn_nn::explain::{
    CurveSettings, ExplainError, Explanation, Method, Network, PixelCurves, Question, Randomised,
    References, Settings, explain, pixel_curves, randomised, references,
};
use cnn_train::SavedRun;
use serde_json::json;
use std::path::{Path, PathBuf};

/// One image explained.
struct Explained {
    image: Chosen,
    class: usize,
    score: f32,
    /// Of all classes.
    probabilities: Vec<f32>,
    maps: Vec<Explanation>,
    sanity: Option<Sanity>,
    files: Vec<PathBuf>,
}

/// Whether the maps can be trusted, in their order.
struct Sanity {
    randomised: Vec<Randomised>,
    curves: Vec<PixelCurves>,
    references: References,
}

impl Sanity {
    /// Whether the order of a map is better than random orders: in taking away, and in putting in.
    fn beats_random(&self, map: usize) -> [bool; 2] {
        let (ours, random) = (&self.curves[map], &self.references.random);
        [
            ours.deletion_area() < random.deletion_area(),
            ours.insertion_area() > random.insertion_area(),
        ]
    }
}

/// Explains, draws, and tells.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut saved = args.run.open()?;
    let model = saved.model.clone();
    let network = Network::new(&model, std::mem::take(&mut saved.weights), environment::isa()?);
    let layer = args.layer.as_deref().map(|name| args::one_layer(&network, name)).transpose()?;
    let (methods, maximise) = args::methods(args, &network)?;
    if !methods.is_empty() && args.images.is_empty() {
        let what = format!("{} explains an image, and none is named", methods[0].name());
        return Err(Failure::usage(&what, "name a position in the test split, or a picture"));
    }
    let outs = outs(args, maximise)?;
    let mut explained = Vec::new();
    if !methods.is_empty() {
        if network.classes() == 1 {
            let what = "this model has a single output: there are no classes whose scores could be explained";
            return Err(Failure::usage(what, "take a model with one output per class"));
        }
        let settings = args::settings(args, &saved, &network, layer)?;
        let (data, run) = (args.data.as_deref(), &args.run);
        let images = pictures::choose(&args.images, run, &mut saved, data, args.invert)?;
        for (image, out) in images.into_iter().zip(&outs) {
            let mut one = one_image(args, &saved, &network, image, &methods, &settings)?;
            one.files = figures::write(args, &saved, &one, out)?;
            explained.push(one);
        }
    }
    let driven = maximise
        .then(|| channels::run(args, &mut saved, &network, layer, &outs[outs.len() - 1]))
        .transpose()?;
    output::result(&match args.format {
        Format::Text => {
            let mut parts: Vec<String> =
                explained.iter().map(|one| text::image(one, &saved)).collect();
            parts.extend(driven.as_ref().map(|driven| text::channels(driven, &saved)));
            parts.join("\n")
        }
        Format::Json => {
            let images: Vec<_> =
                explained.iter().map(|one| text::image_json(one, &saved)).collect();
            let channels = driven.as_ref().map(text::channels_json);
            let model = saved.model.name();
            format!(
                "{}\n",
                json!({ "schema": 1, "model": model, "images": images, "channels": channels })
            )
        }
    })
}

/// Where each image's picture goes, and at the end that of the channels. All are free.
fn outs(args: &Args, maximise: bool) -> Result<Vec<PathBuf>, Failure> {
    let several = args.images.len() + usize::from(maximise) > 1;
    let name = |what: &str| match &args.output {
        None => PathBuf::from(format!("explain-{what}")),
        Some(out) if several => figures::beside(out, what),
        Some(out) => out.clone(),
    };
    let stem = |image: &String| {
        let stem = Path::new(image).file_stem();
        stem.map_or_else(|| image.clone(), |stem| stem.to_string_lossy().into_owned())
    };
    let mut outs: Vec<PathBuf> = args.images.iter().map(|image| name(&stem(image))).collect();
    if maximise {
        outs.push(name("channels"));
    }
    for (i, out) in outs.iter().enumerate() {
        if outs[..i].contains(out) {
            let what = format!("two pictures would be written to {}", out.display());
            return Err(Failure::usage(&what, "explain them one at a time, with --output"));
        }
        for path in files::picture_paths(out)? {
            files::must_be_free(&path, args.force)?;
        }
    }
    Ok(outs)
}

fn one_image(
    args: &Args,
    saved: &SavedRun,
    network: &Network<'_>,
    image: Chosen,
    methods: &[Method],
    settings: &Settings,
) -> Result<Explained, Failure> {
    let (expected, got) = (network.model().input().len(), image.pixels.len());
    if expected != got {
        return Err(failure(&ExplainError::Image { expected, got }));
    }
    let probabilities = network.probabilities(&image.pixels);
    let class = match &args.class {
        Some(given) => args::class(given, &saved.classes)?,
        None => figures::largest(&probabilities),
    };
    let question = Question::new(network, &image.pixels, class).map_err(|e| failure(&e))?;
    let maps: Vec<Explanation> = methods
        .iter()
        .map(|method| explain(&question, *method, settings))
        .collect::<Result<_, _>>()
        .map_err(|e| failure(&e))?;
    let sanity = if args.no_sanity {
        None
    } else {
        Some(sanity(args, &question, &maps, settings).map_err(|e| failure(&e))?)
    };
    let score = question.scores()[class];
    Ok(Explained { image, class, score, probabilities, maps, sanity, files: Vec::new() })
}

fn sanity(
    args: &Args,
    question: &Question<'_>,
    maps: &[Explanation],
    settings: &Settings,
) -> Result<Sanity, ExplainError> {
    let curves = CurveSettings { seed: args.seed, ..CurveSettings::default() };
    let baseline = &settings.baseline;
    Ok(Sanity {
        randomised: randomised(question, maps, settings, args.seed, usize::from(args.models))?,
        curves: maps
            .iter()
            .map(|one| pixel_curves(question, &one.map, baseline, &curves))
            .collect::<Result<_, _>>()?,
        references: references(question, baseline, &curves)?,
    })
}

/// What cannot be explained, as people read it.
fn failure(error: &ExplainError) -> Failure {
    let exit = match error {
        ExplainError::NotFinite => Exit::Model,
        ExplainError::Image { .. } => Exit::Data,
        _ => Exit::Usage,
    };
    Failure::new(exit, "", &error.to_string(), "", &[], &[&error.hint()])
}
