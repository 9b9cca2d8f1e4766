//! Where a batch's numbers stop being numbers.

use super::Engine;

/// A number of a forward pass that is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotFinite {
    /// Position in the model of the layer that gives it (the first of several that are computed as one); `None` for the input.
    pub layer: Option<usize>,
    /// Position of the sample in the batch.
    pub sample: usize,
    /// Position in that sample's numbers, row-major.
    pub index: usize,
    /// NaN, inf or -inf.
    pub value: f32,
}

impl Engine {
    /// The first number of the last training step's forward pass, on a batch of `n`, that is NaN or infinite: the first layer in
    /// the order of the computation, and of its outputs the first. `None` where all are finite: then it is the loss.
    pub fn first_not_finite(&self, n: usize) -> Option<NotFinite> {
        let shards = &self.shards[..n.div_ceil(self.shard_size).min(self.shards.len())];
        let slots = std::iter::once(0).chain(self.program.steps.iter().map(|step| step.y));
        slots.into_iter().find_map(|slot| {
            let len = self.program.slots[slot].max(1);
            shards.iter().enumerate().find_map(|(shard, of)| {
                let values = of.act(&self.program, slot);
                let at = values.iter().position(|x| !x.is_finite())?;
                let sample = shard * self.shard_size + at / len;
                Some(NotFinite {
                    layer: self.layer_of(slot),
                    sample,
                    index: at % len,
                    value: values[at],
                })
            })
        })
    }

    fn layer_of(&self, slot: usize) -> Option<usize> {
        if slot == 0 {
            return None;
        }
        let whole = self.program.outputs.iter().position(|&output| output == slot);
        // Inside a block: its layer.
        whole.or_else(|| {
            self.program.steps.iter().find(|step| step.y == slot).map(|step| step.index)
        })
    }
}
