//! libFuzzer on the parser `checkpoint`: see `cnn_fuzz::checkpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::checkpoint(bytes));
