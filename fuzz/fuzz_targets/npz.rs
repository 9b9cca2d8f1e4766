//! libFuzzer on the parser `npz`: see `cnn_fuzz::npz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::npz(bytes));
