//! The kernels, with the shapes of the course's networks: what one shard of four images asks of them.

use crate::{BATCH, Piece, Work};
use cnn_kernels::conv::{self, ConvGeometry};
use cnn_kernels::max_pool::PoolGeometry;
use cnn_kernels::{Isa, dense, loss, update};

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
        let Block(h, c, f) = *self;
        let (o, half) = (h - 2, (h - 2) / 2);
        let conv = ConvGeometry {
            h,
            w: h,
            c,
            kh: 3,
            kw: 3,
            f,
            stride_h: 1,
            stride_w: 1,
            pad_top: 0,
            pad_left: 0,
            oh: o,
            ow: o,
        };
        let pool = PoolGeometry {
            h: o,
            w: o,
            c: f,
            ph: 2,
            pw: 2,
            stride_h: 2,
            stride_w: 2,
            pad_top: 0,
            pad_left: 0,
            oh: half,
            ow: half,
        };
        (conv, pool)
    }
}

/// What a block has read and written on its way forward, and the gradient that comes back.
struct Done {
    conv: ConvGeometry,
    pool: PoolGeometry,
    x: Vec<f32>,
    kernel: Vec<f32>,
    y: Vec<f32>,
    argmax: Vec<u16>,
    dy: Vec<f32>,
    scratch: Vec<f32>,
}

fn forward(isa: Isa, block: &Block) -> Work {
    let (g, p) = block.geometry();
    let (x, kernel) = (numbers(1, SHARD * g.input_len()), numbers(2, g.kernel_len()));
    let bias = numbers(3, g.f);
    let len = SHARD * p.output_len();
    let (mut y, mut argmax) = (vec![0.0; len], vec![0; len]);
    let mut scratch = vec![0.0; conv::pool_scratch_len(&g, &p)];
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
    let (mut y, mut argmax) = (vec![0.0; len], vec![0; len]);
    let mut scratch = vec![0.0; conv::pool_scratch_len(&g, &p)];
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
    let scratch = vec![0.0; conv::backward_pool_scratch_len(&g)];
    Done { conv: g, pool: p, x, kernel, y, argmax, dy: numbers(4, len), scratch }
}

fn backward_kernel(isa: Isa, block: &Block) -> Work {
    let mut d = done(isa, block);
    let (mut dkernel, mut dbias) = (vec![0.0; d.kernel.len()], vec![0.0; d.conv.f]);
    Box::new(move || {
        let (dkernel, dbias, scratch) = (&mut dkernel, &mut dbias, &mut d.scratch);
        conv::backward_max_pool_kernel(
            isa, &d.conv, &d.pool, true, &d.x, &d.y, &d.dy, &d.argmax, dkernel, dbias, scratch,
        );
    })
}

fn backward_input(isa: Isa, block: &Block) -> Work {
    let mut d = done(isa, block);
    let mut packed = vec![0.0; conv::packed_len(&d.conv)];
    conv::transpose_kernel(&d.conv, &d.kernel, &mut packed);
    let mut dx = vec![0.0; d.x.len()];
    Box::new(move || {
        let (dx, scratch) = (&mut dx, &mut d.scratch);
        conv::backward_max_pool_input(
            isa, &d.conv, &d.pool, true, &packed, &d.y, &d.dy, &d.argmax, dx, scratch,
        );
    })
}

fn dense_forward(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (x, kernel, bias) = (numbers(1, SHARD * n_in), numbers(2, n_in * n_out), numbers(3, n_out));
    let mut y = vec![0.0; SHARD * n_out];
    Box::new(move || dense::forward(isa, n_in, n_out, &x, &kernel, &bias, &mut y))
}

/// Over the whole batch, as the engine does it.
fn dense_backward_kernel(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (x, dz) = (numbers(1, BATCH * n_in), numbers(4, BATCH * n_out));
    let mut dkernel = vec![0.0; n_in * n_out];
    Box::new(move || {
        let shards: [(&[f32], &[f32]); BATCH / SHARD] = std::array::from_fn(|i| {
            (&x[i * SHARD * n_in..][..SHARD * n_in], &dz[i * SHARD * n_out..][..SHARD * n_out])
        });
        dense::backward_kernel(isa, n_in, n_out, &shards, 0..n_in, &mut dkernel);
    })
}

fn dense_backward_input(isa: Isa, n_in: usize, n_out: usize) -> Work {
    let (kernel, dz) = (numbers(2, n_in * n_out), numbers(4, SHARD * n_out));
    let mut dx = vec![0.0; SHARD * n_in];
    Box::new(move || dense::backward_input(isa, n_in, n_out, &kernel, &dz, &mut dx))
}

fn adam(isa: Isa) -> Work {
    let (mut w, g) = (numbers(1, PARAMETERS), numbers(2, PARAMETERS));
    let (mut m, mut v) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    Box::new(move || update::adam(isa, 1e-3, 0.1, 0.001, 1e-7, &mut w, &g, &mut m, &mut v))
}

fn softmax_cross_entropy(isa: Isa) -> Work {
    let logits = numbers(1, BATCH * 10);
    let labels: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
    let mut dlogits = vec![0.0; logits.len()];
    Box::new(move || {
        loss::softmax_cross_entropy(isa, 10, &logits, &labels, 1.0 / 32.0, &mut dlogits);
    })
}

/// Repeatable numbers in −1..1.
fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}
