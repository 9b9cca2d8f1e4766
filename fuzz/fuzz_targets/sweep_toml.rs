//! libFuzzer on the parser `sweep_toml`: see `cnn_fuzz::sweep_toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::sweep_toml(bytes));
