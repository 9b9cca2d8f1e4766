//! From [`ModelSpec`] to [`Model`]: names, shapes, the arena, and limits on all of them.

use super::lint::lint;
use super::names;
use super::problem::{At, Problem};
use super::spec::{LayerEntry, ModelSpec};
use super::{Model, ModelLayer, ParamInfo, ReceptiveField};
use crate::layer::{BuildError, Built, Facts};
use crate::summary::{commas, size};
use cnn_tensor::{Shape, Window};
use std::fmt;
use std::sync::Arc;

/// How large a model may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parameters in all; default 10⁹ (4 GB as f32).
    pub params: u64,
    /// Size of an axis of the input or of a layer's output (a flattened one aside); default 2²⁰.
    pub dim: usize,
    /// Numbers in the input, or in a layer's output, per image; default 2²⁸ (1 GiB as f32).
    pub activations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { params: 1_000_000_000, dim: 1 << 20, activations: 1 << 28 }
    }
}

/// Why a model cannot be built, with the layers that could be.
#[derive(Clone, Debug)]
pub struct BuildFailure {
    /// What is wrong, in the order of the model; at least one.
    pub problems: Vec<Problem>,
    /// The model up to the first layer at fault, for a summary.
    pub partial: Model,
}

impl fmt::Display for BuildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildFailure {}

/// Height and width of the image assumed after a layer at fault, to find the mistakes of those behind it.
const PROBE: usize = 256;

impl ModelSpec {
    /// Checks the model and settles names, shapes and the arena, within the default [`Limits`].
    ///
    /// # Errors
    /// Every problem that can be found, and the layers up to the first one at fault.
    pub fn build(&self) -> Result<Model, BuildFailure> {
        self.build_within(&Limits::default())
    }

    /// As [`ModelSpec::build`], within other limits.
    ///
    /// # Errors
    /// As [`ModelSpec::build`].
    pub fn build_within(&self, limits: &Limits) -> Result<Model, BuildFailure> {
        let mut problems = Vec::new();
        if let Some(reason) = self.name.as_deref().and_then(names::refuse) {
            problems.push(Problem::error(At::Name, "M010", format!("the model's name: {reason}")));
        }
        check_input(&self.input, limits, &mut problems);
        let names = names::assign(&self.layers, &mut problems);
        let name = self.name.clone().unwrap_or_else(|| "sequential".to_owned());
        let input = Shape::new(self.input.clone());
        let model = Model { name, input, layers: Vec::new() };
        let known_input = !problems.iter().any(|problem| problem.at == At::Input);
        let mut builder = Builder::new(model, limits, known_input);
        for (entry, name) in self.layers.iter().zip(names) {
            builder.add(entry, name, &mut problems);
        }
        if self.layers.is_empty() {
            problems.push(
                Problem::error(At::Layers, "M013", "the model has no layers")
                    .hint("a classifier needs at least Flatten and Dense"),
            );
        }
        if problems.is_empty() {
            Ok(builder.model)
        } else {
            Err(BuildFailure { problems, partial: builder.model })
        }
    }
}

/// What is wrong with the layers that could be read, where some could not, and with the model if all could.
///
/// The names, and what depends on layers that could not be read, are left for when the file is mended.
pub(super) fn problems_of(input: &[usize], layers: &[Option<LayerEntry>]) -> Vec<Problem> {
    let limits = Limits::default();
    let mut problems = Vec::new();
    check_input(input, &limits, &mut problems);
    let read: Vec<LayerEntry> = layers.iter().flatten().cloned().collect();
    let mut names = names::assign(&read, &mut Vec::new()).into_iter();
    let shape = Shape::new(input.to_vec());
    let model = Model { name: String::new(), input: shape, layers: Vec::new() };
    let mut builder = Builder::new(model, &limits, problems.is_empty());
    for layer in layers {
        match layer {
            Some(entry) => builder.add(entry, names.next().unwrap_or_default(), &mut problems),
            None => builder.skip(),
        }
    }
    // Without a single parameter it is a beginning, and warnings about its end would be noise.
    if builder.sound && builder.model.param_count() > 0 {
        problems.extend(lint(&builder.model));
    }
    problems
}

fn check_input(input: &[usize], limits: &Limits, problems: &mut Vec<Problem>) {
    let example = "images are [height, width, channels]: input = [28, 28, 1]";
    let mut refuse = |code, message: String| {
        problems.push(Problem::error(At::Input, code, message).hint(example));
    };
    let len = Shape::new(input.to_vec()).len();
    if input.is_empty() || input.len() > 4 {
        refuse("M014", format!("an input has 1 to 4 axes, not {}", input.len()));
    } else if input.contains(&0) {
        refuse("M014", format!("input {input:?} has an axis of size 0"));
    } else if let Some(large) = input.iter().find(|&&dim| dim > limits.dim) {
        refuse(
            "M022",
            format!(
                "input {input:?}: {} is beyond the limit of {} for an axis",
                commas(*large as u64),
                commas(limits.dim as u64)
            ),
        );
    } else if len > limits.activations {
        refuse(
            "M022",
            format!("input {input:?} has more than {} numbers", commas(limits.activations as u64)),
        );
    }
}

/// Adds layers one by one. After the first problem it only looks for more.
struct Builder<'a> {
    model: Model,
    limits: &'a Limits,
    shape: Shape,
    field: Option<ReceptiveField>,
    params: usize,
    /// No problem so far: layers are kept.
    sound: bool,
    /// The shape is the true one, not an assumption.
    known: bool,
    index: usize,
}

impl<'a> Builder<'a> {
    fn new(model: Model, limits: &'a Limits, known: bool) -> Self {
        let shape = model.input.clone();
        let image = shape.rank() == 3;
        let field = image.then_some(ReceptiveField::PIXEL);
        let mut builder =
            Self { model, limits, shape, field, params: 0, sound: known, known, index: 0 };
        if !known {
            builder.assume();
        }
        builder
    }

    /// Goes on with an image of a size that any window fits, or with the shape as it is.
    fn assume(&mut self) {
        self.known = false;
        if let &[_, _, c] = self.shape.dims() {
            self.shape = Shape::new([PROBE, PROBE, c.clamp(1, 1024)]);
        } else if self.shape.rank() != 1 || self.shape.is_empty() {
            self.shape = Shape::new([PROBE, PROBE, 1]);
        }
    }

    /// Goes past a layer that could not be read.
    fn skip(&mut self) {
        self.index += 1;
        self.sound = false;
        self.assume();
    }

    fn add(&mut self, entry: &LayerEntry, name: String, problems: &mut Vec<Problem>) {
        let index = self.index;
        self.index += 1;
        let built = match entry.spec.build(&self.shape) {
            Ok(built) => built,
            Err(error) => {
                // Behind an assumed shape, only what a key says on its own is worth telling.
                if self.known
                    || (error.key.is_some() && !matches!(error.code, "M031" | "M032" | "M035"))
                {
                    problems.push(self.explain(index, entry, &name, &error));
                }
                self.sound = false;
                self.assume();
                return;
            }
        };
        if let Err(problem) = self.check_size(index, entry, &name, &built) {
            problems.extend(problem.map(|problem| *problem));
            self.sound = false;
            self.assume();
            return;
        }
        let layer = self.place(entry, name, built);
        self.shape = layer.output.clone();
        self.field = layer.receptive_field;
        if self.sound {
            self.params = layer.params_range().end;
            self.model.layers.push(layer);
        }
    }

    fn place(&self, entry: &LayerEntry, name: String, built: Built) -> ModelLayer {
        let mut end = self.params;
        let params = built.params.into_iter().map(|param| {
            let start = end;
            end += param.len();
            ParamInfo {
                name: format!("{name}/{}", param.name),
                shape: param.shape,
                range: start..end,
                initializer: param.initializer,
                penalty: param.penalty,
                trainable: param.trainable,
                constraint: param.constraint,
                output_axes: param.output_axes,
            }
        });
        let params: Vec<_> = params.collect();
        let Facts { windows, sees_all, macs } = built.facts;
        let receptive_field = self.field.map(|field| field.through(&windows, sees_all));
        ModelLayer {
            name,
            spec: entry.spec.clone(),
            input: self.shape.clone(),
            output: built.output,
            params,
            layer: Arc::from(built.layer),
            windows,
            macs,
            receptive_field,
            start: self.params,
        }
    }

    fn explain(&self, index: usize, entry: &LayerEntry, name: &str, error: &BuildError) -> Problem {
        let at = At::Layer { index, key: error.key };
        let message =
            format!("layer {} `{name}` ({}): {}", index + 1, entry.spec.kind(), error.message);
        let before = match index.checked_sub(1).and_then(|previous| self.model.layers.get(previous))
        {
            Some(previous) => format!("layer {index} `{}`", previous.name),
            None => "the input".to_owned(),
        };
        let note = if self.known {
            format!("{before} gives this layer {:?}", self.shape.dims())
        } else {
            String::new()
        };
        Problem::error(at, error.code, message).note(note).hint(&*error.hint)
    }

    /// Refuses a built layer that is too large, without a problem where that may be due to an assumed input.
    fn check_size(
        &self,
        index: usize,
        entry: &LayerEntry,
        name: &str,
        built: &Built,
    ) -> Result<(), Option<Box<Problem>>> {
        let key = ["filters", "units"].into_iter().find(|key| has_key(entry, key));
        let at = At::Layer { index, key };
        let title = format!("layer {} `{name}` ({})", index + 1, entry.spec.kind());
        let limits = self.limits;
        let dims = built.output.dims();
        let sized = !built.params.is_empty() || !built.facts.windows.is_empty();
        let large = dims.iter().copied().find(|&dim| sized && dim > limits.dim);
        let count = count_params(built);
        let total = count.saturating_add(self.params as u128);
        if self.known && total > u128::from(limits.params) {
            let problem = too_many_params(at, &title, count, total, limits.params);
            return Err(Some(Box::new(problem)));
        }
        if let Some(large) = large {
            let message = format!(
                "{title} gives {dims:?}: {} is beyond the limit of {} for an axis",
                commas(large as u64),
                commas(limits.dim as u64)
            );
            let own_fault = self.known || (key.is_some() && dims.last() == Some(&large));
            return Err(own_fault.then(|| Box::new(Problem::error(at, "M022", message))));
        }
        if built.output.len() > limits.activations {
            let most = commas(limits.activations as u64);
            let message =
                format!("{title} gives {dims:?} for each image: more than {most} numbers");
            let problem = Problem::error(at, "M022", message);
            let hint = "use strides, a smaller padding or fewer filters";
            return Err(self.known.then(|| Box::new(problem.hint(hint))));
        }
        if total > u128::from(limits.params) { Err(None) } else { Ok(()) }
    }
}

fn count_params(built: &Built) -> u128 {
    let size = |shape: &[usize]| shape.iter().fold(1_u128, |n, &dim| n.saturating_mul(dim as u128));
    built.params.iter().fold(0, |sum, param| sum.saturating_add(size(&param.shape)))
}

fn too_many_params(at: At, title: &str, own: u128, total: u128, limit: u64) -> Problem {
    let count = |n: u128| u64::try_from(n).map_or_else(|_| "more than 1.8e19".to_owned(), commas);
    let bytes = u64::try_from(total.saturating_mul(4))
        .map_or_else(|_| "beyond any memory".to_owned(), size);
    let all = if own == total {
        String::new()
    } else {
        format!(", {} with the layers before it", count(total))
    };
    let message = format!(
        "{title} has {} parameters{all} ({bytes}): the limit is {}",
        count(own),
        commas(limit)
    );
    let hint = "pool or stride before `Flatten`, or use fewer units or filters";
    Problem::error(at, "M021", message).hint(hint)
}

/// Whether the layer's spec has such a key.
fn has_key(entry: &LayerEntry, key: &str) -> bool {
    use crate::config::write::{Node, node};
    matches!(node(&entry.spec), Ok(Node::Table(entries)) if entries.iter().any(|(other, _)| other == key))
}

impl ReceptiveField {
    /// That of a single pixel.
    pub(crate) const PIXEL: Self = Self::Window { size: [1, 1], step: [1, 1] };

    /// The field behind one more layer: for each of its windows r′ = r + (k − 1)·j, j′ = j·s along each axis, with k the span of a
    /// dilated window. `sees_all` is that of [`Facts`].
    pub(crate) fn through(self, windows: &[[Window; 2]], sees_all: bool) -> Self {
        if sees_all {
            return Self::Whole;
        }
        windows.iter().fold(self, |field, windows| match field {
            Self::Whole => Self::Whole,
            Self::Window { size, step } => {
                let grown = |axis: usize| {
                    size[axis].saturating_add((windows[axis].span() - 1).saturating_mul(step[axis]))
                };
                let wider = |axis: usize| step[axis].saturating_mul(windows[axis].stride);
                Self::Window { size: [grown(0), grown(1)], step: [wider(0), wider(1)] }
            }
        })
    }
}
