//! The summary with the arithmetic shown.

use super::keras::totals;
use super::numbers::{commas, size};
use super::rich::{Overflow, cells, wrap};
use crate::model::{Model, ModelLayer, ParamInfo, ReceptiveField};

/// Widest cell of a layer's name.
const MAX_NAME: usize = 40;

const HEADER: [&str; 7] =
    ["Layer (type)", "Output Shape", "Param #", "Output size", "Sees", "MACs", "Activations"];

/// Columns that stand to the right.
const RIGHT: [bool; 7] = [false, false, true, false, true, true, true];

/// The summary for terminals of 120 columns or so: beside Keras's columns, for each layer how its output size comes
/// about, the part of the input that one output sees, multiply-accumulates and the bytes of its output per image.
pub fn wide(model: &Model) -> String {
    let rows: Vec<[Vec<String>; 7]> = rows(model).into_iter().map(cells_of).collect();
    let mut widths = HEADER.map(cells);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.iter().map(|line| cells(line)).max().unwrap_or(0).max(*width);
        }
    }
    let mut out = format!("Model: \"{}\", input {}\n", model.name(), model.input());
    out.push_str("Output size: O = floor((i − f + 2p)/s) + 1 with input i, window f, padding p on each side, stride s\n\n");
    line(&mut out, &widths, &HEADER.map(|title| vec![title.to_owned()]));
    let rule: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
    out.extend(std::iter::repeat_n('─', rule));
    out.push('\n');
    for row in &rows {
        line(&mut out, &widths, row);
    }
    out.push('\n');
    let sums = [
        format!(" Multiply-accumulates: {} per image, forward", commas(model.macs())),
        format!(
            " Activations: {} per image, every layer's output kept",
            size(model.activation_bytes())
        ),
    ];
    for total in
        totals(model).iter().chain(&sums).chain(&penalties(model)).chain(&constraints(model))
    {
        out.push_str(total);
        out.push('\n');
    }
    out
}

/// What regularised parameters and outputs add to the loss; nothing where there are none.
fn penalties(model: &Model) -> Option<String> {
    let of = |param: &ParamInfo| Some(format!("{} {}", param.name, param.penalty?));
    let of_layer = |layer: &ModelLayer| {
        let outputs = layer.output_penalties().into_iter();
        let outputs =
            outputs.map(|(name, penalty)| format!("output of {name} {penalty} per image"));
        layer.params.iter().filter_map(of).chain(outputs).collect::<Vec<_>>()
    };
    let penalties: Vec<String> = model.layers().iter().flat_map(of_layer).collect();
    (!penalties.is_empty()).then(|| format!(" Penalties on the loss: {}", penalties.join(", ")))
}

/// What kernels are made to satisfy; nothing where there is nothing.
fn constraints(model: &Model) -> Option<String> {
    let of = |param: &ParamInfo| Some(format!("{} {}", param.name, param.constraint?));
    let constraints: Vec<String> = model.params().filter_map(of).collect();
    (!constraints.is_empty())
        .then(|| format!(" Constraints after every update: {}", constraints.join(", ")))
}

/// One layer of the summary, every column as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The layer's name.
    pub name: String,
    /// Keras's class name.
    pub kind: &'static str,
    /// Its output, with Keras's batch axis: `(None, 26, 26, 32)`.
    pub output: String,
    /// Number of parameters.
    pub params: usize,
    /// How the size of its output comes about, in at most two lines: `(28 − 3 + 2·0)/1 + 1 = 26`; `–` where it is as
    /// before.
    pub size: Vec<String>,
    /// The part of the input that one output sees: `3×3`, `all`, or `–` where the input is no image.
    pub sees: String,
    /// Multiply-accumulates per image.
    pub macs: u64,
    /// Bytes of its output per image, or that it is the one before.
    pub activations: String,
}

/// The layers of a model as [`wide`] shows them, for tables of another form.
pub fn rows(model: &Model) -> Vec<Row> {
    model.layers().iter().map(row).collect()
}

fn row(layer: &ModelLayer) -> Row {
    let field = layer.receptive_field;
    let bytes = size(layer.activation_bytes());
    Row {
        name: layer.name.clone(),
        kind: layer.kind(),
        output: layer.output.to_string(),
        params: layer.param_count(),
        size: derivations(layer),
        sees: field.map_or_else(|| "–".to_owned(), |field| field_text(&field)),
        macs: layer.macs,
        activations: if layer.layer.is_reshape() { "as before".to_owned() } else { bytes },
    }
}

fn cells_of(row: Row) -> [Vec<String>; 7] {
    [
        wrap(&format!("{} ({})", row.name, row.kind), MAX_NAME, Overflow::Fold),
        vec![row.output],
        vec![commas(row.params as u64)],
        row.size,
        vec![row.sees],
        vec![commas(row.macs)],
        vec![row.activations],
    ]
}

/// How the output size comes about: one line where height and width agree.
fn derivations(layer: &ModelLayer) -> Vec<String> {
    match [0, 1].map(|axis| derivation(layer, axis)) {
        [Some(h), Some(w)] if h == w => return vec![h],
        [None, None] => {}
        axes => {
            let text = |(name, text): (&str, Option<String>)| {
                format!("{name}: {}", text.as_deref().unwrap_or("–"))
            };
            return ["h", "w"].into_iter().zip(axes).map(text).collect();
        }
    }
    if layer.layer.is_reshape() && layer.input.rank() > 1 {
        let dims: Vec<String> = layer.input.dims().iter().map(ToString::to_string).collect();
        return vec![format!("{} = {}", dims.join("·"), layer.output.len())];
    }
    vec!["–".to_owned()]
}

/// How a size comes about along one axis (0 is the height): worked out for a single window, its values for several and for
/// what no window does, such as padding. `None` where it is as before.
pub(super) fn derivation(layer: &ModelLayer, axis: usize) -> Option<String> {
    let &[height, width, _] = layer.input.dims() else { return None };
    let mut sizes = vec![[height, width][axis]];
    let other = |sizes: &mut Vec<usize>, size| {
        if sizes.last() != Some(&size) {
            sizes.push(size);
        }
    };
    for window in &layer.windows {
        other(&mut sizes, window[axis].input);
        sizes.push(window[axis].output);
    }
    if let &[height, width, _] = layer.output.dims() {
        other(&mut sizes, [height, width][axis]);
    }
    match (&layer.windows[..], &sizes[..]) {
        (_, [_]) => None,
        ([window], [_, _]) => Some(window[axis].derivation()),
        _ => Some(sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")),
    }
}

fn field_text(field: &ReceptiveField) -> String {
    match field {
        ReceptiveField::Window { size: [h, w], .. } => format!("{h}×{w}"),
        ReceptiveField::Whole => "all".to_owned(),
    }
}

fn line(out: &mut String, widths: &[usize; 7], row: &[Vec<String>; 7]) {
    let height = row.iter().map(Vec::len).max().unwrap_or(1);
    for index in 0..height {
        let mut text = String::new();
        for (column, (cell, &width)) in row.iter().zip(widths).enumerate() {
            let content = cell.get(index).map_or("", String::as_str);
            let blank = " ".repeat(width - cells(content));
            text.push_str(if column > 0 { "  " } else { "" });
            text.push_str(&if RIGHT[column] {
                blank + content
            } else {
                content.to_owned() + &blank
            });
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
}
