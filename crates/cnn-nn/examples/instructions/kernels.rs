//! The kernels, with the shapes of the course's networks: what one shard of four images asks of them.

#[path = "../../../cnn-kernels/examples/support/mod.rs"]
mod support;

use crate::{BATCH, Piece, Work};
use cnn_kernels::conv::{self, ConvGeometry};
use cnn_kernels::max_pool::PoolGeometry;
use cnn_kernels::{Buffer, Isa, dense, loss, update};
use support::numbers;

/// Images in a shard.
const SHARD: usize = 4;

/// Parameters of `cnn32`.
const PARAMETERS: usize = 113_386;

/// A 3 × 3 convolution without padding, relu, and 2 × 2 pooling: side and channels of the image, filters.
struct Block(usize, usize, usize);

const FIRST_32: Block = Block(28, 1, 32);
const FIRST_64: Block = Block(28, 1, 64);
const SECOND_32: Block = Block(13, 32, 32);
const SECOND_64: Block = Block(13, 64, 64);

const fn piece(name: &'static str, prepare: fn(Isa) -> Work) -> Piece {
    Piece { name, scalar: true, prepare }
}

const fn vectors_only(name: &'static str, prepare: fn(Isa) -> Work) -> Piece {
    Piece { name, scalar: false, prepare }
}

pub(crate) const PIECES: [Piece; 18] = [
    piece("conv1-32-forward", |isa| forward(isa, &FIRST_32)),
    piece("conv1-32-backward-kernel", |isa| backward_kernel(isa, &FIRST_32)),
    piece("conv1-64-forward", |isa| forward(isa, &FIRST_64)),
    piece("conv1-64-backward-kernel", |isa| backward_kernel(isa, &FIRST_64)),
    piece("conv2-32-forward", |isa| forward(isa, &SECOND_32)),
    piece("conv2-32-backward-kernel", |isa| backward_kernel(isa, &SECOND_32)),
    piece("conv2-32-backward-input", |isa| backward_input(isa, &SECOND_32)),
    vectors_only("conv2-64-forward", |isa| forward(isa, &SECOND_64)),
    vectors_only("conv2-64-backward-kernel", |isa| backward_kernel(isa, &SECOND_64)),
    vectors_only("conv2-64-backward-input", |isa| backward_input(isa, &SECOND_64)),
    piece("dense-1600x128-forward", |isa| dense_forward(isa, 1600, 128)),
    piece("dense-1600x128-backward-kernel", |isa| dense_backward_kernel(isa, 1600, 128)),
    piece("dense-1600x128-backward-input", |isa| dense_backward_input(isa, 1600, 128)),
    piece("dense-128x10-forward", |isa| dense_forward(isa, 128, 10)),
    piece("dense-128x10-backward-kernel", |isa| dense_backward_kernel(isa, 128, 10)),
    piece("dense-128x10-backward-input", |isa| dense_backward_input(isa, 128, 10)),
    piece("adam", adam),
    piece("softmax-cross-entropy", softmax_cross_entropy),
];

impl Block {
    fn geometry(&self) -> (ConvGeometry, PoolGeometry) {
        let Block(side, c, f) = *self;
        support::block(side, c, f)
    }
}

/// What a block has read and written on its way forward, and the gradient that comes back.
struct Done {
    conv: ConvGeometry,
    pool: PoolGeometry,
    x: Buffer,
    kernel: Buffer,
    y: Buffer,
    argmax: Vec<u16>,
    dy: Buffer,
    scratch: Buffer,
}

fn forward(isa: Isa, block: &Block) -> Work {
    let (g, p) = block.geometry();
    let (x, kernel) = (numbers(1, SHARD * g.input_len()), numbers(2, g.kernel_len()));
    let bias = numbers(3, g.f);
    let len = SHARD * p.output_len();
    let (mut y, mut argmax) = (Buffer::zeros(len), vec![0; len]);
    let mut scratch = Buffer::zeros(conv::pool_scratch_len(&g, &p));
    Box::new(move || {
        let (y, argmax) = (&mut y, &mut argmax);
        conv::forward_max_pool(isa, &g, &p, &x, &kernel, &bias, true, y, argmax, &mut scratch);
    })
}

/// A block after its forward pass: pooling has its winners, and relu its zeros.
fn done(isa: Isa, block: &Block) -> Done {
    let (g, p) = block.geometry();
    let (x, kernel) = (numbers(1, SHARD * g.input_len()), numbers(2, g.kernel_len()));
    let len = SHARD * p.output_len();
    let (mut y, mut argmax) = (Buffer::zeros(len), vec![0; len]);
    let mut scratch = Buffer::zeros(conv::pool_scratch_len(&g, &p));
    conv::forward_max_pool(
        isa,
        &g,
        &p,
        &x,
        &kernel,
        &numbers(3, g.f),
        true,
        &mut y,
        &mut argmax,
        &mut scratch,
    );
    let scratch = Buffer::zeros(conv::backward_pool_scratch_len(&g));
    Done { conv: g, pool: p, x, kernel, y, argmax, dy: numbers(4, len), scratch }
}

fn backward_kernel(isa: Isa, block: &Block) -> Work {
    let mut d = done(isa, block);
    let (mut dkernel, mut dbias) = (Buffer::zeros(d.kernel.len()), Buffer::zeros(d.conv.f));
    Box::new(move || {
        let (dkernel, dbias, scratch) = (&mut dkernel, &mut dbias, &mut d.scratch);
        conv::backward_max_pool_kernel(
            isa, &d.conv, &d.pool, true, &d.x, &d.y, &d.dy, &d.argmax, dkernel, dbias, scratch,
        );
    })
}

fn backward_input(isa: Isa, block: &Block) -> Work {
    let mut d = done(isa, block);
    let mut packed = Buffer::zeros(conv::packed_len(&d.conv));
    conv::transpose_kernel(&d.conv, &d.kernel, &mut packed);
    let mut dx = Buffer::zeros(d.x.len());
    Box::new(move || {
        let (dx, scratch) = (&mut dx, &mut d.scratch);
        conv::backward_max_pool_input(
            isa, &d.conv, &d.pool, true, &packed, &d.y, &d.dy, &d.argmax, dx, scratch,
        );
    })
}

fn dense_forward(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (x, kernel, bias) = (numbers(1, SHARD * n_in), numbers(2, n_in * n_out), numbers(3, n_out));
    let mut y = Buffer::zeros(SHARD * n_out);
    Box::new(move || dense::forward(isa, n_in, n_out, &x, &kernel, &bias, &mut y))
}

/// Over the whole batch, as the engine does it.
fn dense_backward_kernel(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (x, dz) = (numbers(1, BATCH * n_in), numbers(4, BATCH * n_out));
    let mut dkernel = Buffer::zeros(n_in * n_out);
    Box::new(move || {
        let shards: [(&[f32], &[f32]); BATCH / SHARD] = std::array::from_fn(|i| {
            (&x[i * SHARD * n_in..][..SHARD * n_in], &dz[i * SHARD * n_out..][..SHARD * n_out])
        });
        dense::backward_kernel(isa, n_in, n_out, &shards, 0..n_in, &mut dkernel);
    })
}

fn dense_backward_input(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (kernel, dz) = (numbers(2, n_in * n_out), numbers(4, SHARD * n_out));
    let mut dx = Buffer::zeros(SHARD * n_in);
    Box::new(move || dense::backward_input(isa, n_in, n_out, &kernel, &dz, &mut dx))
}

fn adam(isa: Isa) -> Work {
    let (mut w, g) = (numbers(1, PARAMETERS), numbers(2, PARAMETERS));
    let (mut m, mut v) = (Buffer::zeros(PARAMETERS), Buffer::zeros(PARAMETERS));
    Box::new(move || update::adam(isa, 1e-3, 0.1, 0.001, 1e-7, &mut w, &g, &mut m, &mut v))
}

fn softmax_cross_entropy(isa: Isa) -> Work {
    let logits = numbers(1, BATCH * 10);
    let labels: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
    let mut dlogits = Buffer::zeros(logits.len());
    Box::new(move || {
        loss::softmax_cross_entropy(isa, 10, &logits, &labels, 1.0 / 32.0, &mut dlogits);
    })
}
