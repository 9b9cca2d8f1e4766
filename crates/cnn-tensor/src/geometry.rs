//! Two windows, along height and width, as the geometry that the kernels take.

use cnn_kernels::conv::ConvGeometry;
use cnn_kernels::max_pool::PoolGeometry;

use crate::Window;

/// The geometry of a convolution that slides these windows over an image of `channels`, with `filters` outputs.
pub fn conv_geometry([rows, cols]: [Window; 2], channels: usize, filters: usize) -> ConvGeometry {
    ConvGeometry {
        h: rows.input,
        w: cols.input,
        c: channels,
        kh: rows.kernel,
        kw: cols.kernel,
        f: filters,
        groups: 1,
        stride_h: rows.stride,
        stride_w: cols.stride,
        dilation_h: rows.dilation,
        dilation_w: cols.dilation,
        pad_top: rows.before,
        pad_left: cols.before,
        oh: rows.output,
        ow: cols.output,
    }
}

/// The geometry of a pooling that slides these windows over an image of `channels`.
pub fn pool_geometry([rows, cols]: [Window; 2], channels: usize) -> PoolGeometry {
    PoolGeometry {
        h: rows.input,
        w: cols.input,
        c: channels,
        ph: rows.kernel,
        pw: cols.kernel,
        stride_h: rows.stride,
        stride_w: cols.stride,
        pad_top: rows.before,
        pad_left: cols.before,
        oh: rows.output,
        ow: cols.output,
    }
}
