//! libFuzzer on the parser `model_toml`: see `cnn_fuzz::model_toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::model_toml(bytes));
