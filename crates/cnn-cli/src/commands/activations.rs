//! `cnn activations`: what the layers of a model put out for images.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::inspect::{self, MapColors};
use crate::pictures::{self, Chosen};
use crate::runs::RunArg;
use crate::{environment, files, output};
use cnn_nn::inspect::{Activations, Statistics, activations, feature_layers};
use cnn_train::{Preprocessing, SavedRun};
use cnn_viz::charts::{MapCell, MapColumn, MapRow, MapTable, Scaling, Values, map_table};
use cnn_viz::{Bitmap, terminal};
use ndarray::{ArrayView2, ArrayView3, Axis, Slice};
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn activations runs/RUN                       the course's grid: three shoes, four layers
  cnn activations runs/RUN --images 0,7,shoe.png --channel 5
  cnn activations runs/RUN --layers conv2d_1,Dense --all-channels
  cnn activations runs/RUN --preview             in the terminal, without files
  cnn activations cnn32 --weights keras.npz --data fashion-mnist --format json";

/// What `cnn activations` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// One row each: positions in the test split, or PNG or JPEG files; default 0, 23 and 28, the course's shoes.
    #[arg(long, value_name = "IMAGE,…", value_delimiter = ',')]
    images: Vec<String>,

    /// Where positions count: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// One column each: names, numbers from 1, or kinds (conv, pool, Dense, all); default every convolution and pooling.
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    layers: Vec<String>,

    /// The channel to show, from 0; default 1, as in the course, and 0 for a layer that has no other.
    #[arg(long, value_name = "N", conflicts_with = "all_channels", allow_negative_numbers = true)]
    channel: Option<usize>,

    /// Show all channels of each layer, side by side in lines.
    #[arg(long)]
    all_channels: bool,

    /// Which numbers share their colours.
    #[arg(long, value_enum, default_value_t = Scale::Cell)]
    scale: Scale,

    /// The colours of numbers.
    #[arg(long, value_enum, default_value_t = MapColors::Inferno)]
    colormap: MapColors,

    /// Turn light into dark in picture files first: Fashion-MNIST and MNIST are light on dark.
    #[arg(long)]
    invert: bool,

    /// Draw in the terminal; a picture is then written only where --output names one.
    #[arg(long)]
    preview: bool,

    /// The picture, .svg or .png; default NAME-activations as both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// All numbers of the layers, an array of [images, height, width, channels] or [images, units] under each layer's name.
    #[arg(long, value_name = "FILE.npz")]
    save_values: Option<PathBuf>,

    /// With --format json: the numbers themselves too.
    #[arg(long)]
    values: bool,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// What was written, or the numbers as one JSON object; a picture is then written only where --output names one.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Which numbers share the ends of the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scale {
    /// Each cell has its own: all that is in a map can be seen.
    Cell,
    /// The cells of a layer: images can be compared.
    Layer,
    /// All cells: layers can be compared too.
    Picture,
}

/// Rows of the picture, at most.
const MOST_IMAGES: usize = 64;
/// Channels of a layer that are drawn, at most.
const MOST_CHANNELS: usize = 1024;
/// Numbers of a layer without height and width that are drawn, at most.
const MOST_NUMBERS: usize = 4096;

/// Looks, draws and tells.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.preview && args.format == Format::Json {
        let help = "leave one of them out";
        return Err(Failure::usage("--preview is for people, --format json for programs", help));
    }
    if args.images.len() > MOST_IMAGES {
        let what = format!("{} images are more than a picture can hold", args.images.len());
        return Err(Failure::usage(&what, &format!("choose at most {MOST_IMAGES}")));
    }
    if let Some(path) = &args.save_values {
        files::must_be_free(path, args.force)?;
    }
    let mut saved = args.run.open()?;
    let layers = layers(args, &saved)?;
    check_channel(args, &saved, &layers)?;
    let images =
        pictures::choose(&args.images, &args.run, &mut saved, args.data.as_deref(), args.invert)?;
    let pixels: Vec<f32> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
    let maps = activations(&saved.model, &saved.weights, &pixels, &layers, environment::isa()?);

    let name = saved.model.name();
    let (title, subtitle) = (format!("What the layers of {name} put out"), subtitle(args));
    let table = table(args, &saved, &images, &maps, (&title, &subtitle));
    let mut written = Vec::new();
    if args.output.is_some() || !(args.preview || args.format == Format::Json) {
        let out = args.output.clone().unwrap_or_else(|| format!("{name}-activations").into());
        written =
            inspect::draw(&out, map_table(&table), args.force, "choose fewer images or layers")?;
    }
    if let Some(path) = &args.save_values {
        save_values(path, images.len(), &maps, args.force)?;
        written.push(path.clone());
    }
    let mut text = String::new();
    if args.preview {
        let (width, ink) = (output::stdout_width(), output::stdout_ink());
        text +=
            &terminal::map_text(&table, width, ink).map_err(|error| inspect::not_drawn(&error))?;
    }
    if args.format == Format::Json {
        text = json_of(args, &saved, &images, &maps, &written).to_string() + "\n";
    } else {
        text.extend(written.iter().map(|path| format!("{}\n", path.display())));
    }
    output::result(&text)
}

/// The layers that were asked for, or all that the course looks at.
fn layers(args: &Args, saved: &SavedRun) -> Result<Vec<usize>, Failure> {
    if !args.layers.is_empty() {
        return inspect::select(&saved.model, &args.layers);
    }
    let found = feature_layers(&saved.model);
    if found.is_empty() {
        let facts = format!("its layers: {}", inspect::listed(&saved.model));
        return Err(Failure::new(
            Exit::Usage,
            "",
            "the model has no convolution and no pooling whose maps could be shown",
            "",
            &[&facts],
            &["name layers, or a kind of them: --layers Dense"],
        ));
    }
    Ok(found)
}

/// Height, width and channels of a layer whose output is a picture.
fn picture_shape(shape: &[usize]) -> Option<[usize; 3]> {
    match *shape {
        [h, w, c] => Some([h, w, c]),
        [h, w] => Some([h, w, 1]),
        _ => None,
    }
}

/// The channel that is shown of a layer with `c` of them.
fn channel(args: &Args, c: usize) -> usize {
    args.channel.unwrap_or(usize::from(c > 1))
}

/// Every layer has the channel that was asked for.
fn check_channel(args: &Args, saved: &SavedRun, layers: &[usize]) -> Result<(), Failure> {
    let Some(asked) = args.channel else { return Ok(()) };
    for &at in layers {
        let layer = &saved.model.layers()[at];
        let Some([_, _, c]) = picture_shape(layer.output.dims()) else { continue };
        if asked >= c {
            let what = format!("{} has no channel {asked}", layer.name);
            let help = if c == 1 {
                "its only channel is 0".to_owned()
            } else {
                format!("its channels go from 0 to {}", c - 1)
            };
            return Err(Failure::usage(&what, &help));
        }
    }
    Ok(())
}

fn subtitle(args: &Args) -> String {
    match (args.all_channels, args.channel) {
        (true, _) => "all channels of each layer, line by line from channel 0".to_owned(),
        (_, Some(channel)) => format!("channel {channel} of each layer"),
        _ => "channel 1 of each layer, as in the course".to_owned(),
    }
}

/// The shape as people read it: `26 × 26 × 32`.
fn times(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// The picture, before it is drawn.
fn table<'a>(
    args: &Args,
    saved: &SavedRun,
    images: &[Chosen],
    maps: &'a [Activations],
    (title, subtitle): (&'a str, &'a str),
) -> MapTable<'a> {
    let Preprocessing { height, width, channels, .. } = saved.preprocessing;
    let input = [height, width, channels].map(|dim| dim as usize);
    let column =
        |layer: &Activations| MapColumn { name: layer.layer.clone(), note: times(&layer.shape) };
    let row = |(at, image): (usize, &Chosen)| {
        let class = image.label.and_then(|label| saved.classes.get(label));
        MapRow {
            picture: Bitmap::from_pixels(&image.pixels, input),
            label: class
                .map_or_else(|| image.name.clone(), |class| format!("{}: {class}", image.name)),
            cells: maps.iter().map(|layer| cell(args, layer, at)).collect(),
        }
    };
    MapTable {
        title,
        subtitle,
        first: MapColumn { name: "image".to_owned(), note: times(&input) },
        columns: maps.iter().map(column).collect(),
        rows: images.iter().enumerate().map(row).collect(),
        map: args.colormap.map(),
        scaling: match args.scale {
            Scale::Cell => Scaling::Cell,
            Scale::Layer => Scaling::Column,
            Scale::Picture => Scaling::Table,
        },
    }
}

/// What is drawn of a layer for an image.
fn cell<'a>(args: &Args, layer: &'a Activations, image: usize) -> MapCell<'a> {
    let all = layer.of_image(image);
    let maps =
        picture_shape(&layer.shape).and_then(|shape| ArrayView3::from_shape(shape, all).ok());
    let Some(maps) = maps else {
        let shown = all.len().min(MOST_NUMBERS);
        return MapCell {
            label: first(shown, all.len(), "numbers"),
            values: Values::Row(&all[..shown]),
        };
    };
    let c = maps.dim().2;
    if args.all_channels {
        let shown = c.min(MOST_CHANNELS);
        let mut maps = maps;
        maps.slice_axis_inplace(Axis(2), Slice::from(..shown));
        return MapCell { label: first(shown, c, "channels"), values: Values::Maps(maps) };
    }
    let at = channel(args, c);
    MapCell {
        label: format!("channel {at}"),
        values: Values::Map(maps.index_axis_move(Axis(2), at)),
    }
}

fn first(shown: usize, all: usize, what: &str) -> String {
    if shown < all { format!("the first {shown} of {all} {what}") } else { format!("{all} {what}") }
}

/// All numbers, by the layers' names.
fn save_values(
    path: &std::path::Path,
    images: usize,
    maps: &[Activations],
    force: bool,
) -> Result<(), Failure> {
    let shapes: Vec<Vec<usize>> =
        maps.iter().map(|layer| [&[images], layer.shape.as_slice()].concat()).collect();
    let arrays: Vec<(&str, &[usize], &[f32])> = maps
        .iter()
        .zip(&shapes)
        .map(|(layer, shape)| (layer.layer.as_str(), shape.as_slice(), layer.values.as_slice()))
        .collect();
    let mut bytes = std::io::Cursor::new(Vec::new());
    cnn_data::npz::write(&mut bytes, &arrays).map_err(|error| {
        let place = path.display().to_string();
        Failure::new(Exit::Disk, error.code, &error.message, &place, &[], &[&error.hint])
    })?;
    files::write(path, bytes.get_ref(), force)
}

fn json_of(
    args: &Args,
    saved: &SavedRun,
    images: &[Chosen],
    maps: &[Activations],
    written: &[PathBuf],
) -> Value {
    let one = |(at, image): (usize, &Chosen)| {
        json!({
            "image": image.name,
            "label": image.label,
            "class": image.label.and_then(|label| saved.classes.get(label)),
            "layers": maps.iter().map(|layer| json_of_layer(args, layer, at)).collect::<Vec<_>>(),
        })
    };
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    json!({
        "schema": 1, "model": saved.model.name(),
        "images": images.iter().enumerate().map(one).collect::<Vec<_>>(),
        "files": written,
    })
}

/// One layer for one image: of all its numbers, or of the channel that is shown.
fn json_of_layer(args: &Args, layer: &Activations, image: usize) -> Value {
    let all = layer.of_image(image);
    let mut object = json!({ "layer": layer.layer, "type": layer.kind, "shape": layer.shape });
    let mut add = |of: Value| {
        if let (Value::Object(object), Value::Object(of)) = (&mut object, of) {
            object.extend(of);
        }
    };
    let maps =
        picture_shape(&layer.shape).and_then(|shape| ArrayView3::from_shape(shape, all).ok());
    let values = match maps {
        Some(maps) if args.all_channels => {
            let of_channel = |(channel, plane): (usize, ArrayView2<'_, f32>)| {
                let mut one = json!({ "channel": channel });
                if let (Value::Object(one), Value::Object(of)) = (&mut one, numbers(plane.iter())) {
                    one.extend(of);
                }
                one
            };
            add(numbers(all.iter()));
            let channels: Vec<Value> =
                maps.axis_iter(Axis(2)).enumerate().map(of_channel).collect();
            add(json!({ "channels": channels }));
            nested(all, &layer.shape)
        }
        Some(maps) => {
            let at = channel(args, maps.dim().2);
            let plane = maps.index_axis(Axis(2), at);
            add(json!({ "channel": at }));
            add(numbers(plane.iter()));
            json!(plane.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>())
        }
        None => {
            add(numbers(all.iter()));
            nested(all, &layer.shape)
        }
    };
    if args.values {
        add(json!({ "values": values }));
    }
    object
}

/// Range, mean and share of zeros.
fn numbers<'a, I>(values: I) -> Value
where
    I: IntoIterator<Item = &'a f32>,
    I::IntoIter: Clone,
{
    let of = Statistics::of(values);
    json!({ "min": of.min, "max": of.max, "mean": of.mean, "zeros": of.zeros })
}

/// Numbers in lists of lists, as the shape says.
fn nested(values: &[f32], shape: &[usize]) -> Value {
    match shape {
        [] | [_] => json!(values),
        [_, inner @ ..] => {
            let size = inner.iter().product::<usize>().max(1);
            values.chunks_exact(size).map(|part| nested(part, inner)).collect()
        }
    }
}
