//! libFuzzer on the parser `idx`: see `cnn_fuzz::idx`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::idx(bytes));
