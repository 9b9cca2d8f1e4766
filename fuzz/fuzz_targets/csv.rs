//! libFuzzer on the parser `csv`: see `cnn_fuzz::csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::csv(bytes));
