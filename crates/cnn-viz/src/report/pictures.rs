//! Pictures for pages: many small ones in one, and large ones made small.

use crate::bitmap::Bitmap;
use crate::color::Color;

/// Pictures of one size side by side, `columns` in a row, with one pixel of `gap` between them.
pub fn tiles(pictures: &[Bitmap], columns: usize, gap: Color) -> Bitmap {
    let (w, h) = pictures.first().map_or((0, 0), |first| (first.width(), first.height()));
    if w == 0 || h == 0 {
        return Bitmap::from_plane(0, 0, std::iter::empty());
    }
    let columns = columns.clamp(1, pictures.len());
    let rows = pictures.len().div_ceil(columns);
    let (width, height) = (columns * (w + 1) - 1, rows * (h + 1) - 1);
    let pixel = |at: usize| {
        let (y, x) = (at / width, at % width);
        let picture = pictures.get(y / (h + 1) * columns + x / (w + 1));
        let inside = picture.and_then(|p| p.pixels().get(y % (h + 1) * w + x % (w + 1)));
        *inside.filter(|_| x % (w + 1) < w && y % (h + 1) < h).unwrap_or(&gap)
    };
    Bitmap::from_plane(height, width, (0..width * height).map(pixel))
}

/// The picture with no side longer than `most` pixels, which is taken as 1 if it is 0: each pixel is the mean of a square
/// block. One that is small enough comes back as it is.
pub fn shrink(picture: &Bitmap, most: usize) -> Bitmap {
    let (w, h) = (picture.width(), picture.height());
    let block = w.max(h).div_ceil(most.max(1)).max(1);
    if block == 1 {
        return picture.clone();
    }
    let (width, height) = (w.div_ceil(block), h.div_ceil(block));
    let mean = |at: usize| {
        let (top, left) = (at / width * block, at % width * block);
        let (mut sums, mut n) = ([0u32; 3], 0u32);
        for y in top..(top + block).min(h) {
            for p in &picture.pixels()[y * w + left..y * w + (left + block).min(w)] {
                for (sum, part) in sums.iter_mut().zip([p.r, p.g, p.b]) {
                    *sum += u32::from(part);
                }
                n += 1;
            }
        }
        let [r, g, b] = sums.map(|sum| ((sum + n / 2) / n.max(1)) as u8);
        Color { r, g, b }
    };
    Bitmap::from_plane(height, width, (0..width * height).map(mean))
}

/// Each pixel as a square of `times` × `times`.
pub(super) fn enlarge(picture: &Bitmap, times: usize) -> Bitmap {
    let times = times.max(1);
    let (w, h) = (picture.width(), picture.height());
    let width = w * times;
    let pixel = |at: usize| picture.pixels()[at / width / times * w + at % width / times];
    Bitmap::from_plane(h * times, width, (0..width * h * times).map(pixel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Colormap;
    use ndarray::arr2;

    fn gray(rows: &ndarray::Array2<u8>) -> Bitmap {
        Bitmap::from_u8(&rows.view(), Colormap::Gray)
    }

    #[test]
    fn tiles_lie_side_by_side_with_a_pixel_between() {
        let (a, b) = (gray(&arr2(&[[0, 1]])), gray(&arr2(&[[2, 3]])));
        let all = tiles(&[a.clone(), b, a], 2, Color::WHITE);
        assert_eq!((all.width(), all.height()), (5, 3));
        let reds: Vec<u8> = all.pixels().iter().map(|pixel| pixel.r).collect();
        let gap = 255;
        assert_eq!(reds[..5], [0, 1, gap, 2, 3]);
        assert_eq!(reds[5..10], [gap; 5]);
        assert_eq!(reds[10..], [0, 1, gap, gap, gap], "an empty place is gap");
        assert_eq!(tiles(&[], 3, Color::WHITE).width(), 0);
    }

    #[test]
    fn a_large_picture_becomes_means_of_blocks() {
        let large = gray(&arr2(&[[0, 100, 7], [100, 200, 9], [50, 50, 3]]));
        let small = shrink(&large, 2);
        assert_eq!((small.width(), small.height()), (2, 2));
        let reds: Vec<u8> = small.pixels().iter().map(|pixel| pixel.r).collect();
        assert_eq!(reds, [100, 8, 50, 3], "blocks at the edge are smaller");
        assert_eq!(shrink(&large, 3), large);
        assert_eq!(shrink(&large, 0).width(), 1);
        let twice = enlarge(&gray(&arr2(&[[1, 2]])), 2);
        let reds: Vec<u8> = twice.pixels().iter().map(|pixel| pixel.r).collect();
        assert_eq!((twice.width(), reds), (4, vec![1, 1, 2, 2, 1, 1, 2, 2]));
    }
}
