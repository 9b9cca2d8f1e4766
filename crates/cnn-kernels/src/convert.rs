//! Bytes to numbers.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// `out = bytes · scale`.
pub fn u8_to_f32(isa: Isa, bytes: &[u8], scale: f32, out: &mut [f32]) {
    assert_eq!(bytes.len(), out.len(), "u8_to_f32: lengths differ");
    dispatch!(isa, u8_to_f32(bytes, scale, out), scalar::convert::u8_to_f32);
}

/// `out = bytes / 255`, exactly the `f32` division that `NumPy` does: a pixel in 0..=1.
pub fn u8_to_unit(isa: Isa, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(bytes.len(), out.len(), "u8_to_unit: lengths differ");
    dispatch!(isa, u8_to_unit(bytes, out), scalar::convert::u8_to_unit);
}
