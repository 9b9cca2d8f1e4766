//! Conv2D + bias + relu + MaxPooling2D as one engine step: what [`Conv2D`](super::Conv2D) turns into when a pooling follows.
//!
//! The image before pooling is the largest activation of the network; here it is never stored. Forward keeps the pooled
//! image and the winner of each window, backward follows those winners. Not in the registry: no
//! `model.toml` names it.

use super::conv2d::BuiltConv2D;
use super::{Function, rows};
use crate::layer::{Layer, Part, Pass, Shard, Weights, Work, WorkSize};
use cnn_kernels::Isa;
use cnn_kernels::conv;
use cnn_kernels::max_pool::PoolGeometry;

#[derive(Debug)]
pub(super) struct ConvMaxPool {
    conv: BuiltConv2D,
    pool: PoolGeometry,
}

impl ConvMaxPool {
    /// The fused layer where it is equal to the two, and faster: one group, an activation that commutes with the maximum, and windows that
    /// neither overlap nor leave the image.
    pub(super) fn new(conv: &BuiltConv2D, pool: &PoolGeometry) -> Option<Self> {
        let commutes = matches!(conv.activation, Function::Relu | Function::Linear);
        let tiles = pool.stride_h == pool.ph && pool.stride_w == pool.pw;
        let inside = pool.pad_top == 0
            && pool.pad_left == 0
            && pool.oh * pool.ph <= pool.h
            && pool.ow * pool.pw <= pool.w;
        // Channels on their own have better kernels when nothing is fused to them.
        let whole = conv.geometry.groups == 1;
        (commutes && tiles && inside && whole).then(|| Self { conv: conv.clone(), pool: *pool })
    }

    fn relu(&self) -> bool {
        self.conv.activation == Function::Relu
    }
}

impl Layer for ConvMaxPool {
    fn work(&self) -> WorkSize {
        let geometry = &self.conv.geometry;
        let scratch = conv::backward_pool_scratch_len(geometry)
            .max(conv::pool_scratch_len(geometry, &self.pool));
        WorkSize { saved: self.pool.oh * self.pool.ow * self.pool.c, scratch }
    }

    fn packed_len(&self) -> usize {
        self.conv.packed_len()
    }

    fn pack(&self, params: &[f32], packed: &mut [f32]) {
        self.conv.pack(params, packed);
    }

    fn parts(&self, count: usize) -> Vec<Box<dyn Part>> {
        let (conv, p) = (&self.conv, &self.pool);
        rows::cut(count, p.oh, p.ow * p.c, |rows| {
            let high = rows.start * p.ph..rows.end * p.ph;
            let (geometry, x) = rows::of_convolution(&conv.geometry, &high)?;
            let pool = PoolGeometry { h: geometry.oh, oh: rows.len(), ..*p };
            Some((Self { conv: BuiltConv2D { geometry, ..conv.clone() }, pool }, x))
        })
    }

    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        work: Work<'_>,
        _: Pass,
    ) {
        let (kernel, bias) = self.conv.split(weights.params);
        let geometry = &self.conv.geometry;
        conv::forward_max_pool(
            isa,
            geometry,
            &self.pool,
            x,
            kernel,
            bias,
            self.relu(),
            y,
            work.saved,
            work.scratch,
        );
    }

    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        _: Pass,
    ) {
        let (g, p, relu, y) = (&self.conv.geometry, &self.pool, self.relu(), shard.y);
        let (dy, saved, scratch) = (&*shard.dy, &*work.saved, work.scratch);
        if let Some(dw) = dw {
            let (dkernel, dbias) = dw.split_at_mut(g.kernel_len());
            conv::backward_max_pool_kernel(
                isa, g, p, relu, shard.x, y, dy, saved, dkernel, dbias, scratch,
            );
        }
        if let Some(dx) = dx {
            let packed = weights.packed;
            conv::backward_max_pool_input(isa, g, p, relu, packed, y, dy, saved, dx, scratch);
        }
    }
}
