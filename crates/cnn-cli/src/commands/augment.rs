//! `cnn augment preview`: the images as training sees them.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{environment, files, output, report};
use cnn_data::Dataset;
use cnn_nn::augment::Front;
use cnn_nn::engine::TrainKey;
use cnn_train::{Config, Mixer, Mixing, TrainError};
use cnn_viz::Bitmap;
use cnn_viz::charts::{GridCell, ImageGrid, image_grid};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The subcommands of `cnn augment`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Draw training images as they are, and as the model's random layers, and its mixup or cutmix, show them to the layers
    /// behind.
    Preview(Args),
}

const EXAMPLES: &str = "\
Examples:
  cnn augment preview cnn32-augmented --data fashion-mnist
  cnn augment preview model.toml --data mnist --images 0,7,23 --count 12 --output seen.png";

/// What `cnn augment preview` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A model.toml, or the name of a preset.
    model: String,

    /// Where the images are: a name (fashion-mnist, mnist), a folder or a file (see `cnn --help`).
    #[arg(long, value_name = "DATA")]
    data: String,

    /// Positions in the training split, one row of the picture each.
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "0,1,2,3,4")]
    images: Vec<u32>,

    /// Steps of the training to show, one column each, after the image itself.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    count: u16,

    /// Where all random numbers begin; default the model.toml's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The picture, .svg or .png; default NAME-preview as both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// What was written, as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// At most this many rows.
const MOST_IMAGES: usize = 64;

/// Runs a subcommand.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let Command::Preview(args) = command;
    let source = files::model(&args.model)?;
    let (config, warnings) =
        Config::from_toml(&source.name, &source.text).map_err(|found| Failure::mistakes(&found))?;
    output::note(&report::diagnostics(&warnings));
    let model = config.model.build().map_err(TrainError::from)?;
    let (front, mixing) = (Front::of(&model), config.fit.mixing());
    if front.is_none() && mixing.is_none() {
        return Err(nothing_random(&source.name));
    }
    let output = front.as_ref().map_or(model.input().dims(), |front| front.output().dims());
    let shown = shown_shape(output, &source.name)?;
    let data = environment::load_for(&args.data, model.input().dims())?;
    check(args, &data, model.input().dims())?;

    let seed = args.seed.unwrap_or(config.fit.seed);
    let name = model.name();
    if mixing.is_some() && args.images.len() == 1 {
        output::note(
            "note: one image alone has no partner to be mixed with: name several with --images\n",
        );
    }
    let seen = Seen { front: front.as_ref(), mixing, shown, seed };
    let cells = seen.cells(args, &data);
    let title = format!("What training sees behind {}", seen.words());
    let mixed =
        if mixing.is_some() { ", mixed among these: how much of it, and with which" } else { "" };
    let subtitle = format!(
        "{name} on {}, seed {seed}: the image, then what {} shows{mixed}",
        data.name,
        steps(args.count)
    );
    let side = shown[0].max(shown[1]) as f32;
    let scene = image_grid(&ImageGrid {
        title: &title,
        subtitle: &subtitle,
        columns: usize::from(args.count) + 1,
        cell: side * (84.0 / side).round().max(1.0),
        cells: &cells,
    });
    let out = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-preview")));
    let written = files::picture(&out, &scene, args.force)?;
    result(args, &seen, &written)
}

fn steps(count: u16) -> String {
    if count == 1 { "step 0".to_owned() } else { format!("each of the steps 0 to {}", count - 1) }
}

/// What stands between the data set and the first layer that learns.
struct Seen<'a> {
    front: Option<&'a Front>,
    mixing: Option<Mixing>,
    /// Height, width and channels behind it.
    shown: [usize; 3],
    seed: u64,
}

impl Seen<'_> {
    fn kinds(&self) -> Vec<&'static str> {
        self.front.map_or_else(Vec::new, Front::kinds)
    }

    /// In the order in which they act; a few by name, many by number.
    fn words(&self) -> String {
        let mixing = self.mixing.map(|mixing| match mixing {
            Mixing::MixUp { alpha } => format!("mixup {alpha}"),
            Mixing::CutMix { alpha } => format!("cutmix {alpha}"),
        });
        let kinds = self.kinds();
        let layers = match kinds.len() {
            0 => None,
            1..=3 => Some(kinds.join(", ")),
            many => Some(format!("{many} random layers")),
        };
        mixing.into_iter().chain(layers).collect::<Vec<_>>().join(", ")
    }

    /// Rows of images: each as it is, then as training shows it step after step. An image's row is its position in the batch.
    fn cells(&self, args: &Args, data: &Dataset) -> Vec<GridCell> {
        let shape = data.train.shape();
        let mut mixer = self.mixing.map(|mixing| Mixer::new(mixing, shape, args.images.len()));
        let mut cells = Vec::new();
        for (row, &position) in args.images.iter().enumerate() {
            let (mut pixels, mut label) = (vec![0.0; shape.iter().product()], [0]);
            data.train.fill(&[position], &mut pixels, &mut label);
            let class = data.classes.get(label[0] as usize).map_or("", String::as_str);
            cells.push(GridCell::new(
                Bitmap::from_pixels(&pixels, shape),
                format!("{position} {class}").trim_end(),
            ));
            for step in 0..u64::from(args.count) {
                let mut label = if row == 0 { format!("step {step}") } else { String::new() };
                if let Some(mixer) = &mut mixer {
                    mixer.draw(self.seed, step, args.images.len());
                    mixer.image(&data.train, &args.images, row, &mut pixels);
                    let share = (100.0 * mixer.share(row)).round();
                    label = match mixer.partner(row) {
                        itself if itself == row => "itself".to_owned(),
                        other => format!("{share} % with {}", args.images[other]),
                    };
                }
                let key = TrainKey { seed: self.seed, step };
                let seen = self.front.map(|front| front.train(&pixels, key, row));
                let seen = seen.as_ref().unwrap_or(&pixels);
                cells.push(GridCell::new(Bitmap::from_pixels(seen, self.shown), label));
            }
        }
        cells
    }
}

fn result(args: &Args, seen: &Seen<'_>, written: &[PathBuf]) -> Result<(), Failure> {
    let paths: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Text => paths.join("\n") + "\n",
        Format::Json => {
            let (mixup, cutmix) = match seen.mixing {
                Some(Mixing::MixUp { alpha }) => (Some(alpha), None),
                Some(Mixing::CutMix { alpha }) => (None, Some(alpha)),
                None => (None, None),
            };
            let value = json!({
                "schema": 1,
                "layers": seen.kinds(),
                "mixup": mixup,
                "cutmix": cutmix,
                "images": args.images,
                "steps": args.count,
                "seed": seen.seed,
                "files": paths,
            });
            format!("{value}\n")
        }
    })
}

/// The model shows every image as it is.
fn nothing_random(place: &str) -> Failure {
    Failure::new(
        Exit::Model,
        "M080",
        "the model changes no image: nothing random comes before its first layer with parameters, and [fit] mixes none",
        place,
        &[
            "random layers: GaussianNoise, RandomContrast, RandomCrop, RandomErasing, RandomFlip, RandomRotation, RandomTranslation, RandomZoom",
        ],
        &[
            "put one at the beginning of the model:\n    [[layers]]\n    type = \"RandomFlip\"\n    mode = \"horizontal\"",
            "or start from a preset that has some: cnn new cnn32-augmented",
        ],
    )
}

/// Height, width and channels of what can be drawn.
fn shown_shape(output: &[usize], place: &str) -> Result<[usize; 3], Failure> {
    <[usize; 3]>::try_from(output).map_err(|_| {
        let what = format!("{output:?} is no image that can be drawn");
        let help =
            "random layers belong before `Flatten`, where the input is [height, width, channels]";
        Failure::model("M081", &what, place, help)
    })
}

/// The images are there, and of the model's size.
fn check(args: &Args, data: &Dataset, input: &[usize]) -> Result<(), Failure> {
    let split = &data.train;
    if split.shape()[..] != *input {
        return Err(Failure::from(TrainError::ImageShape {
            what: "training data",
            expected: input.to_vec(),
            got: split.shape().to_vec(),
        })
        .at(Path::new(&args.model)));
    }
    if let Some(&missing) = args.images.iter().find(|&&at| at as usize >= split.len()) {
        return Err(Failure::new(
            Exit::Usage,
            "",
            &format!("there is no training image {missing}"),
            "",
            &[&format!("{} has {} training images", data.name, split.len())],
            &[&format!("numbers go from 0 to {}", split.len().saturating_sub(1))],
        ));
    }
    if args.images.len() > MOST_IMAGES {
        return Err(Failure::usage(
            &format!("{} images are more than a picture can hold", args.images.len()),
            &format!("choose at most {MOST_IMAGES}"),
        ));
    }
    Ok(())
}
