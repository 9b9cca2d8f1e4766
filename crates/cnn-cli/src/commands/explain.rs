//! `cnn explain`: why a trained model answers as it does, and whether the explanation can be trusted.

use super::explain_channels as channels;
use super::explain_figures as figures;
use super::explain_text as text;
use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::pictures::{self, Chosen};
use crate::{environment, files, output, runs};
use cnn_nn::explain::{
    Baseline, CurveSettings, ExplainError, Explanation, IntegratedGradients, Method, Network,
    Occlusion, PixelCurves, Question, Randomised, References, Settings, SmoothGrad, cam_layer,
    explain, pixel_curves, randomised, references,
};
use cnn_nn::inspect::{UnknownLayer, select_layers};
use cnn_train::{SavedRun, TrainError};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn explain runs/RUN 7                                  every map of test image 7, each with its sanity check
  cnn explain runs/RUN shoe.png --method grad-cam,occlusion --class Sneaker
  cnn explain runs/RUN 7 --method grad-cam --layer conv2d
  cnn explain runs/RUN --layer conv2d_1 --channels 0-7    images that drive channels of a layer";

/// What `cnn explain` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A run folder, or its model.cnn.
    pub(super) run: PathBuf,

    /// Positions in the test split, or pictures (PNG or JPEG). Without one, the model's channels are explained.
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,

    /// One or several; default, with an IMAGE, all that give a map of it, otherwise filter-maximisation.
    #[arg(long, short, value_enum, value_name = "METHOD", value_delimiter = ',')]
    method: Vec<Asked>,

    /// The class whose score is explained, by name or number; default the predicted one.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// The layer for grad-cam, grad-cam++ and filter-maximisation; default the last convolution.
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// Channels for filter-maximisation, such as 0,3,8-15; default the first 16.
    #[arg(long, value_name = "N,N-N")]
    pub(super) channels: Option<String>,

    /// Steps of integrated gradients; default as many as completeness to 1 % needs, up to 2048.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: Option<u32>,

    /// Noisy copies for smoothgrad.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,

    /// Side of the window that occlusion covers, in pixels; default a fifth of the image.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    window: Option<u16>,

    /// What stands for "nothing there": a grey from 0 to 1, or a picture.
    #[arg(long, value_name = "GREY|IMAGE", default_value = "0")]
    baseline: String,

    /// Models with random weights that maps are compared with.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    models: u16,

    /// Only the maps, without their sanity checks.
    #[arg(long)]
    pub(super) no_sanity: bool,

    /// Where all random numbers begin.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,

    /// Where positions count: a name, a folder of idx files, or an .npz; default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    pub(super) data: Option<String>,

    /// Turn light into dark first: Fashion-MNIST and MNIST are light on dark.
    #[arg(long)]
    invert: bool,

    /// The picture, .svg or .png; default explain-IMAGE as both. The curves stand beside it as …-curves.
    #[arg(long, visible_alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    pub(super) force: bool,

    /// What was found, as text or as one JSON object with the maps.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// The methods by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Asked {
    /// Size of the gradient at each pixel.
    Saliency,
    /// The same, of the mean over noisy copies.
    Smoothgrad,
    /// Where the maps that speak for the class are active.
    GradCam,
    /// The same for a class that shows at several places.
    #[value(name = "grad-cam++")]
    GradCamPlusPlus,
    /// The score's rise from a baseline, shared out among the pixels.
    IntegratedGradients,
    /// What the score loses where a window is covered.
    Occlusion,
    /// An image that drives a channel.
    FilterMaximisation,
}

impl Asked {
    /// `None` for the one that explains no image.
    fn method(self) -> Option<Method> {
        match self {
            Self::Saliency => Some(Method::Saliency),
            Self::Smoothgrad => Some(Method::SmoothGrad),
            Self::GradCam => Some(Method::GradCam),
            Self::GradCamPlusPlus => Some(Method::GradCamPlusPlus),
            Self::IntegratedGradients => Some(Method::IntegratedGradients),
            Self::Occlusion => Some(Method::Occlusion),
            Self::FilterMaximisation => None,
        }
    }
}

/// One image explained.
pub(super) struct Explained {
    pub(super) image: Chosen,
    pub(super) class: usize,
    pub(super) score: f32,
    /// Of all classes.
    pub(super) probabilities: Vec<f32>,
    pub(super) maps: Vec<Explanation>,
    pub(super) sanity: Option<Sanity>,
    pub(super) files: Vec<PathBuf>,
}

/// Whether the maps can be trusted, in their order.
pub(super) struct Sanity {
    pub(super) randomised: Vec<Randomised>,
    pub(super) curves: Vec<PixelCurves>,
    pub(super) references: References,
}

impl Sanity {
    /// Whether the order of a map is better than random orders, both in taking away and in putting in.
    pub(super) fn beats_random(&self, map: usize) -> bool {
        let (ours, random) = (&self.curves[map], &self.references.random);
        ours.deletion_area() < random.deletion_area()
            && ours.insertion_area() > random.insertion_area()
    }
}

/// Explains, draws, and tells.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let saved = runs::open(&args.run)?;
    let network = Network::new(&saved.model, saved.weights.as_slice(), environment::isa()?);
    let layer = args.layer.as_deref().map(|name| one_layer(&network, name)).transpose()?;
    let (methods, maximise) = methods(args, &network)?;
    if !methods.is_empty() && args.images.is_empty() {
        let what = format!("{} explains an image, and none is named", methods[0].name());
        return Err(Failure::usage(&what, "name a position in the test split, or a picture"));
    }
    let outs = outs(args, maximise)?;
    let mut explained = Vec::new();
    if !methods.is_empty() {
        let settings = settings(args, &saved, &network, layer)?;
        let (data, run) = (args.data.as_deref(), &args.run);
        let images = pictures::choose(&args.images, run, &saved, data, args.invert)?;
        for (image, out) in images.into_iter().zip(&outs) {
            let mut one = one_image(args, &saved, &network, image, &methods, &settings)?;
            one.files = figures::write(args, &saved, &one, out)?;
            explained.push(one);
        }
    }
    let driven = maximise
        .then(|| channels::run(args, &saved, &network, layer, &outs[outs.len() - 1]))
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

/// The methods that give maps, and whether channels are explained.
fn methods(args: &Args, network: &Network<'_>) -> Result<(Vec<Method>, bool), Failure> {
    let mut asked: Vec<Method> = args.method.iter().filter_map(|one| one.method()).collect();
    let maximise = args.method.contains(&Asked::FilterMaximisation)
        || args.method.is_empty() && args.images.is_empty();
    if args.method.is_empty() && !args.images.is_empty() {
        asked = Method::ALL.to_vec();
        if args.layer.is_none() && cam_layer(network.model()).is_none() {
            asked.retain(|method| !method.needs_maps());
            output::note(
                "note: grad-cam and grad-cam++ are left out: the model has no layer with maps\n",
            );
        }
    }
    let mut seen = Vec::new();
    asked.retain(|method| {
        !seen.contains(method) && {
            seen.push(*method);
            true
        }
    });
    let of_layer = maximise || asked.iter().any(|method| method.needs_maps());
    for (given, needed, option) in [
        (
            args.layer.is_some(),
            of_layer,
            "--layer is for grad-cam, grad-cam++ and filter-maximisation",
        ),
        (args.channels.is_some(), maximise, "--channels is for filter-maximisation"),
    ] {
        if given && !needed {
            return Err(Failure::usage(option, "add the method, or leave the option out"));
        }
    }
    if maximise && asked.is_empty() && !args.images.is_empty() {
        let what = "filter-maximisation explains channels, not an image";
        return Err(Failure::usage(what, "leave the image out, or add a method that explains it"));
    }
    Ok((asked, maximise))
}

/// The one layer that a word names.
fn one_layer(network: &Network<'_>, name: &str) -> Result<usize, Failure> {
    let found = select_layers(network.model(), &[name]).map_err(|error| unknown_layer(&error))?;
    if let [one] = found[..] {
        return Ok(one);
    }
    let names: Vec<&str> =
        found.iter().map(|at| network.model().layers()[*at].name.as_str()).collect();
    let shown: String = name.chars().take(80).collect();
    let what = format!("`{shown}` names {} layers", names.len());
    Err(Failure::usage(&what, &format!("choose one of {}", names.join(", "))))
}

fn unknown_layer(error: &UnknownLayer) -> Failure {
    let shown: String = error.asked.chars().take(80).collect();
    let layers = format!("its layers: {}", error.layers.join(", "));
    let what = format!("the model has no layer `{shown}`");
    Failure::new(Exit::Usage, "", &what, "", &[&layers], &[&error.hint()])
}

/// Where each image's picture goes, and at the end that of the channels. All are free.
fn outs(args: &Args, maximise: bool) -> Result<Vec<PathBuf>, Failure> {
    let several = args.images.len() + usize::from(maximise) > 1;
    let name = |what: &str| match &args.out {
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
            return Err(Failure::usage(&what, "explain them one at a time, with --out"));
        }
        for path in files::picture_paths(out) {
            files::must_be_free(&path, args.force)?;
        }
    }
    Ok(outs)
}

fn settings(
    args: &Args,
    saved: &SavedRun,
    network: &Network<'_>,
    layer: Option<usize>,
) -> Result<Settings, Failure> {
    let grey = args.baseline.parse::<f32>().ok();
    let baseline = match grey.map(|grey| (grey, (0.0..=1.0).contains(&grey))) {
        Some((grey, true)) => Baseline::Grey(grey),
        Some((_, false)) => {
            let what = format!("`{}` is no grey for --baseline", args.baseline);
            return Err(Failure::usage(&what, "0 is black, 1 white; or name a picture"));
        }
        None => {
            let path = Path::new(&args.baseline);
            Baseline::Image(pictures::read(path, saved.preprocessing, args.invert)?)
        }
    };
    let steps = args.steps.map(|steps| IntegratedGradients::fixed(steps as usize));
    let occlusion = args
        .window
        .map(usize::from)
        .map(|window| Occlusion { window, stride: (window / 2).max(1) });
    let shape = network.image_shape();
    Ok(Settings {
        baseline,
        smooth_grad: SmoothGrad {
            samples: args.samples as usize,
            seed: args.seed,
            ..SmoothGrad::default()
        },
        integrated_gradients: steps.unwrap_or_default(),
        occlusion: occlusion.or_else(|| Some(Occlusion::for_image(shape))),
        layer,
    })
}

fn one_image(
    args: &Args,
    saved: &SavedRun,
    network: &Network<'_>,
    image: Chosen,
    methods: &[Method],
    settings: &Settings,
) -> Result<Explained, Failure> {
    if image.pixels.len() != network.model().input().len() {
        let shape = saved.preprocessing;
        return Err(Failure::from(TrainError::ImageShape {
            what: "image",
            expected: network.model().input().dims().to_vec(),
            got: [shape.height, shape.width, shape.channels].map(|dim| dim as usize).to_vec(),
        }));
    }
    let probabilities = network.probabilities(&image.pixels);
    let class = match &args.class {
        Some(given) => class(given, &saved.classes)?,
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

/// The class that a name or a number from 0 means.
fn class(given: &str, names: &[String]) -> Result<usize, Failure> {
    let given = given.trim();
    if let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(given)) {
        return Ok(at);
    }
    let last = names.len().max(1) - 1;
    if let Ok(number) = given.parse::<usize>() {
        if number < names.len() {
            return Ok(number);
        }
        let what = format!("there is no class {number}: the model has {}", names.len());
        return Err(Failure::usage(&what, &format!("numbers go from 0 to {last}")));
    }
    let near = cnn_nn::config::nearest(given, names.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("its classes are {}; or give a number from 0 to {last}", names.join(", ")),
    };
    let shown: String = given.chars().take(80).collect();
    Err(Failure::usage(&format!("there is no class `{}`", shown.escape_debug()), &help))
}

/// What cannot be explained, as people read it.
pub(super) fn failure(error: &ExplainError) -> Failure {
    let exit = match error {
        ExplainError::NotFinite => Exit::Model,
        ExplainError::Image { .. } => Exit::Data,
        _ => Exit::Usage,
    };
    Failure::new(exit, "", &error.to_string(), "", &[], &[&error.hint()])
}
