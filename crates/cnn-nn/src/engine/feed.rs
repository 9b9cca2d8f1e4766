//! Where a batch comes from.

use std::ops::Range;

/// Fills positions `range` of the batch: pixels into the first slice, labels into the second. Called from many threads.
pub type Feed<'a> = dyn Fn(Range<usize>, &mut [f32], &mut [u32]) + Sync + 'a;

/// As [`Feed`], for batches whose images are mixed in pairs and so have two labels each. Called from many threads: what it
/// writes may depend on nothing but the positions, and a sample's partner may be anywhere in the batch.
pub type MixedFeed<'a> = dyn Fn(Range<usize>, &mut [f32], Targets<'_>) + Sync + 'a;

/// The two labels of each sample of a mixed batch, to be filled.
#[derive(Debug)]
pub struct Targets<'a> {
    /// The label of the image itself.
    pub labels: &'a mut [u32],
    /// The label of the image that is mixed in.
    pub partners: &'a mut [u32],
    /// Share of the first label, 0 to 1; the second has the rest.
    pub shares: &'a mut [f32],
}

/// Either feed.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Plain(&'a Feed<'a>),
    Mixed(&'a MixedFeed<'a>),
}
