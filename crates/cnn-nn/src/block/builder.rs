//! Puts blocks together: names, parameters and shapes of the layers inside.

use super::{Block, Join, Node, Op};
use crate::layer::{BuildError, Built, Facts, ParamSpec};
use crate::layers::{Activation, ActivityRegularization, Function, LayerSpec, Spec};
use crate::model::{Limits, ReceptiveField};
use crate::regularizer::Regularizer;
use cnn_tensor::{Shape, Window};
use std::collections::HashMap;
use std::sync::Arc;

/// A block that is being built. Values are numbered as in [`Block`].
pub(crate) struct BlockBuilder {
    nodes: Vec<Node>,
    params: Vec<ParamSpec>,
    /// Floats of the parameters so far.
    end: usize,
    /// Of each value.
    shapes: Vec<Shape>,
    /// The windows between the input and each value.
    windows: Vec<Vec<[Window; 2]>>,
    /// Of each value, whether all of it depends on all pixels of the input.
    sees_all: Vec<bool>,
    /// Layers of each name so far.
    counts: HashMap<String, usize>,
}

impl BlockBuilder {
    pub(crate) fn new(input: &Shape) -> Self {
        Self {
            nodes: Vec::new(),
            params: Vec::new(),
            end: 0,
            shapes: vec![input.clone()],
            windows: vec![Vec::new()],
            sees_all: vec![false],
            counts: HashMap::new(),
        }
    }

    /// The shape of a value.
    pub(crate) fn shape(&self, value: usize) -> &Shape {
        &self.shapes[value]
    }

    /// Adds these layers one behind the other, the first of them on value `x`; the value that the last one gives. `key` is what the
    /// list is called.
    pub(crate) fn chain(
        &mut self,
        x: usize,
        key: &'static str,
        layers: &[LayerSpec],
    ) -> Result<usize, BuildError> {
        layers.iter().enumerate().try_fold(x, |x, (i, spec)| {
            let built = spec.build(&self.shapes[x]).map_err(|error| {
                let input = self.shapes[x].dims();
                let message = format!(
                    "{key}[{i}] ({}), which is given {input:?}: {}",
                    spec.kind(),
                    error.message
                );
                BuildError { key: Some(key), message, ..error }
            })?;
            check_size(key, i, &built)?;
            self.check_params(key, i, spec, &built)?;
            Ok(self.push(x, spec.snake_name(), built))
        })
    }

    /// Refuses a layer with which the block has more parameters than a model may have.
    fn check_params(
        &self,
        key: &'static str,
        i: usize,
        spec: &LayerSpec,
        built: &Built,
    ) -> Result<(), BuildError> {
        let add = |sum: usize, param: &ParamSpec| sum.saturating_add(param.len());
        let (total, limit) = (built.params.iter().fold(self.end, add), Limits::default().params);
        if total as u64 <= limit {
            return Ok(());
        }
        let most = if total == usize::MAX { " or more" } else { "" };
        Err(BuildError {
            key: Some(key),
            code: "M021",
            message: format!(
                "with {key}[{i}] ({}) the block has {total}{most} parameters: the limit is {limit}",
                spec.kind()
            ),
            hint: "use fewer units or filters, or a smaller kernel".into(),
        })
    }

    /// Adds a built layer, its parameters under a name that begins with `stem`.
    pub(crate) fn push(&mut self, x: usize, stem: &str, mut built: Built) -> usize {
        let count = self.counts.entry(stem.to_owned()).or_default();
        let name = if *count == 0 { stem.to_owned() } else { format!("{stem}_{count}") };
        *count += 1;
        for param in &mut built.params {
            param.name = format!("{name}/{}", param.name).into();
        }
        self.push_as_is(x, &name, built)
    }

    /// Adds a built layer of this name, its parameters under their own names.
    fn push_as_is(&mut self, x: usize, name: &str, built: Built) -> usize {
        let Built { layer, output, params, facts } = built;
        let start = self.end;
        self.end = params.iter().fold(start, |end, param| end.saturating_add(param.len()));
        self.params.extend(params);
        let windows = [&self.windows[x][..], &facts.windows].concat();
        let sees_all = self.sees_all[x] || facts.sees_all;
        if let Some(block) = layer.block() {
            let first = self.shapes.len();
            for (i, node) in block.nodes.iter().enumerate() {
                let op = node.op.of(|value| if value == 0 { x } else { first + value - 1 });
                let params = start + node.params.start..start + node.params.end;
                let name = inside(name, &node.name);
                self.nodes.push(Node { name, op, params, ..*node });
                // Values inside an inner block are read by that block alone.
                self.shapes.push(if i + 1 == block.nodes.len() {
                    output.clone()
                } else {
                    Shape::new([])
                });
                self.windows.push(windows.clone());
                self.sees_all.push(sees_all);
            }
        } else {
            let op = Op::Layer(Arc::from(layer), x);
            let (name, params) = (name.to_owned(), start..self.end);
            self.nodes.push(Node { name, op, params, output: output.len(), macs: facts.macs });
            self.shapes.push(output);
            self.windows.push(windows);
            self.sees_all.push(sees_all);
        }
        self.shapes.len() - 1
    }

    /// Adds a join of two values, which gives `output`.
    pub(crate) fn join(&mut self, join: Join, inputs: [usize; 2], output: Shape) -> usize {
        let len = output.len();
        let op = Op::Join(join, inputs);
        let (name, params) = (String::new(), self.end..self.end);
        self.nodes.push(Node { name, op, params, output: len, macs: 0 });
        let [a, b] = inputs.map(|value| &self.windows[value]);
        // A gate multiplies: height and width come from what it is multiplied with.
        let gate = matches!(join, Join::Gate { .. });
        let path = if !gate && reach(b) > reach(a) { b } else { a };
        self.windows.push(path.clone());
        self.sees_all.push(inputs.iter().any(|&value| self.sees_all[value]));
        self.shapes.push(output);
        self.shapes.len() - 1
    }

    /// The block, which gives the last value. It has at least one node.
    pub(crate) fn finish(mut self) -> Built {
        let input = self.shapes[0].len();
        let output = self.shapes.pop().unwrap_or_else(|| Shape::new([]));
        let macs = self.nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(node.macs));
        Built {
            layer: Box::new(Block { input, nodes: self.nodes }),
            output,
            params: self.params,
            facts: Facts {
                windows: self.windows.pop().unwrap_or_default(),
                sees_all: self.sees_all.pop().unwrap_or_default(),
                macs,
            },
        }
    }
}

impl Built {
    /// This layer, of an `input`, with what it leaves to others after it: a function of its output, then a penalty on that. One layer,
    /// with the parameters of this one.
    pub(crate) fn followed_by(
        self,
        function: Option<Function>,
        activity: Option<Regularizer>,
        input: &Shape,
    ) -> Result<Self, BuildError> {
        let activity = Regularizer::checked(activity, "activity_regularizer")?;
        if function.is_none() && activity.is_none() {
            return Ok(self);
        }
        let mut block = BlockBuilder::new(input);
        let mut y = block.push_as_is(0, "", self);
        if let Some(activation) = function {
            let after = Activation { activation }.build(block.shape(y))?;
            y = block.push_as_is(y, "", after);
        }
        if let Some(Regularizer { l1, l2 }) = activity {
            let after = ActivityRegularization { l1, l2 }.build(block.shape(y))?;
            block.push_as_is(y, "", after);
        }
        Ok(block.finish())
    }
}

/// The name of a layer in a block that is itself in a block.
fn inside(block: &str, layer: &str) -> String {
    let parts: Vec<&str> = [block, layer].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// Refuses a layer inside whose output is beyond what a model's layer may have.
fn check_size(key: &'static str, i: usize, built: &Built) -> Result<(), BuildError> {
    let (dims, limit) = (built.output.dims(), Limits::default().activations);
    if built.output.len() <= limit {
        return Ok(());
    }
    Err(BuildError {
        key: Some(key),
        code: "M022",
        message: format!("{key}[{i}] gives {dims:?} for each image: more than {limit} numbers"),
        hint: "use strides, a smaller padding or fewer filters".into(),
    })
}

/// How far windows one behind the other see, in pixels along both axes.
fn reach(windows: &[[Window; 2]]) -> usize {
    match ReceptiveField::PIXEL.through(windows, false) {
        ReceptiveField::Window { size: [h, w], .. } => h.saturating_add(w),
        ReceptiveField::Whole => usize::MAX,
    }
}
