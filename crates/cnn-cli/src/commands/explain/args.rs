//! What `cnn explain` takes, and what that means for a model.

use super::Failure;
use crate::args::Format;
use crate::failure::Exit;
use crate::runs::RunArg;
use crate::{output, pictures};
use cnn_nn::explain::{
    Baseline, IntegratedGradients, Method, Network, Occlusion, Settings, SmoothGrad, cam_layer,
};
use cnn_nn::inspect::{UnknownLayer, select_layers};
use cnn_train::SavedRun;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn explain runs/RUN 7                                  all maps of test image 7, checked
  cnn explain runs/RUN shoe.png --method grad-cam,occlusion --class Sneaker
  cnn explain runs/RUN 7 --method grad-cam --layer conv2d
  cnn explain runs/RUN --layer conv2d_1 --channels 0-7    images that drive channels";

/// What `cnn explain` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) run: RunArg,

    /// Positions in the test split, or pictures (PNG or JPEG). Without one, the model's channels are explained.
    #[arg(value_name = "IMAGE")]
    pub(super) images: Vec<String>,

    /// One or several; default, with an IMAGE, all that give a map of it, otherwise filter-maximisation.
    #[arg(long, short, value_enum, value_name = "METHOD", value_delimiter = ',')]
    pub(super) method: Vec<Asked>,

    /// The class whose score is explained, by name or number; default the predicted one.
    #[arg(long, value_name = "CLASS")]
    pub(super) class: Option<String>,

    /// The layer for grad-cam, grad-cam++ and filter-maximisation; default the last convolution.
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<String>,

    /// Channels for filter-maximisation, such as 0,3,8-15; default the first 16.
    #[arg(long, value_name = "N,N-N")]
    pub(super) channels: Option<String>,

    /// Steps of integrated gradients; default as many as completeness to 1 % needs, up to 2048.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) steps: Option<u32>,

    /// Noisy copies for smoothgrad.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) samples: u32,

    /// Side of the window that occlusion covers, in pixels; default a fifth of the image.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) window: Option<u16>,

    /// What stands for "nothing there": a grey from 0 to 1, or a picture.
    #[arg(long, value_name = "GREY|IMAGE", default_value = "0")]
    pub(super) baseline: String,

    /// Models with random weights that maps are compared with.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) models: u16,

    /// Only the maps, without their sanity checks.
    #[arg(long)]
    pub(super) no_sanity: bool,

    /// Where all random numbers begin.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,

    /// Where positions count: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    pub(super) data: Option<String>,

    /// Turn light into dark first: Fashion-MNIST and MNIST are light on dark.
    #[arg(long)]
    pub(super) invert: bool,

    /// The picture, .svg or .png; default explain-IMAGE as both. The curves stand beside it as …-curves.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    pub(super) force: bool,

    /// What was found, as text or as one JSON object with the maps.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// The methods by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Asked {
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

/// The methods that give maps, and whether channels are explained.
pub(super) fn methods(args: &Args, network: &Network<'_>) -> Result<(Vec<Method>, bool), Failure> {
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
        (args.class.is_some(), !asked.is_empty(), "--class is for methods that explain an image"),
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
pub(super) fn one_layer(network: &Network<'_>, name: &str) -> Result<usize, Failure> {
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

/// The settings of all methods.
pub(super) fn settings(
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
    if let Some(Occlusion { window, .. }) = occlusion
        && window > shape[0].min(shape[1])
    {
        let what = format!(
            "a window of {window} pixels covers the whole {} × {} image",
            shape[0], shape[1]
        );
        return Err(Failure::usage(&what, "a fifth of the image is usual: leave --window out"));
    }
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

/// The class that a name or a number from 0 means.
pub(super) fn class(given: &str, names: &[String]) -> Result<usize, Failure> {
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

#[cfg(test)]
mod tests {
    use super::class;

    #[test]
    fn a_class_has_a_name_and_a_number() {
        let names = ["T-shirt/top", "Ankle boot", "7", "8"].map(String::from);
        let found = |given| class(given, &names).unwrap();
        assert_eq!((found("ankle BOOT"), found(" 0 "), found("3")), (1, 0, 3));
        assert_eq!(found("7"), 2, "a name comes before a number");
        let wrong = |given| class(given, &names).unwrap_err().text;
        assert!(wrong("ankel boot").contains("did you mean Ankle boot?"));
        assert!(
            wrong("4")
                .contains("there is no class 4: the model has 4\n  help: numbers go from 0 to 3")
        );
        assert!(wrong("raincoat").contains("its classes are T-shirt/top, "));
    }
}
