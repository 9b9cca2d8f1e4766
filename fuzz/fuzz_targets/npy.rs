//! libFuzzer on the parser `npy`: see `cnn_fuzz::npy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::npy(bytes));
