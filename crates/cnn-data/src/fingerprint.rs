//! A sum that names a data set, whatever files it came in.

use crate::{Images, Split};
use sha2::{Digest, Sha256};

/// SHA-256 over, for training then test images: the four sizes and the pixel type as little-endian u64, the pixels (bytes,
/// or little-endian f32), the labels as little-endian u32.
pub(crate) fn fingerprint(train: &Split, test: &Split) -> String {
    let mut hash = Sha256::new();
    for split in [train, test] {
        let (n, h, w, c) = split.images.dim();
        let kind = match &split.images {
            Images::U8(_) => 1,
            Images::F32(_) => 4,
        };
        for size in [n, h, w, c, kind] {
            hash.update((size as u64).to_le_bytes());
        }
        match &split.images {
            Images::U8(images) => hash.update(images.as_slice().unwrap_or_default()),
            Images::F32(images) => {
                update_chunked(&mut hash, images.iter().map(|v| v.to_le_bytes()));
            }
        }
        update_chunked(&mut hash, split.labels.iter().map(|v| v.to_le_bytes()));
    }
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.concat()
}

/// Hashes many small pieces through one buffer.
fn update_chunked(hash: &mut Sha256, pieces: impl Iterator<Item = [u8; 4]>) {
    let mut buffer = Vec::with_capacity(1 << 16);
    for piece in pieces {
        buffer.extend(piece);
        if buffer.len() == 1 << 16 {
            hash.update(&buffer);
            buffer.clear();
        }
    }
    hash.update(&buffer);
}
