//! `cnn filters`: the kernels of a model as pictures and in numbers.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::inspect::{self, MapColors};
use crate::runs::RunArg;
use crate::{environment, output, pictures};
use cnn_data::Dataset;
use cnn_nn::inspect::{
    ChannelActivity, KernelStatistics, NEAR_ZERO, channel_activity, kernel_pictures,
    kernel_statistics,
};
use cnn_train::SavedRun;
use cnn_viz::charts::{KernelSheet, Kernels, LayerKernels, kernel_sheet};
use ndarray::{ArrayView2, ArrayView4};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn filters runs/RUN                           kernels of the convolutions, dead channels
  cnn filters runs/RUN --layers Dense --most 64  what each unit looks for
  cnn filters cnn32 --weights keras.npz --no-data --format json";

/// What `cnn filters` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// Layers with a kernel: names, numbers from 1, or kinds (conv, Dense); default all in the table, and in the picture the
    /// convolutions, or the Dense layers of a model without any.
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    layers: Vec<String>,

    /// What the channels look at: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA", conflicts_with = "no_data")]
    data: Option<String>,

    /// How many test images they look at, the first ones.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,

    /// Look at the kernels alone: no images, no dead channels.
    #[arg(long)]
    no_data: bool,

    /// Filters, and input channels of each, that are drawn per layer.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    most: u16,

    /// The colours of weights; red-blue has 0 in its middle.
    #[arg(long, value_enum, default_value_t = MapColors::RedBlue)]
    colormap: MapColors,

    /// The picture, .svg or .png; default NAME-filters as both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// The statistics as text or as one JSON object; with json a picture is written only where --output names one.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A layer's kernel, and what its channels did.
struct Seen {
    kernel: KernelStatistics,
    activity: Option<ChannelActivity>,
}

/// Where the channels were looked at.
struct Sample {
    data: String,
    images: usize,
}

/// Looks, draws and tells.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut saved = args.run.open()?;
    let kernels = chosen(args, &saved)?;
    let data = if args.no_data { None } else { Some(data(args, &mut saved)?) };
    let sample = data.as_ref().map(|data| Sample {
        data: data.name.clone(),
        images: data.test.len().min(args.images as usize),
    });
    let activity = match (&data, &sample) {
        (Some(data), Some(sample)) => activity(&saved, data, sample.images)?,
        _ => Vec::new(),
    };
    let with_activity = |kernel: KernelStatistics| Seen {
        activity: activity.iter().find(|one| one.layer == kernel.layer).cloned(),
        kernel,
    };
    let seen: Vec<Seen> = kernels.into_iter().map(with_activity).collect();
    let mut written = Vec::new();
    if args.output.is_some() || args.format == Format::Text {
        written = draw(args, &saved, &seen)?;
    }
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Json => json_of(&saved, &seen, sample.as_ref(), &written).to_string() + "\n",
        Format::Text => text_of(&seen, sample.as_ref()) + &written.join("\n") + "\n",
    })
}

/// Statistics of the layers that were asked for, which must have kernels; or of all that have.
fn chosen(args: &Args, saved: &SavedRun) -> Result<Vec<KernelStatistics>, Failure> {
    let mut all = kernel_statistics(&saved.model, &saved.weights);
    if args.layers.is_empty() {
        return Ok(all);
    }
    let asked = inspect::select(&saved.model, &args.layers)?;
    all.retain(|kernel| asked.contains(&kernel.index));
    if all.is_empty() {
        let layer = &saved.model.layers()[asked[0]];
        let facts = format!("its layers: {}", inspect::listed(&saved.model));
        let what = format!("{} has no kernel", layer.name);
        let help = "name convolutions or Dense layers: --layers conv,Dense";
        return Err(Failure::new(Exit::Usage, "", &what, "", &[&facts], &[help]));
    }
    Ok(all)
}

fn data(args: &Args, saved: &mut SavedRun) -> Result<Dataset, Failure> {
    let data = args.run.data(saved, args.data.as_deref());
    let data = data.map_err(|failure| failure.help("--no-data looks at the kernels alone"))?;
    pictures::fits(saved, &data)?;
    Ok(data)
}

/// What the channels do over the first images of the test split.
fn activity(saved: &SavedRun, data: &Dataset, n: usize) -> Result<Vec<ChannelActivity>, Failure> {
    let fill = |range: Range<usize>, x: &mut [f32]| {
        let indices: Vec<u32> = range.map(|at| at as u32).collect();
        data.test.fill(&indices, x, &mut vec![0; indices.len()]);
    };
    Ok(channel_activity(&saved.model, &saved.weights, n, &fill, environment::isa()?))
}

/// The picture: the layers that were asked for, or the convolutions, or whatever has a kernel.
fn draw(args: &Args, saved: &SavedRun, seen: &[Seen]) -> Result<Vec<PathBuf>, Failure> {
    let is_conv = |seen: &&Seen| seen.kernel.shape.len() == 4;
    let mut shown: Vec<&Seen> = seen.iter().filter(is_conv).collect();
    if shown.is_empty() || !args.layers.is_empty() {
        shown = seen.iter().collect();
    }
    let name = saved.model.name();
    let sheet = KernelSheet {
        title: &format!("Kernels of {name}"),
        subtitle: "one picture for each filter; where a layer has several input channels, a line for each of them",
        layers: shown.into_iter().filter_map(|seen| layer(saved, seen)).collect(),
        map: args.colormap.map(),
        most: usize::from(args.most),
    };
    let out = args.output.clone().unwrap_or_else(|| format!("{name}-filters").into());
    inspect::draw(
        &out,
        Ok(kernel_sheet(&sheet)),
        args.force,
        "choose fewer --layers, or a smaller --most",
    )
}

/// A layer's kernel as pictures; a Dense kernel that is none as a matrix.
fn layer<'a>(saved: &'a SavedRun, seen: &Seen) -> Option<LayerKernels<'a>> {
    let weights = &saved.weights[seen.kernel.range.clone()];
    let kernel =
        if let Some(shape) = kernel_pictures(&saved.model, seen.kernel.index, &seen.kernel.shape) {
            Kernels::Filters(ArrayView4::from_shape(shape, weights).ok()?)
        } else {
            let &[inputs, units] = seen.kernel.shape.as_slice() else { return None };
            Kernels::Matrix(ArrayView2::from_shape((inputs, units), weights).ok()?)
        };
    let (of, marked) = (&seen.kernel.weights, seen.activity.as_ref().map(ChannelActivity::dead));
    let dead = match marked.as_ref().map(Vec::len) {
        Some(count @ 1..) => format!(", {count} dead"),
        _ => String::new(),
    };
    let mean = format!("{:.4}", of.mean).replace('-', "−");
    let shape = times(&seen.kernel.shape);
    Some(LayerKernels {
        name: seen.kernel.layer.clone(),
        note: format!("{shape}: mean {mean}, deviation {:.4}{dead}", of.deviation),
        kernel,
        marked: marked.unwrap_or_default(),
    })
}

fn times(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// A table with a line for each layer, then what its words mean.
fn text_of(seen: &[Seen], sample: Option<&Sample>) -> String {
    let mut rows = vec![
        ["layer", "kernel", "mean", "deviation", "min", "max", "near zero"]
            .map(str::to_owned)
            .to_vec(),
    ];
    if sample.is_some() {
        rows[0].extend(["dead", "mean output"].map(str::to_owned));
    }
    rows.extend(seen.iter().map(row));
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (word, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 | 1 => write!(line, "{word:<width$}  "),
                _ => write!(line, "{word:>width$}  "),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\nnear zero: at most {:.0} % of the kernel's largest weight",
        100.0 * NEAR_ZERO
    );
    let Some(sample) = sample else { return text };
    let _ = writeln!(
        text,
        "dead: channels whose output is 0 everywhere in the first {} test images of {}",
        sample.images, sample.data
    );
    for seen in seen {
        let dead = seen.activity.as_ref().map(ChannelActivity::dead).unwrap_or_default();
        if !dead.is_empty() {
            let _ = writeln!(text, "  {}: {}", seen.kernel.layer, some(&dead));
        }
    }
    text
}

fn row(seen: &Seen) -> Vec<String> {
    let (kernel, of) = (&seen.kernel, &seen.kernel.weights);
    let mut row = vec![
        kernel.layer.clone(),
        times(&kernel.shape),
        format!("{:.4}", of.mean),
        format!("{:.4}", of.deviation),
        format!("{:.4}", of.min),
        format!("{:.4}", of.max),
        format!("{:.1} %", 100.0 * kernel.near_zero),
    ];
    if let Some(activity) = &seen.activity {
        let channels = activity.mean.len();
        let mean = activity.mean.iter().map(|&mean| f64::from(mean)).sum::<f64>() / channels as f64;
        row.push(format!(
            "{} of {channels} ({:.1} %)",
            activity.dead().len(),
            100.0 * activity.dead_share()
        ));
        row.push(format!("{mean:.4}"));
    }
    row
}

/// Numbers in one line, the first twenty.
fn some(numbers: &[usize]) -> String {
    const SHOWN: usize = 20;
    let mut words: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
    words.extend((numbers.len() > SHOWN).then(|| format!("and {} more", numbers.len() - SHOWN)));
    words.join(", ")
}

fn json_of(saved: &SavedRun, seen: &[Seen], sample: Option<&Sample>, written: &[String]) -> Value {
    let layer = |seen: &Seen| {
        let (kernel, of) = (&seen.kernel, &seen.kernel.weights);
        let activity = seen.activity.as_ref().map(|activity| {
            json!({
                "dead": activity.dead(), "dead_share": activity.dead_share(), "mean": activity.mean,
                "largest": activity.largest, "active": activity.active,
            })
        });
        json!({
            "layer": kernel.layer, "type": kernel.kind, "shape": kernel.shape,
            "mean": of.mean, "deviation": of.deviation, "min": of.min, "max": of.max,
            "near_zero": kernel.near_zero, "channels": activity,
        })
    };
    json!({
        "schema": 1, "model": saved.model.name(),
        "data": sample.map(|sample| &sample.data), "images": sample.map(|sample| sample.images),
        "layers": seen.iter().map(layer).collect::<Vec<_>>(), "files": written,
    })
}
