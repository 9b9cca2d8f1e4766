//! `cnn convolve`: a kernel laid over a picture.

mod kernel;
mod tell;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{environment, files, output};
use cnn_data::image_file::{self, Grey};
use cnn_tensor::filters::{self, Display, Filter, MAX_NUMBER, Pool, Trace};
use cnn_tensor::{Padding, course, ops::TensorError};
use cnn_viz::charts::{GridCell, ImageGrid, image_grid};
use cnn_viz::{Bitmap, Colormap};
use kernel::Kernel;
use ndarray::Array2;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn convolve                                        the course's vertical-line filter on the shipped picture
  cnn convolve photo.jpg --kernel sobel-y --pool max 2
  cnn convolve --kernel \"0 1 0; 1 -4 1; 0 1 0\" --display abs
  cnn convolve --course --kernel laplacian --pool max 2   the lab's own arithmetic, pixel for pixel
  cnn convolve --trace 120,200                        one pixel: its window, the products, the sum
  cnn convolve --list                                 the kernels that have a name";

/// What `cnn convolve` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A PNG or JPEG picture of any size, seen in grey; default the picture stairs.png of the data folder.
    image: Option<PathBuf>,

    /// A kernel: a name (`--list`), rows of numbers as "0 1 0; 1 -4 1; 0 1 0", or a file of them.
    #[arg(
        long,
        short,
        value_name = "KERNEL",
        default_value = "vertical",
        allow_hyphen_values = true
    )]
    kernel: String,

    /// Show the kernels that have a name.
    #[arg(long)]
    list: bool,

    /// Factor on every sum; default 1, or the named kernel's own (1/9 for box).
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    weight: Option<f64>,

    /// Added to every sum after that.
    #[arg(long, value_name = "B", default_value_t = 0.0, allow_negative_numbers = true)]
    bias: f64,

    /// Pixels between two windows.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    stride: u16,

    /// What lies beyond the border: `valid` (windows stay inside), `same` (zeros, the size stays), or so many zeros.
    #[arg(long, value_name = "valid|same|N", default_value = "valid", value_parser = padding, allow_hyphen_values = true)]
    padding: Padding,

    /// Pool the result: the largest or the mean of N × N pixels.
    #[arg(long, num_args = 2, value_names = ["max|average", "N"])]
    pool: Option<Vec<String>>,

    /// The rules of the course's lab: the border keeps its pixels, sums are clamped to 0..255 and lose their fraction.
    #[arg(long, conflicts_with_all = ["bias", "stride", "padding", "display"])]
    course: bool,

    /// Follow the output pixel in column X, row Y by hand.
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    trace: Option<[usize; 2]>,

    /// How numbers below 0 and above 255 are shown.
    #[arg(long, value_enum, default_value_t = Show::Clamp)]
    display: Show,

    /// The picture of before and after, .svg or .png; default IMAGE-KERNEL as both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The result alone, pixel for pixel.
    #[arg(long, value_name = "FILE.png")]
    output_image: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// What came out, as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How a number becomes a grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Show {
    /// Below 0 is black, above 255 white.
    Clamp,
    /// The sign is dropped: strong is bright.
    Abs,
    /// 0 is the middle grey.
    Shift,
    /// From the smallest number, black, to the largest, white.
    Stretch,
}

impl Show {
    fn rule(self) -> Display {
        match self {
            Self::Clamp => Display::Clamp,
            Self::Abs => Display::Abs,
            Self::Shift => Display::Shift,
            Self::Stretch => Display::Stretch,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Clamp => "below 0 black, above 255 white",
            Self::Abs => "without sign",
            Self::Shift => "0 is middle grey",
            Self::Stretch => "smallest black, largest white",
        }
    }
}

fn padding(text: &str) -> Result<Padding, String> {
    match text {
        "valid" => Ok(Padding::Valid),
        "same" => Ok(Padding::Same),
        _ => text
            .parse()
            .map(Padding::Explicit)
            .map_err(|_| "expected `valid`, `same` or a number of pixels, such as 1".to_owned()),
    }
}

fn place(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    text.split_once(',')
        .and_then(|(x, y)| Some([number(x)?, number(y)?]))
        .ok_or_else(|| "expected a column and a row, such as 120,200".to_owned())
}

/// What the kernel, and the pooling, made of the picture.
struct Done {
    filter: Filter,
    /// Before it becomes bytes.
    result: Array2<f32>,
    shown: Array2<u8>,
    pooled: Option<(Array2<f32>, Array2<u8>)>,
}

/// Convolves, writes the pictures and tells.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.list {
        return tell::list(args.format);
    }
    moderate("weight", args.weight.unwrap_or_default())?;
    moderate("bias", args.bias)?;
    let kernel = kernel::read(&args.kernel, args.weight)?;
    if let Some(path) = args.output_image.as_ref().filter(|path| files::extension(path) != "png") {
        let what = format!("{} does not end in .png", path.display());
        return Err(Failure::usage(&what, "--output-image result.png"));
    }
    let pool = args.pool.as_deref().map(|given| pool(given, args.course)).transpose()?;
    let path = args.image.clone().map_or_else(environment::default_picture, Ok)?;
    let picture = image_file::load_grey(&path)?;
    for note in &picture.notes {
        output::note(&format!("note: {}: {note}\n", path.display()));
    }
    let done = convolve(args, &picture, &kernel, pool).map_err(|error| {
        let help = match error {
            TensorError::Window { .. } => "use a smaller kernel or pool, or --padding same",
            _ => error.hint(),
        };
        Failure::usage(&error.to_string(), help)
    })?;
    let trace = args.trace.map(|[x, y]| follow(&picture, &done, [x, y])).transpose()?;
    let written = write(args, &path, &picture, &kernel, &done)?;
    tell::tell(args, &picture, &kernel, &done, trace.as_ref(), &written)
}

/// Numbers beyond these, NaN among them, would leave nothing to see.
fn moderate(what: &str, value: f64) -> Result<(), Failure> {
    if value.abs() <= MAX_NUMBER {
        return Ok(());
    }
    let message = format!("the {what} {value:?} is not between -{MAX_NUMBER} and {MAX_NUMBER}");
    let help = match what {
        "weight" => "--weight 0.1 makes a kernel of sum 10 one of sum 1",
        _ => "--bias 128 makes 0 the middle grey",
    };
    Err(Failure::usage(&message, help))
}

fn pool(given: &[String], course: bool) -> Result<(Pool, usize), Failure> {
    let [kind, size] = given else {
        return Err(Failure::usage("--pool takes a kind and a size", "--pool max 2"));
    };
    let kind = match kind.as_str() {
        "max" => Pool::Max,
        "average" => Pool::Average,
        other => {
            let what = format!("`{other}` is no pooling");
            return Err(Failure::usage(&what, "--pool max 2, or --pool average 2"));
        }
    };
    let size =
        size.parse().ok().filter(|&size| size > 0).ok_or_else(|| {
            Failure::usage(&format!("`{size}` is no size of a pool"), "--pool max 2")
        })?;
    if course && (kind, size) != (Pool::Max, 2) {
        return Err(Failure::usage(
            "the course's lab pools the maximum of 2 × 2 pixels",
            "--course --pool max 2",
        ));
    }
    Ok((kind, size))
}

fn convolve(
    args: &Args,
    picture: &Grey,
    kernel: &Kernel,
    pool: Option<(Pool, usize)>,
) -> Result<Done, TensorError> {
    if args.course {
        let shown = course::convolve(&picture.pixels.view(), &kernel.numbers, kernel.weight)?;
        let pooled = pool.map(|_| course::max_pool(&shown.view())).transpose()?;
        let pooled = pooled.map(|plane| {
            let bytes = plane.mapv(|v| v as u8);
            (plane, bytes)
        });
        let filter = course::filter(kernel.numbers.clone(), kernel.weight);
        return Ok(Done { filter, result: shown.mapv(f32::from), shown, pooled });
    }
    let stride = usize::from(args.stride);
    let filter = Filter {
        weight: kernel.weight,
        bias: args.bias,
        strides: [stride, stride],
        padding: args.padding,
        ..Filter::new(kernel.numbers.clone())
    };
    let result = filter.apply(&picture.pixels.mapv(f32::from).view())?;
    let rule = args.display.rule();
    let pooled = pool.map(|(pool, n)| pool.apply(&result.view(), n)).transpose()?;
    let pooled = pooled.map(|plane| {
        let bytes = rule.bytes(&plane.view());
        (plane, bytes)
    });
    Ok(Done { filter, shown: rule.bytes(&result.view()), result, pooled })
}

/// The pixel `[x, y]` of the result by hand.
fn follow(picture: &Grey, done: &Done, [x, y]: [usize; 2]) -> Result<Trace, Failure> {
    let (h, w) = done.result.dim();
    if x >= w || y >= h {
        let what =
            format!("there is no output pixel {x},{y}: the result has {w} columns and {h} rows");
        let help =
            format!("columns go from 0 to {}, rows from 0 to {}", w.max(1) - 1, h.max(1) - 1);
        return Err(Failure::usage(&what, &help));
    }
    done.filter
        .trace(&picture.pixels.mapv(f32::from).view(), [y, x])
        .map_err(|error| Failure::usage(&error.to_string(), error.hint()))
}

/// ` × 1/9 + 20`, without what changes nothing.
fn scaled(weight: f64, bias: f64) -> String {
    let mut text = String::new();
    if (weight - 1.0).abs() > 0.0 {
        text = format!(" × {}", tell::factor(weight));
    }
    if bias.abs() > 0.0 {
        let sign = if bias < 0.0 { "−" } else { "+" };
        let _ = write!(text, " {sign} {}", tell::factor(bias.abs()));
    }
    text
}

/// Before, after, and pooled, side by side; and the result alone.
fn write(
    args: &Args,
    path: &Path,
    picture: &Grey,
    kernel: &Kernel,
    done: &Done,
) -> Result<Vec<PathBuf>, Failure> {
    let stem = path.file_stem().map_or_else(|| "picture".into(), |stem| stem.to_string_lossy());
    let size = |plane: &Array2<u8>| format!("{} × {}", plane.ncols(), plane.nrows());
    let cell = |plane: &Array2<u8>, what: &str| {
        let label = format!("{what}, {}", size(plane));
        GridCell::new(Bitmap::from_u8(&plane.view(), Colormap::Gray), label)
    };
    let mut cells = vec![cell(&picture.pixels, "before"), cell(&done.shown, "after")];
    cells.extend(done.pooled.iter().map(|(_, bytes)| cell(bytes, "pooled")));
    let rule = if args.course {
        "the lab's rules: border kept, clamped to 0..255, fraction dropped".to_owned()
    } else {
        args.display.words().to_owned()
    };
    let title = format!("{stem} under {}", kernel.name);
    let (kh, kw) = kernel.numbers.dim();
    let numbers = if kh * kw <= 25 {
        filters::show(&kernel.numbers)
    } else {
        format!("{kh} × {kw} numbers")
    };
    let scene = image_grid(&ImageGrid {
        title: &title,
        subtitle: &format!("[{numbers}]{}; {rule}", scaled(kernel.weight, args.bias)),
        columns: cells.len(),
        cell: 360.0,
        cells: &cells,
    });
    let out =
        args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{stem}-{}", kernel.name)));
    if let Some(path) = &args.output_image {
        files::must_be_free(path, args.force)?;
    }
    let mut written = files::picture(&out, &scene, args.force)?;
    if let Some(path) = &args.output_image {
        let plane = done.pooled.as_ref().map_or(&done.shown, |(_, bytes)| bytes);
        let png = image_file::grey_png(&plane.view()).map_err(|message| {
            Failure::new(Exit::Disk, "", &message, &path.display().to_string(), &[], &[])
        })?;
        files::write(path, &png, args.force)?;
        written.push(path.clone());
    }
    Ok(written)
}
