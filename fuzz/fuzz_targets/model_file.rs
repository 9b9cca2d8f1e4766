//! libFuzzer on the parser `model_file`: see `cnn_fuzz::model_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::model_file(bytes));
