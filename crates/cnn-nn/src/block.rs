//! Layers that hold layers: a small graph of layers and of joins of two values.
//!
//! A [`Block`] is a list of nodes in the order of computation. Each reads values that came before it: value 0 is the block's input,
//! value i + 1 is the output of node i, and the last node's output is the block's. Nothing is recorded while it runs and nothing is
//! looked up by name: the engine takes the nodes into its own list of steps at build, where they are fused, shared out and timed as any
//! other layer. On its own, for tests and for looking inside, a block runs its nodes one after the other.

mod builder;
mod join;

pub(crate) use builder::BlockBuilder;
pub use join::Join;

use crate::layer::{Layer, Link, Pass, Shard, Weights, Work};
use cnn_kernels::{Isa, reduce};
use std::ops::Range;
use std::sync::Arc;

/// A checked graph of layers; see the module.
#[derive(Debug)]
pub struct Block {
    /// Floats of one sample of the input.
    input: usize,
    nodes: Vec<Node>,
}

/// One step of a [`Block`].
#[derive(Clone, Debug)]
pub struct Node {
    /// The layer's name in the block, as its parameters have it: `conv2d_1`; of a layer in an inner block
    /// `residual/conv2d`. Empty for joins, and for what belongs to the layer that the block stands for.
    pub name: String,
    /// What is done, and to which values.
    pub op: Op,
    /// Its parameters among the block's.
    pub params: Range<usize>,
    /// Floats of one sample of its output.
    pub output: usize,
    /// Multiply-accumulates of one sample, forward.
    pub macs: u64,
}

/// What a node does. The numbers say which values it reads.
#[derive(Clone, Debug)]
pub enum Op {
    /// A layer of one value.
    Layer(Arc<dyn Layer>, usize),
    /// A join of two.
    Join(Join, [usize; 2]),
}

impl Op {
    /// The same of other values: of `value(v)` where it was of v.
    pub(crate) fn of(&self, value: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Layer(layer, x) => Self::Layer(Arc::clone(layer), value(*x)),
            Self::Join(join, inputs) => Self::Join(*join, inputs.map(value)),
        }
    }

    /// Whether a value is one of those that it reads.
    fn reads(&self, value: usize) -> bool {
        match self {
            Self::Layer(_, x) => *x == value,
            Self::Join(_, inputs) => inputs.contains(&value),
        }
    }

    fn packed_len(&self) -> usize {
        match self {
            Self::Layer(layer, _) => layer.packed_len(),
            Self::Join(..) => 0,
        }
    }
}

/// What changes where the last of these operations, which gives value `ops.len()`, is to leave away this closing function, if it
/// ends in it: places and what stands there then. Behind the function there may be layers that only look at what it gives.
pub(crate) fn without_link(ops: &[Op], link: Link) -> Option<Vec<(usize, Op)>> {
    let (Op::Layer(layer, x), before) = ops.split_last()? else { return None };
    let changed = |layer: Box<dyn Layer>| (before.len(), Op::Layer(Arc::from(layer), *x));
    if let Some(bare) = layer.without_link(link) {
        return Some(vec![changed(bare)]);
    }
    let onlooker = layer.before_link(link);
    let alone = !before.iter().any(|op| op.reads(*x));
    if !alone || onlooker.is_none() && !layer.is_reshape() {
        return None;
    }
    let mut all = without_link(before.get(..*x)?, link)?;
    all.extend(onlooker.map(changed));
    Some(all)
}

/// What a block computed: all values, and what each node keeps for the way back.
struct Trace {
    values: Vec<Vec<f32>>,
    saved: Vec<Vec<u16>>,
}

impl Block {
    /// The nodes, in the order of computation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Each node with its part of the packed parameters.
    fn packed(&self) -> impl DoubleEndedIterator<Item = (usize, &Node, Range<usize>)> {
        let mut end = 0;
        let parts: Vec<_> = (self.nodes.iter().enumerate())
            .map(|(i, node)| {
                let start = end;
                end += node.op.packed_len();
                (i, node, start..end)
            })
            .collect();
        parts.into_iter()
    }

    fn run(&self, isa: Isa, weights: Weights<'_>, x: &[f32], pass: Pass) -> Trace {
        let n = x.len() / self.input;
        let mut trace = Trace { values: vec![x.to_vec()], saved: Vec::new() };
        for (i, node) in self.nodes.iter().enumerate() {
            let mut y = vec![0.0; n * node.output];
            let mut saved = Vec::new();
            match &node.op {
                Op::Layer(layer, x) => {
                    let size = layer.work();
                    saved.resize(n * size.saved, 0);
                    let work = Work { saved: &mut saved, scratch: &mut vec![0.0; size.scratch] };
                    let params = &weights.params[node.params.clone()];
                    let weights = Weights { params, packed: &[] };
                    layer.forward(isa, weights, &trace.values[*x], &mut y, work, pass.inside(i));
                }
                Op::Join(join, inputs) => {
                    join.forward(isa, inputs.map(|v| &*trace.values[v]), &mut y);
                }
            }
            trace.values.push(y);
            trace.saved.push(saved);
        }
        trace
    }
}

impl Layer for Block {
    fn packed_len(&self) -> usize {
        self.nodes.iter().map(|node| node.op.packed_len()).sum()
    }

    fn pack(&self, params: &[f32], packed: &mut [f32]) {
        for (_, node, part) in self.packed() {
            if let Op::Layer(layer, _) = &node.op {
                layer.pack(&params[node.params.clone()], &mut packed[part]);
            }
        }
    }

    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        _: Work<'_>,
        pass: Pass,
    ) {
        let trace = self.run(isa, weights, x, pass);
        y.copy_from_slice(&trace.values[self.nodes.len()]);
    }

    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        mut dw: Option<&mut [f32]>,
        pass: Pass,
    ) {
        let mut trace = self.run(isa, weights, shard.x, pass);
        let mut gradients: Vec<Vec<f32>> =
            trace.values.iter().map(|value| vec![0.0; value.len()]).collect();
        gradients[self.nodes.len()].copy_from_slice(shard.dy);
        for (i, node, part) in self.packed().rev() {
            let (before, after) = gradients.split_at_mut(i + 1);
            let dy = &mut after[0];
            match &node.op {
                Op::Layer(layer, from) => {
                    let x = &trace.values[*from];
                    let mut of_x = vec![0.0; x.len()];
                    let mut scratch = vec![0.0; layer.work().scratch];
                    let work = Work { saved: &mut trace.saved[i], scratch: &mut scratch };
                    let params = &weights.params[node.params.clone()];
                    let weights = Weights { params, packed: &weights.packed[part] };
                    let shard = Shard { x, y: &trace.values[i + 1], dy };
                    let dw = dw.as_deref_mut().map(|dw| &mut dw[node.params.clone()]);
                    let dw = dw.filter(|dw| !dw.is_empty());
                    let dx = Some(&mut of_x[..]);
                    layer.backward(isa, weights, shard, work, dx, dw, pass.inside(i));
                    reduce::add_assign(isa, &mut before[*from], &of_x);
                }
                Op::Join(join, inputs) => {
                    let values = inputs.map(|v| &*trace.values[v]);
                    for (side, input) in inputs.iter().enumerate() {
                        join.backward(isa, side, values, dy, &mut before[*input], true);
                    }
                }
            }
        }
        if let Some(dx) = dx {
            dx.copy_from_slice(&gradients[0]);
        }
    }

    fn block(&self) -> Option<&Block> {
        Some(self)
    }

    fn without_link(&self, link: Link) -> Option<Box<dyn Layer>> {
        let ops: Vec<Op> = self.nodes.iter().map(|node| node.op.clone()).collect();
        let mut nodes = self.nodes.clone();
        for (place, op) in without_link(&ops, link)? {
            nodes[place].op = op;
        }
        Some(Box::new(Self { input: self.input, nodes }))
    }

    fn is_random(&self) -> bool {
        self.nodes.iter().any(|node| matches!(&node.op, Op::Layer(layer, _) if layer.is_random()))
    }
}
