//! What the conformance tests share: a layer with its memory.

use cnn_kernels::Isa;
use cnn_nn::layer::{Built, Layer, Pass, Shard, Weights, Work};

/// A built layer with parameters and the memory to run `n` samples.
pub(crate) struct Bench {
    pub(crate) layer: Box<dyn Layer>,
    pub(crate) params: Vec<f32>,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    pub(crate) saved: Vec<u16>,
    pub(crate) pass: Pass,
    scratch: Vec<f32>,
}

impl Bench {
    pub(crate) fn new(built: Built, x: Vec<f32>, n: usize, params: Vec<f32>, pass: Pass) -> Self {
        let work = built.layer.work();
        Self {
            y: vec![f32::NAN; n * built.output.len()],
            saved: vec![0; n * work.saved],
            scratch: vec![0.0; work.scratch],
            layer: built.layer,
            params,
            x,
            pass,
        }
    }

    pub(crate) fn forward(&mut self) -> &[f32] {
        let packed = self.packed();
        let weights = Weights { params: &self.params, packed: &packed };
        let work = Work { saved: &mut self.saved, scratch: &mut self.scratch };
        self.layer.forward(Isa::best(), weights, &self.x, &mut self.y, work, self.pass);
        &self.y
    }

    /// dx and the parameters' gradient, added to `dw`.
    pub(crate) fn backward(&mut self, dy: &[f32], dw: &mut [f32], want_dx: bool) -> Vec<f32> {
        let packed = self.packed();
        let mut dy = dy.to_vec();
        let mut dx = vec![f32::NAN; self.x.len()];
        let weights = Weights { params: &self.params, packed: &packed };
        let shard = Shard { x: &self.x, y: &self.y, dy: &mut dy };
        let work = Work { saved: &mut self.saved, scratch: &mut self.scratch };
        self.layer.backward(
            Isa::best(),
            weights,
            shard,
            work,
            want_dx.then_some(&mut dx[..]),
            Some(dw),
            self.pass,
        );
        dx
    }

    fn packed(&self) -> Vec<f32> {
        let mut packed = vec![0.0; self.layer.packed_len()];
        self.layer.pack(&self.params, &mut packed);
        packed
    }
}
