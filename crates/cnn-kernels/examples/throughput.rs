//! How fast each kernel runs on one core, for the shapes of the course's two networks (32 and 64 filters).
//!
//! ```text
//! cargo run --release -p cnn-kernels --example throughput [scalar|avx2|avx512]
//! ```
//! GFLOP/s count two operations for each multiply-add of the plain algorithm, so a kernel that skips zeros shows more than
//! the processor can do. The gradients here have the zeros that max pooling and relu leave in training.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

mod support;

use std::time::Instant;

use cnn_kernels::conv::{self, ConvGeometry};
use cnn_kernels::max_pool::PoolGeometry;
use cnn_kernels::{Buffer, Isa, dense, loss, update};
use support::numbers;

/// Images in a shard.
const SHARD: usize = 4;
/// Images in a batch.
const BATCH: usize = 32;

fn main() {
    let isa = std::env::args().nth(1).map_or(Some(Isa::best()), |name| Isa::named(&name));
    let Some(isa) = isa else {
        println!(
            "this processor has: {:?}",
            Isa::available().iter().map(|isa| isa.name()).collect::<Vec<_>>()
        );
        return;
    };
    println!("instruction set: {}, one core\n", isa.name());
    for filters in [32, 64] {
        network(isa, filters);
    }
}

/// Times every kernel of one training step, and prints what they add up to.
fn network(isa: Isa, f: usize) {
    println!("Conv2D {f} - MaxPooling2D - Conv2D {f} - MaxPooling2D - Dense 128 - Dense 10");
    println!("{:<28}{:>12}{:>12}", "kernel", "us/image", "GFLOP/s");
    let mut total = 0.0;
    total += convolution(isa, "conv1", support::block(28, 1, f), false);
    total += convolution(isa, "conv2", support::block(13, f, f), true);
    total += product(isa, "dense1", 25 * f, 128);
    total += product(isa, "dense2", 128, 10);
    let (logits, labels) = (numbers(1, SHARD * 10), [1, 2, 3, 4]);
    let mut dlogits = Buffer::zeros(logits.len());
    total += time("loss", SHARD, 0, || {
        loss::softmax_cross_entropy(isa, 10, &logits, &labels, 1.0, &mut dlogits);
    });
    let parameters = 9 * f + f + 9 * f * f + f + 25 * f * 128 + 128 + 1290;
    let (mut w, g) = (numbers(1, parameters), numbers(2, parameters));
    let (mut m, mut v) = (Buffer::zeros(parameters), Buffer::zeros(parameters));
    total += time("adam, per batch of 32", BATCH, 0, || {
        update::adam(isa, 1e-3, 0.1, 0.001, 1e-7, &mut w, &g, &mut m, &mut v);
    });
    println!("{:<28}{total:>12.2}   = {:.0} images/s\n", "one training step", 1e6 / total);
}

fn convolution(
    isa: Isa,
    name: &str,
    (g, p): (ConvGeometry, PoolGeometry),
    input_gradient: bool,
) -> f64 {
    let g = &g;
    let macs = SHARD * g.output_len() * g.kh * g.kw * g.c;
    let (x, kernel, bias) =
        (numbers(1, SHARD * g.input_len()), numbers(2, g.kernel_len()), numbers(3, g.f));
    let mut y = Buffer::zeros(SHARD * g.output_len());
    let (mut pooled, mut argmax) =
        (Buffer::zeros(SHARD * p.output_len()), vec![0; SHARD * p.output_len()]);
    let mut scratch = Buffer::zeros(conv::pool_scratch_len(g, &p));
    time(&format!("{name} forward, unfused"), SHARD, macs, || {
        conv::forward(isa, g, &x, &kernel, &bias, true, &mut y);
    });
    let mut total = time(&format!("{name} forward relu pool"), SHARD, macs, || {
        conv::forward_max_pool(
            isa,
            g,
            &p,
            &x,
            &kernel,
            &bias,
            true,
            &mut pooled,
            &mut argmax,
            &mut scratch,
        );
    });
    let dy = numbers(4, pooled.len());
    let mut scratch = Buffer::zeros(conv::backward_pool_scratch_len(g));
    let (mut dkernel, mut dbias) = (Buffer::zeros(kernel.len()), Buffer::zeros(g.f));
    total += time(&format!("{name} backward kernel"), SHARD, macs, || {
        let (dkernel, dbias) = (&mut dkernel, &mut dbias);
        conv::backward_max_pool_kernel(
            isa,
            g,
            &p,
            true,
            &x,
            &pooled,
            &dy,
            &argmax,
            dkernel,
            dbias,
            &mut scratch,
        );
    });
    if input_gradient {
        let (mut packed, mut dx) = (Buffer::zeros(conv::packed_len(g)), Buffer::zeros(x.len()));
        total += time(&format!("{name} transpose, per batch"), BATCH, 0, || {
            conv::transpose_kernel(g, &kernel, &mut packed);
        });
        total += time(&format!("{name} backward input"), SHARD, macs, || {
            conv::backward_max_pool_input(
                isa,
                g,
                &p,
                true,
                &packed,
                &pooled,
                &dy,
                &argmax,
                &mut dx,
                &mut scratch,
            );
        });
    }
    total
}

fn product(isa: Isa, name: &str, n_in: usize, n_out: usize) -> f64 {
    let (x, kernel, bias) = (numbers(1, SHARD * n_in), numbers(2, n_in * n_out), numbers(3, n_out));
    let (mut y, dz, mut dx) =
        (Buffer::zeros(SHARD * n_out), numbers(4, SHARD * n_out), Buffer::zeros(SHARD * n_in));
    let macs = n_in * n_out;
    let mut total = time(&format!("{name} forward"), SHARD, SHARD * macs, || {
        dense::forward(isa, n_in, n_out, &x, &kernel, &bias, &mut y);
    });
    total += time(&format!("{name} backward input"), SHARD, SHARD * macs, || {
        dense::backward_input(isa, n_in, n_out, &kernel, &dz, &mut dx);
    });
    let batch = [(&x[..], &dz[..]); BATCH / SHARD];
    let mut dkernel = Buffer::zeros(kernel.len());
    total += time(&format!("{name} backward kernel"), BATCH, BATCH * macs, || {
        dense::backward_kernel(isa, n_in, n_out, &batch, 0..n_in, &mut dkernel);
    });
    total
}

/// Prints and returns microseconds per image: the fastest of many runs.
fn time(name: &str, images: usize, macs: usize, mut run: impl FnMut()) -> f64 {
    run();
    let mut best = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_millis() < 100 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let micros = best * 1e6 / images as f64;
    let rate = 2.0 * macs as f64 / best / 1e9;
    if macs > 0 {
        println!("{name:<28}{micros:>12.2}{rate:>12.1}");
    } else {
        println!("{name:<28}{micros:>12.2}{:>12}", "-");
    }
    micros
}
