//! loss = mean over the outputs of h(y − t), with h(e) = e²/2 up to |e| = delta and delta·(|e| − delta/2) beyond.
//!
//! Huber 1964, "Robust Estimation of a Location Parameter"; Keras's `Huber`.

use cnn_nn::layer::{BuildError, Isa, Link};
use cnn_nn::losses::{Built, CustomLoss, Reading, Rule, Targets};

/// The settings.
#[derive(Debug)]
pub(crate) struct Huber {
    /// Where the parabola ends; above 0.
    pub(crate) delta: f32,
}

impl CustomLoss for Huber {
    fn name(&self) -> &'static str {
        "Huber"
    }

    fn build(&self, outputs: usize, _: Option<Link>) -> Result<Built, BuildError> {
        let error = |key, message: String, hint: &str| BuildError {
            key,
            code: "X003",
            message,
            hint: hint.into(),
        };
        if outputs < 2 {
            let message = "this Huber wants one output for each class".to_owned();
            return Err(error(None, message, "end the model in Dense::new(classes)"));
        }
        if self.delta.is_nan() || self.delta <= 0.0 {
            let message = format!("delta = {} is not above 0", self.delta);
            return Err(error(Some("delta"), message, "delta = 1.0 is Keras's"));
        }
        let rule = Box::new(BuiltHuber { delta: self.delta });
        Ok(Built { rule, link: None, reading: Reading::Shares, smoothing: (1.0, 0.0) })
    }
}

#[derive(Debug)]
struct BuiltHuber {
    delta: f32,
}

impl Rule for BuiltHuber {
    fn evaluate(
        &self,
        _: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64 {
        let mut sum = 0.0;
        for (i, row) in y.chunks_exact(outputs).enumerate() {
            for (k, y) in row.iter().enumerate() {
                let e = y - target(targets, i, k);
                let h = if e.abs() <= self.delta {
                    e * e / 2.0
                } else {
                    self.delta * (e.abs() - self.delta / 2.0)
                };
                sum += f64::from(h) / outputs as f64;
                if let Some(dy) = dy.get_mut(i * outputs + k) {
                    *dy = e.clamp(-self.delta, self.delta) * scale / outputs as f32;
                }
            }
        }
        sum
    }
}

/// What output `k` of sample `i` should be: of a mixed pair, each class has its share.
fn target(targets: &Targets<'_>, i: usize, k: usize) -> f32 {
    let is = |label: u32| f32::from(u8::from(label as usize == k));
    let own = is(targets.labels[i]);
    match targets.mixed {
        None => own,
        Some((partners, shares)) => shares[i] * own + (1.0 - shares[i]) * is(partners[i]),
    }
}
