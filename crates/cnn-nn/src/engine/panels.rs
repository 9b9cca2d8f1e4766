//! Results that threads compute column by column, and shards read row by row.

use cnn_kernels::Buffer;
use std::ops::Range;

/// A matrix in panels: a few neighbouring columns of all rows lie together, so that each panel can be lent to a thread.
#[derive(Debug, Default)]
pub(super) struct Panels {
    columns: usize,
    /// Columns of a panel; the last may have fewer.
    width: usize,
    data: Buffer,
    /// Panel → its part of `data`.
    bounds: Vec<Range<usize>>,
}

impl Panels {
    /// Room for `rows` rows of `columns` numbers, in `count` panels. Those that are beyond the columns are empty.
    pub(super) fn new(columns: usize, width: usize, count: usize, rows: usize) -> Self {
        let data = Buffer::zeros(columns * rows);
        Self { columns, width, data, bounds: vec![0..0; count] }
    }

    /// Cuts the room for this many rows, none of which is kept.
    pub(super) fn set_rows(&mut self, rows: usize) {
        let (columns, width) = (self.columns, self.width);
        for (panel, bounds) in self.bounds.iter_mut().enumerate() {
            let of = columns_of(panel, width, columns);
            *bounds = of.start * rows..of.end * rows;
        }
    }

    /// All panels, and where each of them is.
    pub(super) fn parts(&mut self) -> (&mut [f32], &[Range<usize>]) {
        (&mut self.data, &self.bounds)
    }

    /// Copies whole rows, from `first` on, to `to`.
    pub(super) fn read_rows(&self, first: usize, to: &mut [f32]) {
        for (panel, bounds) in self.bounds.iter().enumerate() {
            let columns = columns_of(panel, self.width, self.columns);
            if columns.is_empty() {
                return;
            }
            let rows = self.data[bounds.clone()].chunks_exact(columns.len()).skip(first);
            for (row, to) in rows.zip(to.chunks_exact_mut(self.columns)) {
                to[columns.clone()].copy_from_slice(row);
            }
        }
    }
}

/// The columns of a panel, of `columns` in all; none beyond them.
pub(super) fn columns_of(panel: usize, width: usize, columns: usize) -> Range<usize> {
    let at = |panel: usize| (panel * width).min(columns);
    at(panel)..at(panel + 1)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_computed() {
        let mut panels = Panels::new(5, 2, 4, 9);
        for rows in [9, 3] {
            panels.set_rows(rows);
            for panel in 0..4 {
                let columns = columns_of(panel, 2, 5);
                let (data, bounds) = panels.parts();
                let part = &mut data[bounds[panel].clone()];
                assert_eq!(part.len(), columns.len() * rows);
                for (i, number) in part.iter_mut().enumerate() {
                    let (row, column) = (i / columns.len(), columns.start + i % columns.len());
                    *number = (10 * row + column) as f32;
                }
            }
            let mut two = [0.0; 10];
            panels.read_rows(1, &mut two);
            assert_eq!(two, [10., 11., 12., 13., 14., 20., 21., 22., 23., 24.]);
        }
    }
}
