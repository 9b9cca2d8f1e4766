//! Bytes to numbers in plain loops.

#[inline(always)]
pub(crate) fn u8_to_f32(bytes: &[u8], scale: f32, out: &mut [f32]) {
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out = f32::from(*byte) * scale;
    }
}

#[inline(always)]
pub(crate) fn u8_to_unit(bytes: &[u8], out: &mut [f32]) {
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out = f32::from(*byte) / 255.0;
    }
}
