//! libFuzzer on the parser `run_json`: see `cnn_fuzz::run_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::run_json(bytes));
