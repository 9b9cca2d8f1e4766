//! A model as a list of steps: blocks taken apart, reshapes gone, pairs fused, the softmax left to the loss, and cut into segments.

use crate::block::{Join, Op, without_link};
use crate::layer::{BatchStatistics, Layer, Link, WholeBatch, WorkSize, inside};
use crate::model::Model;
use crate::regularizer::OutputPenalty;
use std::ops::Range;
use std::sync::Arc;

/// One layer (or a fused pair), or one join, at its place.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    /// Position of the (last) layer in the model.
    pub(super) index: usize,
    /// What its random numbers are drawn for: the position, or the place in a block at that position.
    pub(super) number: usize,
    /// Its parameters in the arena.
    pub(super) params: Range<usize>,
    /// Those of them that the optimizer changes: the first ones.
    pub(super) trained: Range<usize>,
    /// Its part of the packed parameters.
    pub(super) packed: Range<usize>,
    /// Its part of a shard's own gradient; empty where the gradient is computed over the whole batch.
    pub(super) dw: Range<usize>,
    /// Its part of what a shard knows of the batch's statistics.
    pub(super) part: Range<usize>,
    /// Input slots; both the same for a layer.
    pub(super) inputs: [usize; 2],
    /// Output slot, behind those of its inputs.
    pub(super) y: usize,
    /// For each input: whether its slot's gradient is already begun, by a step that comes later and so goes back earlier.
    pub(super) adds: [bool; 2],
    pub(super) work: WorkSize,
    /// Multiply-adds of one sample, forward, as the plain algorithm has them.
    pub(super) macs: u64,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum StepKind {
    Layer(Arc<dyn Layer>),
    Join(Join),
}

impl Step {
    /// The layer, if it is one.
    pub(super) fn layer(&self) -> Option<&dyn Layer> {
        match &self.kind {
            StepKind::Layer(layer) => Some(&**layer),
            StepKind::Join(_) => None,
        }
    }

    /// The slots that it reads: one for a layer, two for a join.
    fn sources(&self) -> &[usize] {
        match self.kind {
            StepKind::Layer(_) => &self.inputs[..1],
            StepKind::Join(_) => &self.inputs,
        }
    }

    pub(super) fn whole_batch(&self) -> Option<&dyn WholeBatch> {
        self.layer()?.whole_batch()
    }

    pub(super) fn batch_statistics(&self) -> Option<&dyn BatchStatistics> {
        self.layer()?.batch_statistics()
    }

    pub(super) fn output_penalty(&self) -> Option<OutputPenalty> {
        self.layer()?.output_penalty()
    }

    /// The slot of a layer's input, or of a join's first.
    pub(super) fn x(&self) -> usize {
        self.inputs[0]
    }
}

/// Parameters from which on a step is **wide**: in training it is run over the whole batch at once, cut by parameters, so that
/// its kernel is read once and not again for each shard. Two barriers cost less than that from about here on.
const WIDE: usize = 1 << 15;

/// Steps in order, and the sizes that memory is cut to.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// The wide steps, in order.
    pub(super) wide: Vec<usize>,
    /// What lies before, between and after the wide steps: one more than there are of them, and some may be empty.
    pub(super) stages: Vec<Range<usize>>,
    /// The steps at which all shards meet in training, in order: the wide ones, and those that use statistics of the batch.
    pub(super) meetings: Vec<usize>,
    /// What lies before, between and after the meetings. In training a shard is carried through a segment while it is hot.
    pub(super) segments: Vec<Range<usize>>,
    /// Floats per sample in each slot; slot 0 is the input.
    pub(super) slots: Vec<usize>,
    /// Whether a slot lies inside a stage: written and read there, and nowhere else.
    pub(super) inner: Vec<bool>,
    /// Whether a slot depends on parameters that are trained: only then its gradient is needed.
    pub(super) learns: Vec<bool>,
    /// Model layer → slot that holds its output. With fusion, a convolution's slot is its pooling's.
    pub(super) outputs: Vec<usize>,
    pub(super) packed_len: usize,
    /// Floats of gradient that a shard keeps for itself.
    pub(super) dw_len: usize,
    /// Floats that a shard knows of the batch's statistics.
    pub(super) part_len: usize,
    /// Floats per sample of the largest input gradient that is added to one already begun.
    pub(super) spare_len: usize,
    pub(super) scratch_len: usize,
    pub(super) params_len: usize,
}

/// A step before it has slots: a layer of the model, or a node of a block. It reads values, of which number 0 is the model's input
/// and number i + 1 is what item i gives.
struct ItemOfModel {
    op: Op,
    index: usize,
    number: usize,
    params: Range<usize>,
    trained: Range<usize>,
    output: usize,
    macs: u64,
}

impl Program {
    /// Lowers the model. `fuse` merges pairs of layers and finds wide ones; `link` removes that closing function.
    pub(super) fn new(model: &Model, fuse: bool, link: Option<Link>) -> Self {
        let mut program = Self {
            steps: Vec::new(),
            wide: Vec::new(),
            stages: Vec::new(),
            meetings: Vec::new(),
            segments: Vec::new(),
            slots: vec![model.input().len()],
            inner: Vec::new(),
            learns: vec![false],
            outputs: Vec::new(),
            packed_len: 0,
            dw_len: 0,
            part_len: 0,
            spare_len: 0,
            scratch_len: 0,
            params_len: model.param_count(),
        };
        let mut items = flatten(model);
        if let Some(link) = link {
            remove_link(&mut items, link);
        }
        let readers = readers(&items);
        // Value → slot.
        let mut slots = vec![0];
        program.outputs = vec![0; model.layers().len()];
        let mut i = 0;
        while let Some(item) = items.get(i) {
            let mut last = i;
            match &item.op {
                Op::Layer(layer, x) if layer.is_reshape() => slots.push(slots[*x]),
                Op::Layer(layer, x) => {
                    let next = items.get(i + 1).filter(|_| fuse && readers[i + 1] == 1);
                    let fused = next.and_then(|next| match &next.op {
                        Op::Layer(next, x) if *x == i + 1 => layer.fuse(&**next),
                        _ => None,
                    });
                    last += usize::from(fused.is_some());
                    let layer = fused.map_or_else(|| Arc::clone(layer), Arc::from);
                    let x = slots[*x];
                    program.push(StepKind::Layer(layer), [x, x], &items[i..=last]);
                    slots.resize(last + 2, program.slots.len() - 1);
                }
                Op::Join(join, inputs) => {
                    let inputs = inputs.map(|value| slots[value]);
                    program.push(StepKind::Join(*join), inputs, &items[i..=i]);
                    slots.push(program.slots.len() - 1);
                }
            }
            for item in &items[i..=last] {
                program.outputs[item.index] = slots[last + 1];
            }
            i = last + 1;
        }
        program.cut(fuse);
        program.find_additions();
        program
    }

    fn push(&mut self, kind: StepKind, inputs: [usize; 2], items: &[ItemOfModel]) {
        let (first, last) = (&items[0], &items[items.len() - 1]);
        let layer = match &kind {
            StepKind::Layer(layer) => Some(&**layer),
            StepKind::Join(_) => None,
        };
        let y = self.slots.len();
        self.slots.push(last.output);
        let learns = !first.trained.is_empty() || inputs.iter().any(|&x| self.learns[x]);
        self.learns.push(learns);
        let own = match layer {
            Some(layer) if layer.whole_batch().is_none() => first.params.len(),
            _ => 0,
        };
        let packed = grow(&mut self.packed_len, layer.map_or(0, Layer::packed_len));
        let dw = grow(&mut self.dw_len, own);
        let statistics = layer.and_then(Layer::batch_statistics);
        let part = grow(&mut self.part_len, statistics.map_or(0, BatchStatistics::part_len));
        let work = layer.map(Layer::work).unwrap_or_default();
        self.scratch_len = self.scratch_len.max(work.scratch);
        self.steps.push(Step {
            kind,
            index: last.index,
            number: last.number,
            params: first.params.clone(),
            trained: first.trained.clone(),
            packed,
            dw,
            part,
            inputs,
            y,
            adds: [false; 2],
            work,
            macs: items.iter().map(|item| item.macs).sum(),
        });
    }

    /// Finds the steps where shards meet, and what lies between them.
    fn cut(&mut self, wide: bool) {
        // Of each slot: how many steps read it, and the last of them.
        let mut readers = vec![(0, 0); self.slots.len()];
        for (i, step) in self.steps.iter().enumerate() {
            for &slot in step.sources() {
                readers[slot] = (readers[slot].0 + 1, i);
            }
        }
        let is_wide = |step: &Step| {
            // What hands its input's gradient back for the whole batch at once is the only one to do so.
            let large = wide && step.params.len() >= WIDE && step.whole_batch().is_some();
            large && readers[step.x()].0 == 1
        };
        let all = 0..self.steps.len();
        self.wide = all.clone().filter(|&i| is_wide(&self.steps[i])).collect();
        let meets =
            |i: &usize| self.wide.contains(i) || self.steps[*i].batch_statistics().is_some();
        self.meetings = all.filter(meets).collect();
        self.segments = between(&self.meetings, self.steps.len());
        self.stages = between(&self.wide, self.steps.len());
        self.inner = vec![false; self.slots.len()];
        for stage in &self.stages {
            for step in &self.steps[stage.clone()] {
                let read_beyond = readers[step.y].1 >= stage.end;
                let counted = step.output_penalty().is_some();
                self.inner[step.y] = !read_beyond && !counted && step.y != self.output();
            }
        }
    }

    /// Finds out which gradients are added to others.
    fn find_additions(&mut self) {
        let mut begun = vec![false; self.slots.len()];
        for step in self.steps.iter_mut().rev() {
            let sources = step.sources().len();
            for side in 0..sources {
                let slot = step.inputs[side];
                step.adds[side] = std::mem::replace(&mut begun[slot], true);
                if step.adds[side] && sources == 1 && self.learns[slot] {
                    self.spare_len = self.spare_len.max(self.slots[slot]);
                }
            }
        }
    }

    /// The slot with the network's output.
    pub(super) fn output(&self) -> usize {
        self.outputs.last().copied().unwrap_or(0)
    }

    /// The first step with something to train: no gradient is needed before it.
    pub(super) fn first_trained(&self) -> usize {
        self.steps.iter().position(|step| self.learns[step.y]).unwrap_or(self.steps.len())
    }

    /// Rows of the kernel's input that each sample has in a wide step.
    pub(super) fn rows(&self, step: usize) -> usize {
        let step = &self.steps[step];
        let inputs = step.whole_batch().map_or(1, WholeBatch::inputs);
        self.slots[step.x()] / inputs.max(1)
    }
}

/// The next `len` floats of those that `end` counts.
fn grow(end: &mut usize, len: usize) -> Range<usize> {
    let start = *end;
    *end += len;
    start..*end
}

/// What lies before, between and after the steps `at`, of `count` in all.
fn between(at: &[usize], count: usize) -> Vec<Range<usize>> {
    let begins = std::iter::once(0).chain(at.iter().map(|i| i + 1));
    let ends = at.iter().copied().chain(std::iter::once(count));
    begins.zip(ends).map(|(begin, end)| begin..end).collect()
}

/// The layers of a model, blocks taken apart.
fn flatten(model: &Model) -> Vec<ItemOfModel> {
    let mut items = Vec::new();
    for (index, layer) in model.layers().iter().enumerate() {
        let (x, start) = (items.len(), layer.params_range().start);
        let trained = |params: &Range<usize>| {
            let of = layer.params.iter().filter(|param| {
                param.trainable
                    && params.start <= param.range.start
                    && param.range.end <= params.end
            });
            params.start..of.map(|param| param.range.end).max().unwrap_or(params.start)
        };
        let Some(block) = layer.layer.block() else {
            let params = layer.params_range();
            items.push(ItemOfModel {
                op: Op::Layer(Arc::clone(&layer.layer), x),
                index,
                number: index,
                trained: trained(&params),
                params,
                output: layer.output.len(),
                macs: layer.macs,
            });
            continue;
        };
        for (i, node) in block.nodes().iter().enumerate() {
            let params = start + node.params.start..start + node.params.end;
            items.push(ItemOfModel {
                op: node.op.of(|value| x + value),
                index,
                number: inside(index, i),
                trained: trained(&params),
                params,
                output: node.output,
                macs: node.macs,
            });
        }
    }
    items
}

/// How many items read each value.
fn readers(items: &[ItemOfModel]) -> Vec<usize> {
    let mut readers = vec![0; items.len() + 1];
    for item in items {
        match &item.op {
            Op::Layer(_, x) => readers[*x] += 1,
            Op::Join(_, inputs) => inputs.iter().for_each(|x| readers[*x] += 1),
        }
    }
    readers
}

/// Takes the closing function off the last item that ends in it; behind it are reshapes and layers that only look at it.
fn remove_link(items: &mut [ItemOfModel], link: Link) {
    let ops: Vec<Op> = items.iter().map(|item| item.op.clone()).collect();
    for (place, op) in without_link(&ops, link).into_iter().flatten() {
        items[place].op = op;
    }
}
