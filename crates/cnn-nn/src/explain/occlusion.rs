//! Occlusion: what the score loses when a window of the image is covered.

use super::question::{Baseline, ExplainError, Question};
use ndarray::Array2;

/// Settings of [`occlusion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occlusion {
    /// Side of the window in pixels; 1 or more.
    pub window: usize,
    /// Pixels from one place of the window to the next; 1 to `window`, so that every pixel is covered.
    pub stride: usize,
}

impl Occlusion {
    /// A window of about a fifth of the image's smaller side, moved by about half of itself: 5 and 2 for 28 × 28 pixels.
    pub fn for_image([h, w, _]: [usize; 3]) -> Self {
        let window = (h.min(w) / 5).max(1);
        Self { window, stride: (window / 2).max(1) }
    }
}

/// Covers a window of the image with the baseline, place after place; each pixel gets the mean fall of the score over the
/// windows that cover it: positive where the class rests on the pixel, negative where its score rises without it. `[h, w]`.
///
/// Source: Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks".
///
/// # Errors
/// [`ExplainError::Setting`] for a window or stride of 0, or a stride above the window; a baseline that is no image of the model.
pub fn occlusion(
    question: &Question<'_>,
    baseline: &Baseline,
    settings: &Occlusion,
) -> Result<Array2<f32>, ExplainError> {
    let &Occlusion { window, stride } = settings;
    if window == 0 || stride == 0 || stride > window {
        let message = format!(
            "occlusion needs a window of at least one pixel, moved by 1 to as many pixels as it has, got {window} moved by {stride}"
        );
        return Err(ExplainError::setting(message, "a window of 5 moved by 2 suits 28 × 28"));
    }
    let Question { network, image, class, .. } = question;
    let [h, w, c] = network.image_shape();
    let baseline = baseline.image(network)?;
    let (rows, columns) = (places(h, window, stride), places(w, window, stride));
    let (tall, wide) = (window.min(h), window.min(w));
    let place = |i: usize| (rows[i / columns.len()], columns[i % columns.len()]);
    let cover = |i: usize, x: &mut [f32]| {
        x.copy_from_slice(image);
        let (top, left) = place(i);
        for row in top..top + tall {
            let at = (row * w + left) * c..(row * w + left + wide) * c;
            x[at.clone()].copy_from_slice(&baseline[at]);
        }
    };
    let n = rows.len() * columns.len();
    let scores = network.scores_of(n, cover);
    let whole = f64::from(question.scores()[*class]);
    // The sum of the falls at each pixel, and how many there are.
    let mut falls = Array2::from_elem((h, w), (0.0f64, 0.0f64));
    for (i, score) in scores.iter().skip(*class).step_by(network.classes()).enumerate() {
        let (top, left) = place(i);
        for row in top..top + tall {
            for column in left..left + wide {
                let (sum, count) = &mut falls[[row, column]];
                (*sum, *count) = (*sum + whole - f64::from(*score), *count + 1.0);
            }
        }
    }
    Ok(falls.mapv(|(sum, count)| (sum / count) as f32))
}

/// Where a window begins along an axis: every `stride` pixels, and at the end, so that every pixel is covered.
fn places(size: usize, window: usize, stride: usize) -> Vec<usize> {
    let last = size.saturating_sub(window);
    let mut places: Vec<usize> = (0..=last).step_by(stride).collect();
    if places.last() != Some(&last) {
        places.push(last);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn windows_reach_both_ends() {
        assert_eq!(places(7, 3, 2), [0, 2, 4]);
        assert_eq!(places(8, 3, 2), [0, 2, 4, 5]);
        assert_eq!(places(2, 3, 2), [0]);
        assert_eq!(places(3, 1, 1), [0, 1, 2]);
    }
}
