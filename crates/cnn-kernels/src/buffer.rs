//! Memory for numbers that vector instructions load.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes of a line of cache, and of the widest register.
const LINE: usize = 64;

/// A fixed number of `f32`, the first of which begins a line of cache: so does every sixteenth after it, and a register that
/// is loaded from there touches one line and not two, which takes half the time.
///
/// ```
/// let mut buffer = cnn_kernels::Buffer::zeros(3);
/// buffer[1] = 2.0;
/// assert_eq!(*buffer, [0.0, 2.0, 0.0]);
/// assert_eq!(buffer.as_ptr() as usize % 64, 0);
/// ```
#[derive(Default)]
pub struct Buffer {
    /// As many as are wanted, behind as many as it takes to get to the beginning of a line. Never grows, so never moves.
    data: Vec<f32>,
    start: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let ahead = if len == 0 { 0 } else { LINE / size_of::<f32>() - 1 };
        let data = vec![0.0_f32; ahead + len];
        let start = data.as_ptr().align_offset(LINE);
        // The only case in which `align_offset` may give up is one that does not occur at run time.
        let start = if start > ahead { 0 } else { start };
        let mut buffer = Self { data, start };
        buffer.data.truncate(start + len);
        buffer
    }
}

impl From<&[f32]> for Buffer {
    fn from(numbers: &[f32]) -> Self {
        let mut buffer = Self::zeros(numbers.len());
        buffer.copy_from_slice(numbers);
        buffer
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data[self.start..]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..]
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_buffer_begins_a_line_and_so_does_its_copy() {
        let kept: Vec<Buffer> = (0..200).map(Buffer::zeros).collect();
        for (len, buffer) in kept.iter().enumerate() {
            assert_eq!(buffer.len(), len);
            let copy = buffer.clone();
            for buffer in [buffer, &copy] {
                assert!(buffer.is_empty() || buffer.as_ptr().addr().is_multiple_of(LINE));
                assert!(buffer.iter().all(|x| *x == 0.0));
            }
        }
        assert_eq!(*Buffer::from(&[1.0, 2.0][..]), [1.0, 2.0]);
    }
}
