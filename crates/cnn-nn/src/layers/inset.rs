//! An image inside a larger one: what padding adds around it, and cropping takes away.

/// Where the rows of the inner image lie in the outer one. Lengths in numbers, channels included.
#[derive(Debug)]
pub(super) struct Inset {
    /// An image of the outer, and a row of it.
    outer: usize,
    outer_row: usize,
    /// An image of the inner, and a row of it.
    inner: usize,
    inner_row: usize,
    /// Where the first number of the inner image stands in the outer one.
    first: usize,
}

impl Inset {
    /// The inner image of these rows and columns, `top` rows below and `left` columns behind the beginning of the outer one.
    pub(super) fn new(
        outer: [usize; 2],
        inner: [usize; 2],
        [top, left]: [usize; 2],
        channels: usize,
    ) -> Self {
        let (outer_row, inner_row) = (outer[1] * channels, inner[1] * channels);
        Self {
            outer: outer[0] * outer_row,
            outer_row,
            inner: inner[0] * inner_row,
            inner_row,
            first: top * outer_row + left * channels,
        }
    }

    /// Writes the outer images: the inner ones with zeros around them.
    pub(super) fn surround(&self, inner: &[f32], outer: &mut [f32]) {
        outer.fill(0.0);
        for (inner, to) in inner.chunks_exact(self.inner_row.max(1)).zip(self.rows()) {
            outer[to..][..self.inner_row].copy_from_slice(inner);
        }
    }

    /// Writes the inner images: what lies in the outer ones.
    pub(super) fn cut_out(&self, outer: &[f32], inner: &mut [f32]) {
        for (inner, from) in inner.chunks_exact_mut(self.inner_row.max(1)).zip(self.rows()) {
            inner.copy_from_slice(&outer[from..][..self.inner_row]);
        }
    }

    /// Where each row of the inner images begins in the outer ones, image by image.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let rows = self.inner.checked_div(self.inner_row).unwrap_or(0);
        (0..).flat_map(move |image: usize| {
            let begin = image * self.outer + self.first;
            (0..rows).map(move |row| begin + row * self.outer_row)
        })
    }
}
