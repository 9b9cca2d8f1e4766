//! Candle, with the AVX-512 kernels of the gemm crate.

use anyhow::{Context as _, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::{
    AdamW, Conv2d, Conv2dConfig, Linear, Module as _, Optimizer as _, ParamsAdamW, VarBuilder,
    VarMap, conv2d, linear, loss, ops,
};
use peers::{LEARNING_RATE, Mode, Network, PIXELS, Peer};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Net {
    convolutions: Vec<(Conv2d, bool)>,
    hidden: Linear,
    last: Linear,
}

impl Net {
    fn new(network: &Network, vars: &VarBuilder<'_>) -> Result<Self> {
        let mut convolutions = Vec::new();
        for (i, c) in network.convolutions.iter().enumerate() {
            let name = vars.pp(format!("conv{i}"));
            let layer = conv2d(c.channels, c.filters, 3, Conv2dConfig::default(), name)?;
            convolutions.push((layer, c.pooled));
        }
        let hidden = linear(network.flat, 128, vars.pp("hidden"))?;
        Ok(Self { convolutions, hidden, last: linear(128, 10, vars.pp("last"))? })
    }

    fn logits(&self, images: Tensor) -> Result<Tensor> {
        let mut x = images;
        for (convolution, pooled) in &self.convolutions {
            x = convolution.forward(&x)?.relu()?;
            if *pooled {
                x = x.max_pool2d(2)?;
            }
        }
        let hidden = self.hidden.forward(&x.flatten_from(1)?)?.relu()?;
        Ok(self.last.forward(&hidden)?)
    }
}

struct Candle {
    net: Net,
    optimizer: AdamW,
    loss: Option<Tensor>,
}

impl Candle {
    fn new(network: &Network, mode: Mode) -> Result<Self> {
        let vars = VarMap::new();
        let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let mut net = Net::new(network, &builder)?;
        if mode == Mode::Infer {
            // Over plain tensors, so that no graph is recorded.
            let vars = vars.data().lock().map_err(|_| anyhow::anyhow!("a lock is poisoned"))?;
            let plain = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().detach()));
            let plain = VarBuilder::from_tensors(plain.collect(), DType::F32, &Device::Cpu);
            net = Net::new(network, &plain)?;
        }
        let adam = ParamsAdamW { lr: LEARNING_RATE, weight_decay: 0.0, ..Default::default() };
        Ok(Self { net, optimizer: AdamW::new(vars.all_vars(), adam)?, loss: None })
    }
}

impl Peer for Candle {
    fn step(&mut self, images: Vec<f32>, labels: &[u8]) -> Result<()> {
        let labels: Vec<u32> = labels.iter().map(|&label| u32::from(label)).collect();
        let n = labels.len();
        let images = Tensor::from_vec(images, (n, 1, 28, 28), &Device::Cpu)?;
        let labels = Tensor::from_vec(labels, n, &Device::Cpu)?;
        let loss = loss::cross_entropy(&self.net.logits(images)?, &labels)?;
        self.optimizer.backward_step(&loss)?;
        self.loss = Some(loss.detach());
        Ok(())
    }

    fn sync(&mut self) -> Result<f32> {
        Ok(self.loss.as_ref().context("no step was taken")?.to_scalar()?)
    }

    fn answer(&mut self, images: &[f32]) -> Result<Vec<f32>> {
        let shape = (images.len() / PIXELS, 1, 28, 28);
        let logits = self.net.logits(Tensor::from_slice(images, shape, &Device::Cpu)?)?;
        Ok(ops::softmax_last_dim(&logits)?.flatten_all()?.to_vec1()?)
    }
}

fn main() -> Result<()> {
    peers::run(json!({"candle": "0.11.1"}), Candle::new)
}
