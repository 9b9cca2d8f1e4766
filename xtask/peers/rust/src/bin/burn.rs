//! Burn: trains with its Flex back end, answers with its ndarray back end, each the quicker one for it.

use anyhow::{Context as _, Result};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use peers::{LEARNING_RATE, Mode, Network, PIXELS, Peer};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Module, Debug)]
struct Net {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    hidden: Linear,
    last: Linear,
    #[module(skip)]
    pooled: Vec<bool>,
}

impl Net {
    fn new(network: &Network, device: &Device) -> Self {
        let layers = network.convolutions.iter();
        Self {
            convolutions: layers
                .clone()
                .map(|c| Conv2dConfig::new([c.channels, c.filters], [3, 3]).init(device))
                .collect(),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            hidden: LinearConfig::new(network.flat, 128).init(device),
            last: LinearConfig::new(128, 10).init(device),
            pooled: layers.map(|c| c.pooled).collect(),
        }
    }

    fn logits(&self, mut x: Tensor<4>) -> Tensor<2> {
        for (convolution, &pooled) in self.convolutions.iter().zip(&self.pooled) {
            x = relu(convolution.forward(x));
            if pooled {
                x = self.pool.forward(x);
            }
        }
        self.last.forward(relu(self.hidden.forward(x.flatten::<2>(1, 3))))
    }
}

struct Burn {
    device: Device,
    /// Taken while a step makes the next one of it.
    net: Option<Net>,
    loss_of: CrossEntropyLoss,
    optimizer: ModuleOptimizer,
    loss: Option<Tensor<1>>,
}

impl Burn {
    #[expect(
        deprecated,
        reason = "its ndarray back end is going away, and answers more than twice as fast as Flex"
    )]
    fn new(network: &Network, mode: Mode) -> Self {
        let device = match mode {
            Mode::Infer => Device::ndarray(),
            Mode::Train | Mode::Cold => Device::flex().autodiff(),
        };
        Self {
            net: Some(Net::new(network, &device)),
            loss_of: CrossEntropyLossConfig::new().init(&device),
            optimizer: AdamConfig::new().with_epsilon(1e-7).init(),
            loss: None,
            device,
        }
    }

    fn images(&self, images: Vec<f32>) -> Tensor<4> {
        let n = images.len() / PIXELS;
        Tensor::from_data(TensorData::new(images, [n, 1, 28, 28]), &self.device)
    }
}

impl Peer for Burn {
    fn step(&mut self, images: Vec<f32>, labels: &[u8]) -> Result<()> {
        let images = self.images(images);
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let shape = [labels.len()];
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, shape), &self.device);
        let net = self.net.take().context("no network")?;
        let loss = self.loss_of.forward(net.logits(images), labels);
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        self.net = Some(self.optimizer.step(LEARNING_RATE, net, gradients));
        self.loss = Some(loss.inner());
        Ok(())
    }

    fn sync(&mut self) -> Result<f32> {
        self.device.sync()?;
        Ok(self.loss.clone().context("no step was taken")?.into_scalar::<f32>())
    }

    fn answer(&mut self, images: &[f32]) -> Result<Vec<f32>> {
        let images = self.images(images.to_vec());
        let net = self.net.as_ref().context("no network")?;
        Ok(softmax(net.logits(images), 1).into_data().try_to_vec::<f32>()?)
    }
}

fn main() -> Result<()> {
    peers::run(json!({"burn": "0.22.1"}), |network, mode| Ok(Burn::new(network, mode)))
}
