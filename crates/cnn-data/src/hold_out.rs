//! A test split for data that comes without one.

use sha2::{Digest, Sha256};

/// What decides where an image goes: the SHA-256 of its file or its numbers.
pub(crate) type Key = [u8; 32];

/// The key of these bytes.
pub(crate) fn key(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

/// Which images become the test split: of each class its `share`, rounded to the nearest, at least one and not all; those with
/// the largest keys. A class of one image keeps it for training.
///
/// The keys are as good as random numbers, and better here: they depend on nothing but the image. Neither names nor the
/// order of the files matter, an image stays where it is when others come or go (but for those near the cut), and equal
/// files of a class are never on both sides: the cut moves until the keys beside it differ.
pub(crate) fn held_out(labels: &[u32], keys: &[Key], share: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_unstable_by_key(|&i| (labels[i], keys[i], i));
    let mut held = vec![false; labels.len()];
    for class in order.chunk_by(|&a, &b| labels[a] == labels[b]) {
        let n = class.len();
        let wanted = ((n as f64 * share).round() as usize).clamp(1, n.max(2) - 1);
        let clean = |cut: &usize| keys[class[cut - 1]] != keys[class[*cut]];
        // From n − wanted outwards: fewer training images first.
        let near = (1..n).filter(clean).min_by_key(|cut| cut.abs_diff(n - wanted));
        for &i in near.map_or(&[][..], |cut| &class[cut..]) {
            held[i] = true;
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_gives_its_share_and_equal_files_stay_together() {
        // 40 of class 0, 11 of class 1, 1 of class 2, 6 equal files of class 3.
        let labels: Vec<u32> = [(0, 40), (1, 11), (2, 1), (3, 6)]
            .into_iter()
            .flat_map(|(class, n)| std::iter::repeat_n(class, n))
            .collect();
        let keys: Vec<Key> =
            (0..58_u32).map(|i| key(&if i < 52 { i.to_le_bytes() } else { [9; 4] })).collect();
        let held = held_out(&labels, &keys, 0.2);
        let count = |class| labels.iter().zip(&held).filter(|&(&l, &h)| l == class && h).count();
        assert_eq!([0, 1, 2, 3].map(count), [8, 2, 0, 0]);
    }

    #[test]
    fn neither_the_order_nor_other_images_matter() {
        let keys: Vec<Key> = (0..100_u32).map(|i| key(&i.to_le_bytes())).collect();
        let labels = vec![0; 100];
        let held = held_out(&labels, &keys, 0.2);
        let backwards: Vec<Key> = keys.iter().rev().copied().collect();
        let mut again = held_out(&labels, &backwards, 0.2);
        again.reverse();
        assert_eq!(held, again);
        let fewer = held_out(&labels[..90], &keys[..90], 0.2);
        let moved = held.iter().zip(&fewer).filter(|(a, b)| a != b).count();
        assert!(moved <= 4, "{moved} of 90 moved");
    }
}
