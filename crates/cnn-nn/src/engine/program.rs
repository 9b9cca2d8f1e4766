//! A model as a list of steps: reshapes gone, pairs fused, the softmax left to the loss, and cut into segments.

use crate::layer::{Layer, Link, WholeBatch, WorkSize};
use crate::model::Model;
use std::ops::Range;
use std::sync::Arc;

/// One layer (or a fused pair) at its place.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) layer: Arc<dyn Layer>,
    /// Position of the (last) layer in the model.
    pub(super) index: usize,
    /// Its parameters in the arena.
    pub(super) params: Range<usize>,
    /// Its part of the packed parameters.
    pub(super) packed: Range<usize>,
    /// Its part of a shard's own gradient; empty where the gradient is computed over the whole batch.
    pub(super) dw: Range<usize>,
    /// Input slot; the output slot is the next step's input.
    pub(super) x: usize,
    /// Output slot.
    pub(super) y: usize,
    pub(super) work: WorkSize,
    /// Multiply-adds of one sample, forward, as the plain algorithm has them.
    pub(super) macs: u64,
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
    /// What lies before, between and after the wide steps: one more than there are of them, and some may be empty. In training
    /// a shard is carried through a segment while it is hot.
    pub(super) segments: Vec<Range<usize>>,
    /// Floats per sample in each slot; slot 0 is the input.
    pub(super) slots: Vec<usize>,
    /// Whether a slot lies inside a segment: written and read by neighbouring steps, and by nothing else.
    pub(super) inner: Vec<bool>,
    /// Model layer → slot that holds its output. With fusion, a convolution's slot is its pooling's.
    pub(super) outputs: Vec<usize>,
    pub(super) packed_len: usize,
    /// Floats of gradient that a shard keeps for itself.
    pub(super) dw_len: usize,
    pub(super) scratch_len: usize,
    pub(super) params_len: usize,
}

impl Program {
    /// Lowers the model. `fuse` merges pairs of layers and finds wide ones; `link` removes that closing function.
    pub(super) fn new(model: &Model, fuse: bool, link: Option<Link>) -> Self {
        let mut program = Self {
            steps: Vec::new(),
            wide: Vec::new(),
            segments: Vec::new(),
            slots: vec![model.input().len()],
            inner: Vec::new(),
            outputs: Vec::new(),
            packed_len: 0,
            dw_len: 0,
            scratch_len: 0,
            params_len: model.param_count(),
        };
        let layers = model.layers();
        let mut i = 0;
        while i < layers.len() {
            let first = &layers[i];
            if first.layer.is_reshape() {
                program.outputs.push(program.slots.len() - 1);
                i += 1;
                continue;
            }
            let mut layer = Arc::clone(&first.layer);
            let mut last = i;
            if fuse && let Some(fused) = layers.get(i + 1).and_then(|next| layer.fuse(&*next.layer))
            {
                layer = Arc::from(fused);
                last = i + 1;
            }
            if let Some(link) = link
                && closes_model(layers, last)
                && let Some(bare) = layer.without_link(link)
            {
                layer = Arc::from(bare);
            }
            let macs = layers[i..=last].iter().map(|layer| layer.macs).sum();
            program.push(layer, last, first.params_range(), layers[last].output.len(), macs);
            for _ in i..=last {
                program.outputs.push(program.slots.len() - 1);
            }
            i = last + 1;
        }
        program.cut(fuse);
        program
    }

    /// Finds the wide steps, and the segments between them.
    fn cut(&mut self, wide: bool) {
        let is_wide = |step: &Step| step.params.len() >= WIDE && step.layer.whole_batch().is_some();
        let mut begin = 0;
        for (i, _) in self.steps.iter().enumerate().filter(|(_, step)| wide && is_wide(step)) {
            self.wide.push(i);
            self.segments.push(begin..i);
            begin = i + 1;
        }
        self.segments.push(begin..self.steps.len());
        self.inner = vec![false; self.slots.len()];
        for segment in self.segments.iter().filter(|segment| !segment.is_empty()) {
            for step in &self.steps[segment.start..segment.end - 1] {
                self.inner[step.y] = true;
            }
        }
    }

    fn push(
        &mut self,
        layer: Arc<dyn Layer>,
        index: usize,
        params: Range<usize>,
        output: usize,
        macs: u64,
    ) {
        let x = self.slots.len() - 1;
        self.slots.push(output);
        let packed = self.packed_len..self.packed_len + layer.packed_len();
        self.packed_len = packed.end;
        let own = if layer.whole_batch().is_some() { 0 } else { params.len() };
        let dw = self.dw_len..self.dw_len + own;
        self.dw_len = dw.end;
        let work = layer.work();
        self.scratch_len = self.scratch_len.max(work.scratch);
        self.steps.push(Step { layer, index, params, packed, dw, x, y: x + 1, work, macs });
    }

    /// The slot with the network's output.
    pub(super) fn output(&self) -> usize {
        self.slots.len() - 1
    }

    /// Rows of the kernel's input that each sample has in a wide step.
    pub(super) fn rows(&self, step: usize) -> usize {
        let step = &self.steps[step];
        let inputs = step.layer.whole_batch().map_or(1, WholeBatch::inputs);
        self.slots[step.x] / inputs.max(1)
    }

    /// The first step with parameters: no gradient is needed before it.
    pub(super) fn first_trained(&self) -> usize {
        self.steps.iter().position(|step| !step.params.is_empty()).unwrap_or(self.steps.len())
    }
}

/// Whether only reshapes follow.
fn closes_model(layers: &[crate::model::ModelLayer], index: usize) -> bool {
    layers[index + 1..].iter().all(|layer| layer.layer.is_reshape())
}
