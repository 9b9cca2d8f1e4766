//! What every layer and every loss must do, as checks that anybody can run on their own ([`check_layer`], [`check_loss`]). The
//! conformance tests of this crate run them on all of its own.

use crate::engine::ClassCounts;
use crate::layer::{BuildError, Built, Isa, Layer, Link, Pass, Shape, Shard, Weights, Work};
use crate::layers::LayerSpec;
use crate::loss::{Labels, Loss, LossSpec};
use cnn_tensor::random::{Purpose, stream, uniform_f32};

/// What a layer or a loss does that it must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

/// The training pass of the checks.
const TRAIN: Pass = Pass::Train { seed: 5, step: 3, layer: 2, first: 0 };

/// Numbers between −1 and 1, the same for the same seed.
pub fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Init, 7, 7);
    (0..len).map(|_| uniform_f32(&mut random) * 2.0 - 1.0).collect()
}

/// A built layer with parameters, and the memory to run some samples through it.
#[derive(Debug)]
pub struct Bench {
    /// The layer.
    pub layer: Box<dyn Layer>,
    /// Its parameters.
    pub params: Vec<f32>,
    /// The input of all samples.
    pub x: Vec<f32>,
    /// The output that [`Bench::forward`] wrote.
    pub y: Vec<f32>,
    /// What forward keeps for backward.
    pub saved: Vec<u16>,
    /// Inference or training.
    pub pass: Pass,
    scratch: Vec<f32>,
}

impl Bench {
    /// A layer with these parameters, for the `n` samples of `x`.
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

    /// The output.
    pub fn forward(&mut self) -> &[f32] {
        let packed = self.packed();
        let weights = Weights { params: &self.params, packed: &packed };
        let work = Work { saved: &mut self.saved, scratch: &mut self.scratch };
        self.layer.forward(Isa::best(), weights, &self.x, &mut self.y, work, self.pass);
        &self.y
    }

    /// dx (all NaN unless wanted), and the parameters' gradient, which is added to `dw`. After [`Bench::forward`].
    pub fn backward(&mut self, dy: &[f32], dw: &mut [f32], want_dx: bool) -> Vec<f32> {
        let packed = self.packed();
        let mut dy = dy.to_vec();
        let mut dx = vec![f32::NAN; self.x.len()];
        let weights = Weights { params: &self.params, packed: &packed };
        let shard = Shard { x: &self.x, y: &self.y, dy: &mut dy };
        let work = Work { saved: &mut self.saved, scratch: &mut self.scratch };
        let to = want_dx.then_some(&mut dx[..]);
        self.layer.backward(Isa::best(), weights, shard, work, to, Some(dw), self.pass);
        dx
    }

    fn packed(&self) -> Vec<f32> {
        let mut packed = vec![0.0; self.layer.packed_len()];
        self.layer.pack(&self.params, &mut packed);
        packed
    }

    /// Σ r·y in f64: the number that is differentiated.
    fn projection(&mut self, r: &[f32]) -> f64 {
        self.forward().iter().zip(r).map(|(&y, &r)| f64::from(y) * f64::from(r)).sum()
    }

    /// The projection with one input (or parameter) moved by `by`.
    fn moved(&mut self, r: &[f32], is_input: bool, i: usize, by: f32) -> f64 {
        let slot = if is_input { &mut self.x[i] } else { &mut self.params[i] };
        let before = std::mem::replace(slot, *slot + by);
        let value = self.projection(r);
        if is_input {
            self.x[i] = before;
        } else {
            self.params[i] = before;
        }
        value
    }
}

/// A bench of `n` samples with random numbers and parameters between −1 and 1 (what is called a variance: ½ to 2½).
///
/// # Errors
/// As [`LayerSpec::build`].
pub fn bench(spec: &LayerSpec, input: &Shape, n: usize, pass: Pass) -> Result<Bench, BuildError> {
    let built = spec.build(input)?;
    let seed = input.len() as u64;
    let mut params = Vec::new();
    for (i, param) in built.params.iter().enumerate() {
        let shift = if param.name.ends_with("variance") { 1.5 } else { 0.0 };
        params.extend(numbers(seed + i as u64, param.len()).iter().map(|x| x + shift));
    }
    Ok(Bench::new(built, numbers(100 + seed, n * input.len()), n, params, pass))
}

/// All the checks of a layer that is built against this input: [`check_shape`], [`check_inference`], [`check_accumulation`] and
/// [`check_gradient`].
///
/// # Errors
/// The first of them that fails.
pub fn check_layer(spec: &LayerSpec, input: &[usize]) -> Result<(), Mismatch> {
    let input = &Shape::new(input);
    check_shape(spec, input)?;
    check_inference(spec, input)?;
    check_accumulation(spec, input)?;
    check_gradient(spec, input)
}

fn mismatch<T>(spec: &impl std::fmt::Debug, what: &str) -> Result<T, Mismatch> {
    Err(Mismatch(format!("{spec:?}: {what}")))
}

fn built(spec: &LayerSpec, input: &Shape, n: usize, pass: Pass) -> Result<Bench, Mismatch> {
    bench(spec, input, n, pass).or_else(|error| mismatch(spec, &error.to_string()))
}

/// The output has the declared shape: all of it is written, for 1, 3 and 5 samples.
///
/// # Errors
/// A number that is not written, or not finite.
pub fn check_shape(spec: &LayerSpec, input: &Shape) -> Result<(), Mismatch> {
    for n in [1, 3, 5] {
        if !built(spec, input, n, TRAIN)?.forward().iter().all(|y| y.is_finite()) {
            return mismatch(spec, "part of its output is not written, or not finite");
        }
    }
    Ok(())
}

/// In inference the output of a sample does not depend on the others of its batch.
///
/// # Errors
/// It does.
pub fn check_inference(spec: &LayerSpec, input: &Shape) -> Result<(), Mismatch> {
    let mut three = built(spec, input, 3, Pass::Infer)?;
    let all = three.forward().to_vec();
    let each = all.len() / 3;
    let mut one = built(spec, input, 1, Pass::Infer)?;
    one.x.copy_from_slice(&three.x[input.len()..2 * input.len()]);
    if one.forward() != &all[each..2 * each] {
        return mismatch(spec, "in inference a sample's output depends on its batch");
    }
    Ok(())
}

/// `backward` adds to the gradient of the parameters, whether the gradient of the input is wanted or not.
///
/// # Errors
/// It overwrites, or adds something else without the input's gradient.
pub fn check_accumulation(spec: &LayerSpec, input: &Shape) -> Result<(), Mismatch> {
    let mut bench = built(spec, input, 3, TRAIN)?;
    let dy = numbers(9, bench.forward().len());
    let (mut once, mut twice) = (vec![0.0; bench.params.len()], vec![0.0; bench.params.len()]);
    bench.backward(&dy, &mut once, true);
    bench.backward(&dy, &mut twice, true);
    bench.backward(&dy, &mut twice, false);
    for (i, (once, twice)) in once.iter().zip(&twice).enumerate() {
        if (2.0 * once - twice).abs() > 1e-5 * once.abs().max(1.0) {
            return mismatch(spec, &format!("dw[{i}] is {once}, but {twice} after two passes"));
        }
    }
    Ok(())
}

/// `backward` against central differences of Σ r·y, for every input and every parameter. Places where a relu or a maximum switches
/// within the difference are left out; they may be a sixth of all.
///
/// # Errors
/// The first gradient that is off by more than 0.5 %.
pub fn check_gradient(spec: &LayerSpec, input: &Shape) -> Result<(), Mismatch> {
    let mut bench = built(spec, input, 2, TRAIN)?;
    let r = numbers(11, bench.forward().len());
    let mut dw = vec![0.0; bench.params.len()];
    let dx = bench.backward(&r, &mut dw, true);
    let (mut checked, mut kinks) = (0, 0);
    let inputs = dx.iter().enumerate().map(|(i, &g)| (true, i, g));
    let params = dw.iter().enumerate().map(|(i, &g)| (false, i, g));
    for (is_input, i, gradient) in inputs.chain(params) {
        let eps = 4e-3f32;
        let up = bench.moved(&r, is_input, i, eps);
        let here = bench.moved(&r, is_input, i, 0.0);
        let down = bench.moved(&r, is_input, i, -eps);
        let e = f64::from(eps);
        let (right, left, central) = ((up - here) / e, (here - down) / e, (up - down) / (2.0 * e));
        // A switch below this moves the central difference by less than is allowed.
        if (right - left).abs() > 0.01 {
            kinks += 1;
            continue;
        }
        checked += 1;
        let error = (central - f64::from(gradient)).abs();
        // Not a number is an error too.
        if error.is_nan() || error > 5e-3 * central.abs().max(1.0) {
            let which = if is_input { "dx" } else { "dw" };
            let what = format!("{which}[{i}]: backward {gradient}, differences {central}");
            return mismatch(spec, &what);
        }
    }
    if kinks * 5 > checked {
        return mismatch(spec, &format!("{kinks} of {} points are kinks", checked + kinks));
    }
    Ok(())
}

/// The gradient of a loss, plain and of mixed pairs, against central differences, for a model with `outputs` numbers that ends in
/// `link`.
///
/// # Errors
/// A loss that does not fit, or the first gradient that is off by more than 3·10⁻⁴.
pub fn check_loss(spec: &LossSpec, outputs: usize, link: Option<Link>) -> Result<(), Mismatch> {
    let loss = Loss::new(spec, &Shape::new([outputs]), link)
        .or_else(|error| mismatch(spec, &error.to_string()))?;
    let classes = loss.classes() as u32;
    let labels: Vec<u32> = (0..7).map(|i| i % classes).collect();
    let partners: Vec<u32> = (0..7).map(|i| (i * i + 1) % classes).collect();
    let shares = [0.9, 0.2, 0.6, 0.0, 1.0, 0.45, 0.7];
    let mut y: Vec<f32> = numbers(9, 7 * outputs).iter().map(|x| 3.0 * x).collect();
    for mixed in [None, Some((&partners[..], &shares[..]))] {
        let labels = Labels { classes: &labels, mixed };
        let measure = |y: &[f32], d: &mut [f32]| {
            let mut counts = ClassCounts::new(classes as usize);
            loss.measure(Isa::best(), y, labels, true, 1.0, d, &mut counts).loss_sum
        };
        let mut gradient = vec![f32::NAN; y.len()];
        measure(&y, &mut gradient);
        for i in 0..y.len() {
            let (before, eps) = (y[i], 1.0 / 256.0);
            y[i] = before + eps;
            let up = measure(&y, &mut []);
            y[i] = before - eps;
            let slope = (up - measure(&y, &mut [])) / (2.0 * f64::from(eps));
            y[i] = before;
            let off = (slope - f64::from(gradient[i])).abs();
            if off.is_nan() || off >= 3e-4 {
                let of = if mixed.is_some() { "mixed " } else { "" };
                let what = format!("{of}dy[{i}]: {}, differences {slope}", gradient[i]);
                return mismatch(spec, &what);
            }
        }
    }
    Ok(())
}
