//! The most that a processor can multiply and add: the yardstick of all other kernels.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// Multiplies and adds `rounds` times in registers alone, as many sums at once as hide the latency of the instruction.
///
/// Returns how many multiply-adds that were, and a sum that depends on all of them, so that none can be left out. Time it to
/// learn what one core can do: no kernel is faster, except by skipping terms.
pub fn multiply_adds(isa: Isa, rounds: usize) -> (u64, f32) {
    dispatch!(isa, multiply_adds(rounds), scalar::peak::multiply_adds)
}
