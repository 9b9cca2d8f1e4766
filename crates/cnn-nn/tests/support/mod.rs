//! What the conformance tests share: a layer with its memory, and numbers that look random.

use cnn_kernels::Isa;
use cnn_nn::layer::{Built, Layer, Pass, Shard, Weights, Work};
use cnn_tensor::random::{Purpose, stream, uniform_f32};

/// Numbers between −1 and 1, the same for the same seed.
pub fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Init, 7, 7);
    (0..len).map(|_| uniform_f32(&mut random) * 2.0 - 1.0).collect()
}

/// A built layer with parameters and the memory to run `n` samples.
pub struct Bench {
    pub layer: Box<dyn Layer>,
    pub params: Vec<f32>,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub saved: Vec<u16>,
    pub pass: Pass,
    scratch: Vec<f32>,
}

impl Bench {
    pub fn new(built: Built, x: Vec<f32>, n: usize, params: Vec<f32>, pass: Pass) -> Self {
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

    pub fn forward(&mut self) -> &[f32] {
        let packed = self.packed();
        let weights = Weights { params: &self.params, packed: &packed };
        let work = Work { saved: &mut self.saved, scratch: &mut self.scratch };
        self.layer.forward(Isa::best(), weights, &self.x, &mut self.y, work, self.pass);
        &self.y
    }

    /// dx and the parameters' gradient, added to `dw`.
    pub fn backward(&mut self, dy: &[f32], dw: &mut [f32], want_dx: bool) -> Vec<f32> {
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

    /// Σ r·y in f64: the scalar that the gradient checks differentiate.
    pub fn projection(&mut self, r: &[f32]) -> f64 {
        self.forward().iter().zip(r).map(|(&y, &r)| f64::from(y) * f64::from(r)).sum()
    }

    fn packed(&self) -> Vec<f32> {
        let mut packed = vec![0.0; self.layer.packed_len()];
        self.layer.pack(&self.params, &mut packed);
        packed
    }
}

/// Floats in a built layer's parameters.
pub fn param_len(built: &Built) -> usize {
    built.params.iter().map(|p| p.shape.iter().product::<usize>()).sum()
}
