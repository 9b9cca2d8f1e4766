//! The yardstick counts what it does, and cannot be optimised away.

use cnn_kernels::{Isa, peak};

#[test]
fn every_round_is_counted_and_done() {
    for isa in Isa::available() {
        let (per_round, _) = peak::multiply_adds(isa, 1);
        assert!(per_round >= 8, "{isa:?}");
        assert_eq!(peak::multiply_adds(isa, 0).0, 0, "{isa:?}");
        assert_eq!(peak::multiply_adds(isa, 1000).0, 1000 * per_round, "{isa:?}");
        // x ← 0.999·x + 0.001 goes to 1 from wherever it began.
        let sums = |rounds| f64::from(peak::multiply_adds(isa, rounds).1);
        let (none, one, many) = (sums(0), sums(1), sums(40_000));
        assert!((one - none).abs() > 1e-4, "{isa:?}: {none} and {one}");
        assert!((many - many.round()).abs() < 1e-2, "{isa:?}: {many} is a number of ones");
        assert!(many.round() >= 8.0 && many.round() <= per_round as f64, "{isa:?}: {many}");
    }
}
