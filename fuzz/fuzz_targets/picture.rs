//! libFuzzer on the parser `picture`: see `cnn_fuzz::picture`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::picture(bytes));
