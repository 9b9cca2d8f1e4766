//! What `cnn convolve` says: the result, a pixel followed by hand, the kernels that have a name.

use super::kernel::Kernel;
use super::{Args, Done};
use crate::args::Format;
use crate::failure::Failure;
use crate::output;
use cnn_data::image_file::Grey;
use cnn_tensor::filters::{self, NAMED, Trace};
use ndarray::Array2;
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The result on stdout.
pub(super) fn tell(
    args: &Args,
    picture: &Grey,
    kernel: &Kernel,
    done: &Done,
    trace: Option<&Trace>,
    written: &[PathBuf],
) -> Result<(), Failure> {
    let (h, w) = picture.pixels.dim();
    let (oh, ow) = done.result.dim();
    let range = done
        .result
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if args.format == Format::Json {
        let rows = |plane: &Array2<f64>| {
            plane.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>()
        };
        let trace = trace.map(|trace| {
            let window: Vec<Vec<Option<f64>>> = trace.window.rows().into_iter().map(|row| row.to_vec()).collect();
            json!({
                "window": window, "products": rows(&trace.products), "sum": trace.sum, "result": trace.result,
                "shown": args.trace.map(|[x, y]| done.shown[[y, x]]),
            })
        });
        let object = json!({
            "schema": 1, "kernel": kernel.name, "numbers": rows(&kernel.numbers), "weight": kernel.weight,
            "bias": args.bias, "course": args.course, "input": [h, w], "output": [oh, ow],
            "pooled": done.pooled.as_ref().map(|(plane, _)| [plane.nrows(), plane.ncols()]),
            "smallest": range.0, "largest": range.1, "trace": trace, "files": written,
        });
        return output::result(&format!("{object}\n"));
    }
    let mut text = String::new();
    if let (Some(trace), Some(at)) = (trace, args.trace) {
        text += &by_hand(args, kernel, done, trace, at);
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{w} × {h} pixels → {ow} × {oh}, numbers from {} to {}",
        short(f64::from(range.0)),
        short(f64::from(range.1))
    );
    if let Some((plane, _)) = &done.pooled {
        let _ = writeln!(text, "pooled → {} × {}", plane.ncols(), plane.nrows());
    }
    let odd = args.course && done.pooled.is_some() && (ow % 2 == 1 || oh % 2 == 1);
    if odd {
        text += "a side is odd: its last pixels are dropped (the lab's own loop stops with an error here)\n";
    }
    text += &written.join("\n");
    text.push('\n');
    output::result(&text)
}

/// A pixel followed: window, kernel and products beside each other, then the sum and what became of it.
fn by_hand(args: &Args, kernel: &Kernel, done: &Done, trace: &Trace, [x, y]: [usize; 2]) -> String {
    let [top, left] = trace.first;
    let mut text = format!(
        "output pixel {x},{y} (column, row): its window begins at column {left}, row {top}\n"
    );
    let columns: [Vec<Vec<String>>; 3] = [
        trace
            .window
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| v.map_or_else(|| "·".to_owned(), short)).collect())
            .collect(),
        kernel
            .numbers
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| short(*v)).collect())
            .collect(),
        trace
            .products
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| short(*v)).collect())
            .collect(),
    ];
    let wide = columns
        .each_ref()
        .map(|rows| rows.iter().flatten().map(|word| word.chars().count()).max().unwrap_or(1));
    for row in 0..kernel.numbers.nrows() {
        for (i, (rows, width)) in columns.iter().zip(wide).enumerate() {
            text += match (i, row == kernel.numbers.nrows() / 2) {
                (0, _) => "  ",
                (1, true) => "   ×   ",
                (_, true) => "   =   ",
                _ => "       ",
            };
            let words: Vec<String> =
                rows[row].iter().map(|word| format!("{word:>width$}")).collect();
            text += &words.join(" ");
        }
        text.push('\n');
    }
    let border = trace.window.iter().any(Option::is_none);
    let _ = writeln!(text, "  sum {}", short(trace.sum));
    let _ = writeln!(
        text,
        "  × weight {} + bias {} = {}",
        factor(kernel.weight),
        factor(args.bias),
        short(trace.result)
    );
    let shown = done.shown[[y, x]];
    let _ = if args.course && border {
        writeln!(text, "  the window leaves the image: the lab keeps the pixel, {shown}")
    } else if args.course {
        writeln!(text, "  clamped to 0..255, fraction dropped: {shown}")
    } else {
        writeln!(
            text,
            "  shown as grey {shown} ({}){}",
            args.display.words(),
            if border { "; · lies beyond the image and counts as 0" } else { "" }
        )
    };
    text
}

/// The kernels that have a name.
pub(super) fn list(format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let all: Vec<_> = NAMED
            .iter()
            .map(|named| json!({ "name": named.name, "about": named.about, "rows": named.rows, "weight": named.weight }))
            .collect();
        return output::result(&format!("{}\n", json!({ "schema": 1, "kernels": all })));
    }
    let mut text = String::new();
    for named in NAMED {
        let weight = match named.weight {
            1.0 => String::new(),
            weight => format!(" × {}", factor(weight)),
        };
        let _ = writeln!(
            text,
            "{:<11} {:<50} [{}]{weight}",
            named.name,
            named.about,
            filters::show(&named.kernel())
        );
    }
    output::result(&text)
}

/// A number without digits that say nothing.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A factor as people write it: `0.1`, but `1/16` and `1/256`.
pub(super) fn factor(weight: f64) -> String {
    let text = short(weight);
    let whole = (1.0 / weight).round();
    let exact = text.parse() == Ok(weight);
    if text.len() > 4 && whole.abs() >= 2.0 && (weight * whole - 1.0).abs() < 1e-12 {
        let sign = if whole < 0.0 { "-" } else { "" };
        return format!("{sign}1/{}", whole.abs());
    }
    if exact { text } else { weight.to_string() }
}
